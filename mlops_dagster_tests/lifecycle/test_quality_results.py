"""The table quality_results is what the events tell, whatever happened and however often made."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
import pytest
from pyspark.sql import Row, SparkSession

from mlops_dagster.assets.quality_results import results_metadata
from mlops_dagster.crash_points import CrashPoint
from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.data.verdict import RefusedBatch
from mlops_dagster.monitoring.quality_results import QUALITY_RESULTS, result_measure
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.fence import published
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.crashes.killed import run_killed
from mlops_dagster_tests.data.worlds import USE_CASE, Project
from mlops_dagster_tests.lifecycle.publish_results import WINDOW, publish

TABLES = """
bronze.sales:
  files: "sales/{window}.csv"
  key: [id]
  rules:
    - {rule: amount < 100, name: small, warn_if: "> 10 %", fail_if: "> 60 %"}
    - {rule: mean(amount) < 1000, name: sane}
    - {change: {of: row_count, at_most: 50 %}, name: steady, on_fail: record}
bronze.shops:
  files: shops.csv
  rules: [{not_null: shop, name: has_shop}]
"""
REF = TableRef(USE_CASE, "monitoring", "quality_results")
SALES, SHOPS = TableRef(USE_CASE, "bronze", "sales"), TableRef(USE_CASE, "bronze", "shops")


def lived(session: SparkSession, root: Path) -> Project:
    """Return a project of two months; February was refused before it was delivered well."""
    project = Project(session, root)
    project.declare(TABLES)
    project.write("landing/shops.csv", "shop,size\na,1\n,2\n")
    project.build("bronze.shops")
    for month, amounts in {"2013-01": "12", "2013-02": "7000"}.items():
        project.write(f"landing/sales/{month}.csv", f"id,amount\n1,{amounts}\n2,8\n3,500\n")
        if month == WINDOW:
            with pytest.raises(RefusedBatch, match="small"):
                project.build("bronze.sales", month)
            project.write(f"landing/sales/{month}.csv", "id,amount\n1,7\n2,500\n")
        project.build("bronze.sales", month)
    return project


def stored(project: Project, window: str = WINDOW) -> list[Row]:
    """Return what readers of the table see of a window, in the order of its columns."""
    publication = published(project.store, REF, window)
    assert publication is not None
    rows = project.locations.of(REF).read(project.session, publication.delta_version)
    found = rows.where(rows["window"] == window).select(*QUALITY_RESULTS.column_names).collect()
    assert len(found) == publication.rows
    return sorted(found, key=lambda row: (row["table"], row["entry"], row["name"]))


def by_name(rows: list[Row], table: str, entry: str = "rule") -> Mapping[str, Row]:
    return {row["name"]: row for row in rows if (row["table"], row["entry"]) == (table, entry)}


def test_the_table_is_what_the_events_tell(spark: SparkSession, tmp_path: Path) -> None:
    project = lived(spark, tmp_path)
    made = publish(project)
    rows = stored(project)
    for ref, window in ((SALES, WINDOW), (SHOPS, STATIC)):
        event = project.store.last(batch_stream(ref, window), BatchJudged.kind)
        assert event is not None
        judged = event.event
        assert isinstance(judged, BatchJudged)
        table = f"{ref.layer}.{ref.name}"
        rules = by_name(rows, table)
        assert rules.keys() == {one.name for one in judged.results}
        for one in judged.results:
            row = rules[one.name]
            assert (row["verdict"], row["failed_rows"], row["rows"], row["value"]) == (
                one.status,
                one.failed_rows,
                judged.rows_in,
                one.value,
            )
            assert (row["severity"], row["on_fail"]) == (one.severity.value, one.on_fail.value)
            assert (row["rule_version"], row["rule_set"]) == (one.version, judged.rule_set)
            assert (row["batch"], row["run_id"]) == (judged.token, event.run_id)
            assert (row["table_window"], row["schema_version"]) == (window, 1)
            assert row["as_of"] == event.as_of.replace(tzinfo=None)
        statistics = by_name(rows, table, "statistic")
        assert {name: row["value"] for name, row in statistics.items()} == judged.statistics
        counts = {name: row["value"] for name, row in by_name(rows, table, "count").items()}
        assert counts["valid"] == judged.valid
        assert counts["rows_in"] == sum(counts.values()) / 2
    sales = by_name(rows, "bronze.sales")
    assert sales["small"]["rate"] == 0.5
    assert (sales["small"]["warn_if"], sales["small"]["fail_if"]) == ("> 10 %", "> 60 %")
    # Of the two batches of February the first was refused by one rule.
    assert {name: row["refusals"] for name, row in sales.items() if row["refusals"]} == {"small": 1}
    assert (sales["sane"]["value"], sales["sane"]["low"], sales["sane"]["high"]) == (7, None, 1000)
    steady = sales["steady"]
    assert (steady["value"], steady["low"], steady["high"]) == (1, 1, 3)

    shown = results_metadata(made.rows)
    assert {name: shown[name].value for name in ("rules", "passed", "failed", "error")} == {
        "rules": len(sales) + len(by_name(rows, "bronze.shops")),
        "passed": len(sales) + len(by_name(rows, "bronze.shops")) - 2,
        "failed": 2,
        "error": 0,
    }
    assert shown["failed_rate/bronze.shops"].value == pytest.approx(0.5 / 2)
    assert not_passed(made.rows) == [
        ("bronze.sales", "small", "failed (warning)", "1 of 2 rows"),
        ("bronze.shops", "has_shop", "failed (error)", "1 of 2 rows"),
    ]
    failing = {**sales["steady"].asDict(), "entry": "rule", "verdict": "failed", "value": 7.123456}
    assert not_passed([failing]) == [
        ("bronze.sales", "steady", "failed (error)", "7.1235; at least 1.0, at most 3.0")
    ]
    uncomputed = {**failing, "verdict": "error", "value": None}
    assert not_passed([uncomputed]) == [("bronze.sales", "steady", "error (error)", "")]

    again = publish(project, run_id="another")
    assert stored(project) == rows
    digest = again.publication.published.digest
    assert digest == made.publication.published.digest
    # What another run has to say of the same is the same; another number is not.
    other = [{**row, "batch": "b", "run_id": "r", "as_of": None} for row in made.rows]
    assert result_measure(other).digest == digest
    assert result_measure([{**other[0], "failed_rows": 7}, *other[1:]]).digest != digest


def not_passed(rows: Sequence[Mapping[str, object]]) -> list[tuple[object, ...]]:
    """Return the cells of the table that the UI shows of what did not pass."""
    table = results_metadata(rows)["not_passed"]
    assert isinstance(table, dg.TableMetadataValue)
    # More than five columns are cut off.
    assert all(len(record.data) <= 5 for record in table.records)
    return [tuple(record.data.values()) for record in table.records]


def test_a_use_case_without_windows_writes_unchanged_results_once(
    spark: SparkSession, tmp_path: Path
) -> None:
    project = Project(spark, tmp_path, windows="")
    project.declare("bronze.shops: {files: shops.csv, rules: [{not_null: shop, name: has_shop}]}")
    project.write("landing/shops.csv", "shop,size\na,1\n")
    project.build("bronze.shops")
    assert publish(project, window=STATIC).publication.written
    assert not publish(project, window=STATIC, run_id="another").publication.written
    (row,) = [row for row in stored(project, STATIC) if row["name"] == "has_shop"]
    assert (row["window"], row["verdict"], row["failed_rows"]) == (STATIC, "passed", 0)


@pytest.mark.long
@pytest.mark.parametrize("point", [CrashPoint.SLICE_CLAIMED, CrashPoint.SLICE_COMMITTED])
def test_killed_before_or_after_the_commit_it_comes_to_the_same(
    point: CrashPoint,
    spark: SparkSession,
    spark_address: str,
    tmp_path: Path,
) -> None:
    project = lived(spark, tmp_path)
    run_killed(
        "mlops_dagster_tests.lifecycle.publish_results",
        str(tmp_path),
        root=tmp_path,
        point=point,
        about=REF,
        environment={REMOTE_VARIABLE: spark_address},
    )
    assert published(project.store, REF, WINDOW) is None
    publish(project)
    rows = stored(project)
    publish(project)
    assert stored(project) == rows
    assert len(rows) == len({(row["table"], row["entry"], row["name"]) for row in rows})
