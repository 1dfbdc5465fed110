"""Quality of matured predictions against the hold-out expectation."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.baseline import ExpectedMetric
from mlops_dagster.monitoring.quality import quality_report
from mlops_dagster.monitoring.quality_report import MeasuredMetric, QualityReport
from mlops_dagster.monitoring.summaries import QualityVerdict
from mlops_dagster.spec.models import Task


def binary(seed: int, *, signal: float, days: int = 30, per_day: int = 60) -> pd.DataFrame:
    """Calibrated scores: the label is drawn with the score's probability."""
    rng = np.random.default_rng(seed)
    rows = days * per_day
    score = 1 / (1 + np.exp(-signal * rng.normal(size=rows)))
    return pd.DataFrame(
        {
            "day": np.repeat(np.arange(days), per_day),
            "score": score,
            "label": (rng.uniform(size=rows) < score).astype(float),
            "label_state": "labelled",
            "origin": rng.choice(["EWR", "JFK"], rows),
        }
    )


def measured(
    frame: pd.DataFrame, expected: tuple[ExpectedMetric, ...] = (), *, task: Task = Task.BINARY
) -> QualityReport:
    return quality_report(
        frame, window="2013-04", model_version="7", task=task, expected=expected, slices=["origin"]
    )


def metric(report: QualityReport, name: str, value: str | None = None) -> MeasuredMetric:
    (found,) = (m for m in report.metrics if m.metric == name and m.slice_value == value)
    return found


def expectation(frame: pd.DataFrame) -> tuple[ExpectedMetric, ...]:
    report = measured(frame)
    return tuple(
        ExpectedMetric(
            metric=m.metric,
            value=m.value,
            low=m.value if m.low is None else m.low,
            high=m.value if m.high is None else m.high,
            rows=None if m.low is None else m.rows,
            slice_key=m.slice_key,
            slice_value=m.slice_value,
        )
        for m in report.metrics
        if m.value is not None
    )


def test_equal_quality_is_as_expected_and_the_numbers_are_those_of_scikit_learn() -> None:
    frame = binary(1, signal=1.5)
    report = measured(frame, expectation(binary(0, signal=1.5)))
    assert report.verdict is QualityVerdict.AS_EXPECTED
    assert report.final
    auc = sk.roc_auc_score(frame["label"], frame["score"])
    assert metric(report, "roc_auc").value == pytest.approx(auc)
    newark = frame[frame["origin"] == "EWR"]
    by_slice = metric(report, "roc_auc", "EWR")
    assert by_slice.value == pytest.approx(sk.roc_auc_score(newark["label"], newark["score"]))
    assert by_slice.expected is not None


def test_lost_ranking_is_degraded_and_the_text_says_which_metric() -> None:
    window = binary(1, signal=1.5)
    window["label"] = window["label"].sample(frac=1, random_state=0).to_numpy()
    report = measured(window, expectation(binary(0, signal=1.5)))
    assert report.verdict is QualityVerdict.DEGRADED
    assert "roc_auc" in report.summary.degraded
    assert report.text.startswith("degraded: roc_auc 0.")


def test_lost_calibration_alone_is_degraded_though_the_ranking_is_as_good() -> None:
    window = binary(1, signal=1.5)
    window["score"] = window["score"] ** 3
    report = measured(window, expectation(binary(0, signal=1.5)))
    assert report.summary.degraded == ("expected_calibration_error",)
    assert metric(report, "roc_auc").verdict is QualityVerdict.AS_EXPECTED


def test_better_than_expected_is_as_expected() -> None:
    report = measured(binary(1, signal=2.5), expectation(binary(0, signal=1.5)))
    assert metric(report, "roc_auc").verdict is QualityVerdict.AS_EXPECTED
    shortfall = metric(report, "roc_auc").shortfall
    assert shortfall is not None
    assert shortfall < 0


def test_a_shortfall_within_the_noise_of_few_days_is_not_degraded() -> None:
    expected = expectation(binary(0, signal=1.5))
    window = binary(3, signal=1.1, days=6, per_day=20)
    found = metric(measured(window, expected), "roc_auc")
    assert found.shortfall is not None
    assert found.margin is not None
    assert found.shortfall > 0.02
    assert found.verdict is QualityVerdict.AS_EXPECTED


def test_a_window_of_one_day_is_judged_by_how_much_the_days_of_the_hold_out_differ() -> None:
    expected = expectation(binary(0, signal=1.5))
    window = binary(1, signal=1.5, days=1, per_day=400)
    found = metric(measured(window, expected), "roc_auc")
    assert (found.low, found.verdict) == (None, QualityVerdict.AS_EXPECTED)
    (held,) = (e for e in expected if e.metric == "roc_auc" and e.slice_key is None)
    half = (held.high - held.low) / 2
    assert found.margin == pytest.approx(half * (1 + 1800 / 400) ** 0.5)
    window["label"] = window["label"].sample(frac=1, random_state=0).to_numpy()
    lost = measured(window, expected)
    assert lost.verdict is QualityVerdict.DEGRADED
    assert "roc_auc" in lost.summary.degraded


def test_days_of_equal_quality_are_hardly_ever_degraded() -> None:
    expected = expectation(binary(0, signal=1.5))
    reports = [measured(binary(n, signal=1.5, days=1), expected) for n in range(1, 21)]
    verdicts = [report.verdict for report in reports]
    assert verdicts.count(QualityVerdict.AS_EXPECTED) >= 19
    # On sixty rows noise alone is a calibration error far above the hold-out's.
    errors = [metric(report, "expected_calibration_error").value or 0.0 for report in reports]
    assert np.mean(errors) > 0.1


def test_without_an_interval_on_the_hold_out_a_day_has_no_verdict() -> None:
    expected = expectation(binary(0, signal=1.5, days=4))
    report = measured(binary(1, signal=1.5, days=1), expected)
    assert report.verdict is QualityVerdict.UNDECIDED
    assert "no interval: 1 days, at least 5 are needed" in report.text


def test_a_class_never_seen_before_leaves_accuracy_to_judge_by() -> None:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet([1.0, 1.0, 1.0], 600)
    frame = pd.DataFrame(
        {
            "day": np.repeat(np.arange(20), 30),
            "scores": list(scores),
            "label": np.array(["a", "b", "c"])[scores.argmax(axis=1)],
            "label_state": "labelled",
        }
    )

    def report(rows: pd.DataFrame, expected: tuple[ExpectedMetric, ...] = ()) -> QualityReport:
        return quality_report(
            rows,
            window="w",
            model_version="1",
            task=Task.MULTICLASS,
            expected=expected,
            classes=("a", "b", "c"),
        )

    expected = tuple(
        ExpectedMetric(
            metric=m.metric, value=m.value, low=m.low or m.value, high=m.high or m.value, rows=600
        )
        for m in report(frame).metrics
        if m.value is not None
    )
    new = frame.copy()
    new.loc[:9, "label"] = "d"
    found = report(new, expected)
    assert found.verdict is QualityVerdict.AS_EXPECTED
    assert metric(found, "accuracy").value == pytest.approx(590 / 600)
    assert "log_loss not judged (10 of 600 rows have a class that no fitted row had)" in found.text
    new.loc[:199, "label"] = "d"
    assert report(new, expected).verdict is QualityVerdict.DEGRADED


def test_labels_are_counted_by_state_and_many_pending_ones_leave_it_undecided() -> None:
    window = binary(1, signal=1.5)
    window.loc[window.index[:300], "label_state"] = "pending"
    window.loc[window.index[300:400], "label_state"] = "never"
    window.loc[window.index[:400], "label"] = np.nan
    report = measured(window, expectation(binary(0, signal=1.5)))
    assert (report.labels.labelled, report.labels.never, report.labels.pending) == (1400, 100, 300)
    assert report.labels.matured_share == pytest.approx(1500 / 1800)
    assert not report.final
    assert report.verdict is QualityVerdict.UNDECIDED
    assert "at least 90 % of the labels must have matured" in report.text
    assert metric(report, "roc_auc").value is not None


def test_a_window_without_any_label_is_undecided() -> None:
    window = binary(1, signal=1.5)
    window["label"], window["label_state"] = np.nan, "never"
    report = measured(window, expectation(binary(0, signal=1.5)))
    assert report.verdict is QualityVerdict.UNDECIDED
    assert metric(report, "roc_auc").reason == "there are no labelled rows"


def test_a_model_without_expectations_is_undecided() -> None:
    report = measured(binary(1, signal=1.5))
    assert report.verdict is QualityVerdict.UNDECIDED
    assert "no expectation for roc_auc" in report.text


def test_regression_is_held_to_a_tenth_of_the_expected_error() -> None:
    rng = np.random.default_rng(0)
    frame = binary(0, signal=1).drop(columns="score")
    frame["label"] = rng.normal(size=len(frame))
    frame["prediction"] = frame["label"] + rng.normal(size=len(frame))
    expected = (ExpectedMetric(metric="mean_absolute_error", value=0.6, low=0.58, high=0.62),)
    report = measured(frame, expected, task=Task.REGRESSION)
    found = metric(report, "mean_absolute_error")
    assert found.value == pytest.approx(np.abs(frame["prediction"] - frame["label"]).mean())
    assert found.tolerance == pytest.approx(0.06)
    assert report.summary.degraded == ("mean_absolute_error",)


def test_multiclass_reads_probabilities_in_the_order_of_the_classes() -> None:
    rng = np.random.default_rng(0)
    frame = binary(0, signal=1).drop(columns="score")
    scores = rng.dirichlet([1, 1, 1], len(frame))
    frame["scores"] = list(scores)
    frame["label"] = [("a", "b", "c")[rng.choice(3, p=row)] for row in scores]
    report = quality_report(
        frame,
        window="w",
        model_version="1",
        task=Task.MULTICLASS,
        expected=(),
        classes=("a", "b", "c"),
    )
    likeliest = np.array(["a", "b", "c"])[scores.argmax(axis=1)]
    assert metric(report, "accuracy").value == pytest.approx((likeliest == frame["label"]).mean())


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MonitoringError, match="found no score, origin"):
        measured(binary(0, signal=1).drop(columns=["score", "origin"]))


def test_a_report_reads_back_equal_and_is_the_same_every_time() -> None:
    frame, expected = binary(1, signal=1.5), expectation(binary(0, signal=1.5))
    report = measured(frame, expected)
    assert QualityReport.model_validate_json(report.model_dump_json()) == report
    assert measured(frame, expected) == report
