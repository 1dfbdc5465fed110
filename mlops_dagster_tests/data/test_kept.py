"""Rows by key: upserts and histories against plain Python, whatever the order of deliveries."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.data.kept import kept_rows
from mlops_dagster.errors import ContractViolation
from mlops_dagster_tests.data.worlds import Project

TABLES = """
bronze.customers: {files: "customers/{window}.csv", key: [customer], event_time: changed_at}
silver.latest: {keep: latest, inputs: {changes: bronze.customers}, key: [customer], event_time: changed_at}
silver.history: {keep: history, inputs: {changes: bronze.customers}, key: [customer], event_time: changed_at}
"""  # noqa: E501
HEADER = "customer,changed_at,city\n"
START = datetime(2013, 1, 1)
Change = tuple[int, datetime, int, str | None]


def changes(number: int) -> list[Change]:
    """Return changes of 40 customers at few instants, so that many fall together."""
    drawn = random.Random(7)
    return [
        (
            drawn.randrange(40),
            START + timedelta(hours=drawn.randrange(12)),
            drawn.randrange(4),
            drawn.choice(["a", "b", None]),
        )
        for _ in range(number)
    ]


def latest_of(rows: Iterable[Change]) -> dict[int, tuple[datetime, int]]:
    """Return the newest event time of each customer and what became known last of it."""
    found: dict[int, tuple[datetime, int]] = {}
    for customer, at, known, _ in rows:
        found[customer] = max(found.get(customer, (datetime.min, 0)), (at, known))
    return found


def test_the_newest_row_of_each_key_is_kept(project: Project, spark: SparkSession) -> None:
    project.declare(TABLES.replace("event_time: changed_at}", "event_time: at, known_at: known}"))
    rows = changes(500)
    schema = "customer int, at timestamp_ntz, known int, city string"
    table = project.table("silver.latest")
    found: dict[int, list[tuple[object, ...]]] = {}
    for order in (rows, rows[::-1]):
        frame = spark.createDataFrame(order, schema).repartition(3)
        kept = [tuple(row) for row in kept_rows(frame, table).collect()]
        assert {row[0]: (row[1], row[2]) for row in kept} == latest_of(rows)
        assert len(kept) == len(latest_of(rows))
        assert set(kept) <= set(rows)
        found[len(found)] = sorted(kept, key=repr)
    assert found[0] == found[1]


def test_each_version_is_valid_until_the_next_and_says_something_new(
    project: Project, spark: SparkSession
) -> None:
    project.declare(TABLES.replace("event_time: changed_at}", "event_time: at, known_at: known}"))
    # One row a customer and time: which of several counts is told above.
    rows = list(
        {
            (customer, at): (customer, at, known, city)
            for customer, at, known, city in changes(500)
        }.values()
    )
    schema = "customer int, at timestamp_ntz, known int, city string"
    frame = spark.createDataFrame(rows, schema).repartition(3)
    kept = [tuple(row) for row in kept_rows(frame, project.table("silver.history")).collect()]
    expected = []
    for customer in {row[0] for row in rows}:
        versions: list[Change] = []
        for row in sorted(row for row in rows if row[0] == customer):
            if not versions or versions[-1][3] != row[3]:
                versions.append(row)
        ends = [*(version[1] for version in versions[1:]), None]
        expected += [(*v, end, end is None) for v, end in zip(versions, ends, strict=True)]
    assert sorted(kept, key=repr) == sorted(expected, key=repr)


DELIVERIES = {
    "2013-01": "1,2013-01-05,Graz\n2,2013-01-06,Linz\n",
    "2013-02": "1,2013-02-05,Wien\n3,2013-02-06,Graz\n",
    "2013-03": "1,2013-03-05,Wien\n2,2013-03-06,\n",
}


def state(project: Project) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    assert project.build("silver.latest").quarantined == 0
    assert project.build("silver.history").quarantined == 0
    return (
        [(row[0], row[1]) for row in project.rows("silver.latest", "customer", "city")],
        [
            (row[0], str(row[1])[5:10], row[2], row[3] and str(row[3])[5:10], row[4])
            for row in project.rows(
                "silver.history", "customer", "changed_at", "city", "valid_to", "is_current"
            )
        ],
    )


@pytest.mark.long
def test_deliveries_in_another_order_give_the_table_of_those_in_order(project: Project) -> None:
    project.declare(TABLES)
    for window in list(DELIVERIES)[::-1]:
        project.write(f"landing/customers/{window}.csv", HEADER + DELIVERIES[window])
        project.build("bronze.customers", window)
    assert state(project) == (
        [(1, "Wien"), (2, None), (3, "Graz")],
        [
            (1, "01-05", "Graz", "02-05", False),
            (1, "02-05", "Wien", None, True),
            (2, "01-06", "Linz", "03-06", False),
            (2, "03-06", None, None, True),
            (3, "02-06", "Graz", None, True),
        ],
    )
    # A wrong delivery is undone by correcting its window.
    project.write("landing/customers/2013-02.csv", HEADER + "1,2013-02-07,Enns\n")
    project.build("bronze.customers", "2013-02")
    latest, history = state(project)
    assert latest == [(1, "Wien"), (2, None)]
    assert [row[1:3] for row in history if row[0] == 1] == [
        ("01-05", "Graz"),
        ("02-07", "Enns"),
        ("03-05", "Wien"),
    ]


def test_columns_that_a_history_makes_are_taken(project: Project) -> None:
    project.declare(TABLES)
    project.write("landing/customers/2013-01.csv", "customer,changed_at,Valid_To\n1,2013-01-05,x\n")
    project.build("bronze.customers", "2013-01")
    with pytest.raises(ContractViolation, match="the name 'Valid_To' is taken"):
        project.build("silver.history")
    assert project.build("silver.latest").valid == 1
