"""How often a whole build computes the delivered rows, by what it asks of Spark."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.connect.client import SparkConnectClient
from pyspark.sql.connect.proto import ExecutePlanRequest

from mlops_dagster_tests.data.worlds import Project

# Stands in every plan that computes the rows.
MARK = "of the delivered rows"
TABLES = """
bronze.raw:
  files: "raw/{window}.csv"
  event_time: day
bronze.shops: {files: shops.csv}
silver.checked:
  inputs: {raw: bronze.raw, shops: bronze.shops}
  event_time: day
  rules:
    - amount >= 0
    - {rule: amount < 50, name: small, on_fail: drop}
    - {unique: id}
    - {references: {shop: shops.name}}
    - {rule: mean(amount) > 0, by: shop, on_fail: record}
    - {rule: row_count < 100, by: shop, on_fail: record}
    - {rule: mean(amount) between 1 and 20, on_fail: record}
silver.stopped:
  inputs: {raw: bronze.raw}
  event_time: day
  rules:
    - {rule: id > 0, on_fail: stop}
    - amount >= 0
silver.plain: {inputs: {raw: bronze.raw}, event_time: day}
"""
KEYS = ["query", "query"]


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path) -> Project:
    """A month in which a row fails, and one in which none does."""
    project = Project(spark, tmp_path)
    project.declare(TABLES)
    for name in ("checked", "stopped", "plain"):
        project.sql(f"silver.{name}", f"SELECT *, '{MARK}' AS mark FROM raw\n")
    project.write("landing/shops.csv", "name\nnorth\nwest\n")
    project.write(
        "landing/raw/2013-01.csv",
        "id,day,shop,amount\n1,2013-01-05,north,1\n2,2013-01-06,west,3\n3,2013-01-07,west,-1\n",
    )
    project.write(
        "landing/raw/2013-02.csv", "id,day,shop,amount\n4,2013-02-05,north,1\n5,2013-02-06,west,3\n"
    )
    project.build("bronze.shops")
    for window in ("2013-01", "2013-02"):
        project.build("bronze.raw", window)
    return project


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What computes the delivered rows from now on: `query`, or the table that it writes."""
    found: list[str] = []
    execute: Callable[..., Iterator[object]] = SparkConnectClient._execute_and_fetch_as_iterator

    def noted(
        client: SparkConnectClient, request: ExecutePlanRequest, *args: object, **options: object
    ) -> Iterator[object]:
        plan = request.plan
        # A command of SQL that is a SELECT gives back its plan and computes nothing.
        if MARK in str(plan) and not plan.command.HasField("sql_command"):
            is_query = plan.HasField("root")
            found.append("query" if is_query else Path(plan.command.write_operation.path).name)
        return execute(client, request, *args, **options)

    monkeypatch.setattr(SparkConnectClient, "_execute_and_fetch_as_iterator", noted)
    return found


def test_rows_are_computed_once_by_their_write_and_once_for_each_group_of_keys(
    shop: Project, passes: list[str]
) -> None:
    assert shop.build("silver.checked", "2013-02").valid == 2
    assert passes == [*KEYS, "checked"]
    passes.clear()
    # Failing rows are made once more, for the quarantine.
    assert shop.build("silver.checked", "2013-01").quarantined == 1
    assert passes == [*KEYS, "checked", "quarantine"]
    passes.clear()
    # Building again takes no more: the row is found where it was.
    assert shop.build("silver.checked", "2013-01").quarantined == 1
    assert passes == [*KEYS, "checked", "quarantine"]


def test_rows_that_a_rule_may_refuse_are_counted_before_they_are_written(
    shop: Project, passes: list[str]
) -> None:
    shop.build("silver.stopped", "2013-02")
    assert passes == ["query", "stopped"]
    passes.clear()
    shop.build("silver.plain", "2013-01")
    assert passes == ["plain"]
