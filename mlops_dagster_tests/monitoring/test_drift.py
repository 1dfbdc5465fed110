"""Drift verdicts: false alarms, power, outliers, missing values, importance, on simulated rows."""

import numpy as np
import pandas as pd
import pytest

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.baseline import fit_baseline, profile_pandas
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.report import DriftReport
from mlops_dagster.monitoring.summaries import DriftSeverity
from mlops_dagster_tests.monitoring.worlds import (
    FEATURES,
    NUMERIC,
    baseline_of,
    column,
    compared,
    rows,
)

QUIET = DriftSeverity.NONE


@pytest.mark.parametrize(
    ("per_day", "day_share", "repeats"),
    [(10, 0.0, 40), (100, 0.0, 40), (100, 0.3, 40), (100, 1.0, 40), (5000, 0.3, 3)],
)
def test_equal_data_raise_few_alarms_at_every_size_and_dependence(
    per_day: int, day_share: float, repeats: int
) -> None:
    alarms = 0
    for seed in range(repeats):
        reference = rows(2 * seed, days=20, per_day=per_day, day_share=day_share)
        window = rows(2 * seed + 1, days=30, per_day=per_day, day_share=day_share)
        alarms += any(c.severity is not QUIET for c in compared(reference, window).overall)
    # Held at 5 % of reports; binomial noise allows three standard deviations more.
    assert alarms <= 0.05 * repeats + 3 * np.sqrt(0.05 * repeats)


def test_rows_taken_as_independent_would_raise_many_alarms_on_the_same_data() -> None:
    alarms = 0
    for seed in range(10):
        reference = rows(2 * seed, days=20, per_day=100, day_share=0.3)
        window = rows(2 * seed + 1, days=30, per_day=100, day_share=0.3)
        alarms += sum(
            c.severity is not QUIET for c in compared(reference, window, group=None).overall
        )
    assert alarms > 30


@pytest.mark.parametrize(("per_day", "day_share"), [(20, 0.0), (200, 0.05)])
def test_a_shift_of_half_a_deviation_is_found_and_only_that(per_day: int, day_share: float) -> None:
    for seed in range(5):
        reference = rows(2 * seed, days=40, per_day=per_day, day_share=day_share)
        window = rows(2 * seed + 1, days=30, per_day=per_day, day_share=day_share)
        window["x1"] += 0.5
        report = compared(reference, window)
        assert column(report, "x1").severity.rank >= DriftSeverity.WARNING.rank
        assert [c.column for c in report.overall if c.severity is not QUIET] == ["x1"]


def test_a_hundredth_of_a_deviation_is_real_at_many_rows_and_still_no_drift() -> None:
    rng = np.random.default_rng(0)
    reference = pd.DataFrame({"x": rng.normal(size=400_000)})
    window = pd.DataFrame({"x": rng.normal(0.02, 1, size=400_000)})
    found = column(compared(reference, window, [("x", "numeric")], group=None), "x")
    assert found.tests[0].q_value < 0.001
    assert found.severity is QUIET


@pytest.mark.parametrize("place", ["reference", "window"])
def test_one_huge_value_masks_no_shift_and_is_no_shift(place: str) -> None:
    reference, moved = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    moved["x0"] += 1
    frame = reference if place == "reference" else moved
    frame.loc[5, ["x0", "x1"]] = 1e6
    report = compared(reference, moved)
    assert column(report, "x0").severity is DriftSeverity.CRITICAL
    assert column(report, "x0").tests[0].effect > 0.3
    assert column(report, "x1").severity is QUIET


@pytest.mark.parametrize("share", [0.001, 0.5])
def test_missing_values_hide_no_drift(share: float) -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    window["x2"] += 1
    window.loc[np.random.default_rng(0).uniform(size=len(window)) < share, "x2"] = np.nan
    report = compared(reference, window)
    (ks,) = (t for t in column(report, "x2").tests if t.measure == "ks")
    assert ks.severity is DriftSeverity.CRITICAL


def test_equal_data_with_five_thousand_categories_raise_no_alarm() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        reference = pd.DataFrame({"c": rng.integers(0, 5000, 20_000).astype(str)})
        window = pd.DataFrame({"c": rng.integers(0, 5000, 20_000).astype(str)})
        found = column(compared(reference, window, [("c", "categorical")], group=None), "c")
        assert found.severity is QUIET
        assert found.unseen is not None
        assert found.unseen > 0.01


def test_categories_chosen_for_being_frequent_in_the_reference_are_no_evidence() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        pair = [pd.DataFrame({"c": rng.integers(0, 1000, 20_000).astype(str)}) for _ in "ab"]
        found = column(compared(pair[0], pair[1], [("c", "categorical")], group=None), "c")
        assert found.tests[0].p_value > 0.001


def test_the_variation_that_equal_data_show_is_not_part_of_the_effect() -> None:
    rng = np.random.default_rng(4)
    reference = pd.DataFrame({"c": rng.integers(0, 150, 3000).astype(str)})
    window = pd.DataFrame({"c": rng.integers(0, 150, 3000).astype(str)})
    window.loc[:99, "c"] = "7"
    found = column(compared(reference, window, [("c", "categorical")], group=None), "c")
    assert found.distances.tv is not None
    assert found.distances.tv > 0.1
    assert found.tests[0].q_value < 0.01
    # 3 % of the rows changed; noise and change add up in squares, so the excess is less.
    assert 0 < found.tests[0].effect < 0.03
    assert found.severity.rank < DriftSeverity.WARNING.rank


def test_equal_data_with_a_heavy_tail_of_categories_raise_no_alarm() -> None:
    rng = np.random.default_rng(2)
    shares = 1 / np.arange(1, 2001)
    shares /= shares.sum()
    for _ in range(5):
        pair = [pd.DataFrame({"c": rng.choice(2000, 30_000, p=shares).astype(str)}) for _ in "ab"]
        found = column(compared(pair[0], pair[1], [("c", "categorical")], group=None), "c")
        assert found.severity is QUIET


def test_two_percent_of_a_new_category_is_found_by_name() -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    window.loc[np.random.default_rng(0).uniform(size=len(window)) < 0.02, "c0"] = "new"
    found = column(compared(reference, window), "c0")
    assert found.severity is DriftSeverity.WARNING
    assert found.unseen_examples == ("new",)
    assert "values never seen before" in found.verdict


def test_a_lost_category_is_drift() -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    window["c0"] = window["c0"].replace({"d": "e"})
    assert column(compared(reference, window), "c0").severity.rank >= DriftSeverity.WARNING.rank


def test_drift_of_a_column_that_the_model_does_not_use_is_info() -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    window["x0"] += 2
    report = compared(reference, window, importances={"x1": 0.3, "x0": 0.0001})
    assert column(report, "x0").severity is DriftSeverity.INFO
    assert not report.summary.matters
    assert "hardly uses it" in column(report, "x0").verdict


def test_a_drifted_column_of_little_weight_is_a_warning_that_does_not_count() -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    window["x0"] += 2
    report = compared(reference, window, importances={"x1": 0.95, "x0": 0.05})
    assert column(report, "x0").severity is DriftSeverity.WARNING
    assert report.summary.columns == ("x0",)
    assert report.summary.drifted_importance == pytest.approx(0.05)
    assert not report.summary.matters


def test_several_drifted_columns_count_by_their_weight_together() -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    window[["x0", "x2"]] += 2
    report = compared(reference, window, importances={"x0": 0.06, "x1": 0.88, "x2": 0.06})
    assert report.summary.columns == ("x0", "x2")
    assert report.summary.matters


def test_drift_counts_when_nobody_knows_what_the_model_uses() -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    window["x0"] += 2
    report = compared(reference, window)
    assert report.severity is DriftSeverity.CRITICAL
    assert report.summary.matters


def test_drift_of_the_predictions_counts_whatever_the_features_do() -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    baseline = fit_baseline(
        reference, features=[("x1", "numeric")], prediction=("x0", "numeric"), group="day"
    )
    window["x0"] += 1
    report = drift_report(
        baseline,
        profile_pandas(window, baseline.grid),
        window="2013-04",
        model_version="7",
        importances={"x1": 1.0},
    )
    assert report.summary.prediction_severity is DriftSeverity.CRITICAL
    assert report.summary.columns == ()
    assert report.summary.matters


def test_too_few_rows_decide_nothing() -> None:
    report = compared(rows(0, days=30, per_day=100), rows(1, days=1, per_day=49))
    assert all(c.undecided and not c.tests for c in report.overall)
    assert report.verdict == "nothing could be tested on 49 rows"


def test_slices_are_compared_with_the_same_slice_of_the_reference() -> None:
    reference, window = rows(0, days=40, per_day=100), rows(1, days=30, per_day=100)
    for frame in (reference, window):
        frame["origin"] = np.where(np.arange(len(frame)) % 2 == 0, "EWR", "JFK")
    window.loc[window["origin"] == "EWR", "x0"] += 1
    baseline = baseline_of(reference, slices=["origin"])
    report = drift_report(
        baseline, profile_pandas(window, baseline.grid), window="w", model_version="1"
    )
    x0 = {(c.slice_key, c.slice_value): c.severity for c in report.columns if c.column == "x0"}
    assert x0["origin", "EWR"] is DriftSeverity.CRITICAL
    assert x0["origin", "JFK"] is QUIET


def test_a_report_reads_back_equal_and_is_the_same_every_time() -> None:
    reference, window = rows(0, days=30, per_day=20), rows(1, days=30, per_day=20)
    window["x0"] += 3
    report = compared(reference, window)
    assert DriftReport.model_validate_json(report.model_dump_json()) == report
    assert compared(reference, window) == report


def test_a_verdict_says_what_how_much_and_on_how_many_rows() -> None:
    reference, window = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    window["x0"] += 10
    report = compared(reference, window, importances=dict.fromkeys(NUMERIC, 1.0))
    assert column(report, "x0").verdict == (
        "x0 moved, 100 % out of range: KS distance 1, threshold 0.05, q < 0.001, "
        "3,000 against 3,000 values; 25 % of the model's importance"
    )
    assert report.verdict == "critical drift in 1 of 6 columns: x0"


def test_a_profile_on_other_cells_is_refused() -> None:
    baseline = baseline_of(rows(0, days=30, per_day=20))
    other = baseline_of(rows(1, days=30, per_day=20), FEATURES[:2])
    with pytest.raises(MonitoringError, match="counted on other cells"):
        drift_report(baseline, other.reference, window="w", model_version="1")
