"""Broken data is told apart from a changed world."""

import numpy as np
import pandas as pd
import pytest

from mlops_dagster.monitoring.baseline import fit_baseline, profile_pandas
from mlops_dagster.monitoring.counts import Profile, WrongType
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.faults import find_faults
from mlops_dagster.monitoring.summaries import FaultKind
from mlops_dagster.monitoring.thresholds import DEFAULT_THRESHOLDS
from mlops_dagster_tests.monitoring.worlds import FEATURES, baseline_of, compared, rows


def faults_of(reference: pd.DataFrame, window: pd.DataFrame) -> list[tuple[FaultKind, str | None]]:
    return [(f.kind, f.column) for f in compared(reference, window).faults]


def pair() -> tuple[pd.DataFrame, pd.DataFrame]:
    return rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)


def blank(frame: pd.DataFrame, name: str, share: float) -> None:
    frame.loc[np.random.default_rng(0).uniform(size=len(frame)) < share, name] = None


def test_equal_data_have_no_fault() -> None:
    assert faults_of(*pair()) == []


def test_a_real_shift_is_no_fault() -> None:
    reference, window = pair()
    window["x0"] += 5
    assert faults_of(reference, window) == []


@pytest.mark.parametrize("name", ["x0", "c0"])
def test_half_of_the_values_missing_at_once_is_a_fault(name: str) -> None:
    reference, window = pair()
    blank(window, name, 0.5)
    report = compared(reference, window)
    assert [(f.kind, f.column) for f in report.faults] == [(FaultKind.MISSING_VALUES, name)]
    assert report.verdict.startswith(f"data fault: {name} is missing in 5")
    assert report.summary.faults == report.faults


def test_a_mostly_missing_column_may_miss_more_but_not_vanish() -> None:
    reference, window = pair()
    blank(reference, "x0", 0.65)
    blank(window, "x0", 0.88)
    assert faults_of(reference, window) == []
    blank(window, "x0", 1.0)
    assert faults_of(reference, window) == [(FaultKind.MISSING_VALUES, "x0")]


def test_another_spelling_of_categories_is_a_fault() -> None:
    reference, window = pair()
    window["c0"] = window["c0"].str.upper()
    assert faults_of(reference, window) == [(FaultKind.UNSEEN_VALUES, "c0")]


def test_a_new_category_of_a_living_world_is_no_fault() -> None:
    reference, window = pair()
    window.loc[np.random.default_rng(0).uniform(size=len(window)) < 0.06, "c0"] = "new"
    assert faults_of(reference, window) == []


@pytest.mark.parametrize(("name", "value"), [("x0", 0.0), ("c0", "a")])
def test_a_column_stuck_at_one_value_is_a_fault(name: str, value: float | str) -> None:
    reference, window = pair()
    window[name] = value
    assert faults_of(reference, window) == [(FaultKind.CONSTANT_COLUMN, name)]


def test_a_window_of_one_month_is_no_fault_though_its_month_is_constant_and_new() -> None:
    reference, window = pair()
    reference["month"], window["month"] = reference["day"] // 10, 4
    reference["name"], window["name"] = reference["month"].map("m{}".format), "m4"
    report = compared(reference, window, [("month", "numeric"), ("name", "categorical")])
    assert report.faults == ()


def test_infinities_where_there_were_none_are_a_fault() -> None:
    reference, window = pair()
    window.loc[window.index[:100], "x0"] = np.inf
    assert faults_of(reference, window) == [(FaultKind.INFINITE_VALUES, "x0")]


@pytest.mark.parametrize(("days", "fault"), [(14, True), (16, False), (59, False), (61, True)])
def test_half_and_twice_of_a_usual_window_are_the_limits_of_volume(days: int, fault: bool) -> None:
    reference = rows(0, days=30, per_day=20)
    baseline = fit_baseline(reference, features=FEATURES, rows_per_window=[600, 600, 9999])
    profile = profile_pandas(rows(1, days=days, per_day=20), baseline.grid)
    found = find_faults(baseline, profile, DEFAULT_THRESHOLDS)
    assert [f.kind for f in found] == ([FaultKind.VOLUME] if fault else [])


def test_a_window_without_rows_is_a_fault() -> None:
    reference, window = pair()
    assert faults_of(reference, window.iloc[:0]) == [(FaultKind.VOLUME, None)]


def test_absent_and_wrongly_typed_columns_are_faults_that_name_them() -> None:
    baseline = baseline_of(rows(0, days=30, per_day=20))
    part = baseline.reference.overall
    profile = Profile(
        grid=baseline.grid.digest,
        slices=(part.model_copy(update={"columns": part.columns[2:]}),),
        absent=("x0",),
        wrong_types=(WrongType(column="x1", expected="a number", found="string"),),
    )
    report = drift_report(baseline, profile, window="w", model_version="1")
    assert [f.text for f in report.faults] == [
        "x0 is not in the window's rows",
        "x1 has type string, expected a number",
    ]
