"""A batch that its rules refuse: the run says why, readers notice nothing, a correction helps."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from pyspark.sql import SparkSession

from mlops_dagster_tests.assets.inline_project import write_project
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.docs.pages import ROOT
from mlops_dagster_tests.end_to_end.live_project import (
    LiveProject,
    checks_of,
    live_project,
    step_failure,
)

pytestmark = pytest.mark.long

SHOP = """\
spec_version: 1
name: shop
windows: {every: day, first: 2024-01-01}
tables:
  bronze.orders:
    files: "orders/{window}.csv"
    key: [number]
    event_time: at
    rules:
      - {rule: amount >= 0, name: not_refunds, severity: critical}
      - {rule: amount < 1000, name: sane, severity: warning, on_fail: record}
  silver.days:
    inputs:
      orders: {table: bronze.orders, back: 1 day}
    key: [day]
    event_time: day
"""
DAYS_SQL = """\
SELECT CAST(at AS date) AS day, CAST(sum(amount) AS bigint) AS amount
FROM orders GROUP BY CAST(at AS date)
"""
FIRST, SECOND, THIRD = "2024-01-01", "2024-01-02", "2024-01-03"


@dataclass(frozen=True)
class Refused:
    """Three days of which the second brings two refunds, and what was readable in between.

    Attributes:
        project: The project at its end.
        refused: The second day, as it was delivered.
        redelivered: The first day, delivered again with a refund in it.
        readable: Orders by window after both, and what the event store held of them.
        next_day: The third day, while the second was missing.
        corrected: The second day, corrected, by the same command.
        made_up: The third day after that.
        amounts: What the derived table held of each day in the end.
    """

    project: LiveProject
    refused: dg.ExecuteInProcessResult
    redelivered: dg.ExecuteInProcessResult
    readable: tuple[dict[str, int], frozenset[str]]
    next_day: dg.ExecuteInProcessResult
    corrected: dg.ExecuteInProcessResult
    made_up: dg.ExecuteInProcessResult
    amounts: dict[str, int]


@pytest.fixture(scope="module")
def shop(
    remote: None, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Refused]:
    engine = f"{{kind: remote, address_variable: {REMOTE_VARIABLE}}}"
    root = write_project(tmp_path_factory.mktemp("shop"), {"shop": SHOP}, engine=engine)
    sql = root / "use_cases" / "shop" / "silver" / "days.sql"
    sql.parent.mkdir()
    sql.write_text(DAYS_SQL)
    deliver(root, FIRST, 5, 7)
    deliver(root, SECOND, 1, -2, 3, -4, 2000)
    deliver(root, THIRD, 8)
    with live_project(root) as project:
        assert project.close(FIRST).success
        refused = project.close(SECOND)
        deliver(root, FIRST, 5, -7)
        redelivered = project.close(FIRST)
        readable = orders_of(project, spark), frozenset(project.published())
        next_day = project.close(THIRD)
        deliver(root, SECOND, 1, 2, 3, 4)
        corrected = project.close(SECOND)
        made_up = project.close(THIRD)
        yield Refused(
            project,
            refused,
            redelivered,
            readable,
            next_day,
            corrected,
            made_up,
            amounts_of(project, spark),
        )


def deliver(root: Path, day: str, *amounts: int) -> None:
    """Write a day's orders, in place of those there are."""
    lines = [f"{number},{day}T10:00:00,{amount}" for number, amount in enumerate(amounts)]
    file = root / "landing" / "orders" / f"{day}.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(["number,at,amount", *lines, ""]))


def orders_of(project: LiveProject, spark: SparkSession) -> dict[str, int]:
    """The sum of each window's orders."""
    frame = project.locations.of(project.ref("bronze.orders")).read(spark)
    rows = frame.groupBy("window").agg({"amount": "sum"}).collect()
    return {row["window"]: row["sum(amount)"] for row in rows}


def amounts_of(project: LiveProject, spark: SparkSession) -> dict[str, int]:
    frame = project.locations.of(project.ref("silver.days")).read(spark)
    return {str(row["day"]): row["amount"] for row in frame.collect()}


def test_the_run_fails_and_names_rule_table_window_and_count(shop: Refused) -> None:
    assert not shop.refused.success
    told = step_failure(shop.refused)
    assert told.startswith("shop.bronze.orders 2024-01-02: refused by its rules: ")
    assert "not_refunds: 2 of 5 rows fail (40 %), which stops the batch" in told
    assert "sane" not in told
    assert "Correct the source or the rule, then run the table again" in told


def test_the_documentation_shows_the_message(shop: Refused) -> None:
    assert step_failure(shop.refused) in (ROOT / "docs" / "errors.md").read_text("utf-8")


def test_its_check_has_failed_and_blocks_while_others_tell_what_they_found(shop: Refused) -> None:
    checks = checks_of(shop.refused)
    failed = checks["not_refunds"]
    assert (failed.passed, failed.blocking) == (False, True)
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert failed.metadata["failed_rows"].value == 2
    recorded = checks["sane"]
    assert (recorded.passed, recorded.blocking) == (False, False)
    assert recorded.severity is dg.AssetCheckSeverity.WARN
    assert checks["key_unique"].passed


def test_dagster_keeps_the_failed_check_and_no_materialization(shop: Refused) -> None:
    orders = dg.AssetKey(["shop", "bronze", "orders"])
    history = shop.project.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(orders, "not_refunds"), limit=20
    )
    judged = [
        record.status.value
        for record in history
        if record.run_id == shop.refused.run_id and record.status.value != "PLANNED"
    ]
    assert judged == ["FAILED"]
    assert shop.refused.get_asset_materialization_events() == []


def test_nothing_of_a_refused_batch_is_published_and_what_was_stays_readable(shop: Refused) -> None:
    orders, published = shop.readable
    assert not shop.redelivered.success
    assert orders == {FIRST: 12}
    assert published == {
        "slice/shop.bronze.orders/2024-01-01",
        "slice/shop.silver.days/2024-01-01",
        "slice/shop.monitoring.quality_results/2024-01-01",
    }


def test_the_next_window_is_read_and_what_needs_the_missing_one_says_so(shop: Refused) -> None:
    assert not shop.next_day.success
    made = [event.asset_key for event in shop.next_day.get_asset_materialization_events()]
    assert made == [dg.AssetKey(["shop", "bronze", "orders"])]
    told = step_failure(shop.next_day)
    assert told == (
        "shop.bronze.orders: not published for 2024-01-02. "
        "Run shop.bronze.orders for 2024-01-02 first"
    )


def test_the_corrected_file_is_published_by_the_same_command(shop: Refused) -> None:
    assert shop.corrected.success
    assert checks_of(shop.corrected)["not_refunds"].passed
    assert shop.made_up.success
    assert shop.amounts == {FIRST: 12, SECOND: 10, THIRD: 8}
    batch = shop.project.batch("bronze.orders", SECOND)
    assert (batch.rows_in, batch.valid, batch.refused) == (4, 4, False)
