"""Rows of the metric tables, and that Spark takes them under the documented schemas."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from mlops_dagster.engine.transfer import frame_from_pandas
from mlops_dagster.monitoring.baseline import Baseline, profile_pandas
from mlops_dagster.monitoring.counts import Profile
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.metric_tables import (
    DRIFT_METRICS,
    PROFILE_METRICS,
    QUALITY_METRICS,
    MetricTable,
)
from mlops_dagster.monitoring.quality import quality_report
from mlops_dagster.monitoring.report import DriftReport
from mlops_dagster.monitoring.rows import drift_rows, profile_rows, quality_rows
from mlops_dagster.spec.models import Task
from mlops_dagster_tests.monitoring.worlds import baseline_of, rows


def frame(seed: int) -> pd.DataFrame:
    found = rows(seed, days=20, per_day=20)
    found["origin"] = np.where(np.arange(len(found)) % 2 == 0, "EWR", "JFK")
    return found


@pytest.fixture(scope="module")
def world() -> tuple[Baseline, Profile, DriftReport]:
    baseline = baseline_of(frame(0), slices=["origin"])
    window = frame(1)
    window["x0"] += 1
    window.loc[window.index[:250], "c0"] = None
    profile = profile_pandas(window, baseline.grid)
    return baseline, profile, drift_report(baseline, profile, window="2013-04", model_version="3")


def profiles(world: tuple[Baseline, Profile, DriftReport]) -> pd.DataFrame:
    return profile_rows(
        world[1], window="2013-04", granularity="month", model="delay", model_version="3"
    )


def drifts(world: tuple[Baseline, Profile, DriftReport]) -> pd.DataFrame:
    baseline, profile, report = world
    return drift_rows(
        report, baseline=baseline, profile=profile, granularity="month", model="delay"
    )


def qualities() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    found = frame(2).assign(label_state="labelled", score=rng.uniform(size=400))
    found["label"] = rng.integers(0, 2, 400)
    report = quality_report(
        found,
        window="2013-04",
        model_version="3",
        task=Task.BINARY,
        expected=(),
        slices=["origin"],
    )
    return quality_rows(report, granularity="month", model="delay")


def test_profile_rows_hold_the_numbers_of_pandas(
    world: tuple[Baseline, Profile, DriftReport],
) -> None:
    found = profiles(world)
    window = frame(1)
    window["x0"] += 1
    newark = window[window["origin"] == "EWR"]["x0"]
    row = found[(found["slice_value"] == "EWR") & (found["column_name"] == "x0")].iloc[0]
    assert (row["count"], row["num_nulls"]) == (200, 0)
    assert row["avg"] == pytest.approx(newark.mean())
    assert row["stddev"] == pytest.approx(newark.std())
    c0 = found[found["slice_key"].isna() & (found["column_name"] == "c0")].iloc[0]
    assert c0["percent_null"] == pytest.approx(62.5)
    whole = found[found["slice_key"].isna() & (found["column_name"] == ":table")].iloc[0]
    assert whole["count"] == 400


def test_drift_rows_hold_a_row_for_the_table_and_one_a_slice_and_column(
    world: tuple[Baseline, Profile, DriftReport],
) -> None:
    found = drifts(world)
    assert len(found) == 1 + 3 * 6
    overall = found[found["slice_key"].isna()].to_dict("records")
    by_column: dict[str, dict[Hashable, Any]] = {row["column_name"]: row for row in overall}
    assert by_column["x0"]["severity"] == "critical"
    assert by_column["x0"]["avg_delta"] == pytest.approx(1, abs=0.2)
    assert by_column["x0"]["ks_test"]["statistic"] > 0.3
    assert by_column["c0"]["fault"] == "missing_values"
    assert by_column["c0"]["percent_null_delta"] == pytest.approx(62.5)
    assert by_column[":table"]["verdict"].startswith("data fault: c0 is missing")


def test_a_column_that_could_not_be_profiled_still_has_its_fault_in_a_row() -> None:
    baseline = baseline_of(frame(0))
    part = baseline.reference.overall
    profile = Profile(
        grid=baseline.grid.digest,
        slices=(part.model_copy(update={"columns": part.columns[1:]}),),
        absent=("x0",),
    )
    report = drift_report(baseline, profile, window="2013-04", model_version="3")
    found = drift_rows(report, baseline=baseline, profile=profile, granularity="month", model="m")
    row = found[found["column_name"] == "x0"].iloc[0]
    assert (row["fault"], row["verdict"]) == ("absent_column", "x0 is not in the window's rows")


def test_spark_takes_the_rows_of_every_table_under_its_schema(
    spark: SparkSession, world: tuple[Baseline, Profile, DriftReport]
) -> None:
    tables: list[tuple[MetricTable, pd.DataFrame]] = [
        (PROFILE_METRICS, profiles(world)),
        (DRIFT_METRICS, drifts(world)),
        (QUALITY_METRICS, qualities()),
    ]
    for table, made in tables:
        stored = frame_from_pandas(spark, made, schema=table.ddl)
        assert stored.columns == list(table.column_names)
        back = [row.asDict(recursive=True) for row in stored.collect()]
        assert len(back) == len(made)
        for row, original in zip(back, made.to_dict("records"), strict=True):
            assert row == original


def test_every_column_of_a_metric_table_says_what_it_means() -> None:
    for table in (PROFILE_METRICS, DRIFT_METRICS, QUALITY_METRICS):
        assert all(column.text for column in table.columns)
        assert len(set(table.column_names)) == len(table.columns)
