"""Measures the predictions of a window, now that labels are known, against the hold-out.

Labels that come early are not a fair sample: a flight that left on time is known sooner than a late
one. So rows are counted by what is known of their label, and there is no verdict before nearly all
of them have matured.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.baseline import ExpectedMetric
from mlops_dagster.monitoring.quality_report import LabelCounts, MeasuredMetric, QualityReport
from mlops_dagster.monitoring.summaries import QualityVerdict
from mlops_dagster.monitoring.tolerances import PRIMARY_METRICS, Tolerance, tolerance_of
from mlops_dagster.monitoring.words import number, percent
from mlops_dagster.spec.models import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from mlops_dagster.training.evaluation import Evaluation, Interval, MetricValue
    from mlops_dagster.training.outcome import Classes, MetricHook, Outcome

# Below this share of decided labels a window is provisional and has no verdict.
MATURED_FOR_VERDICT = 0.9

SLICE_VALUES = 20
_SEED = 0


def expected_metrics(evaluation: "Evaluation") -> tuple[ExpectedMetric, ...]:
    """Return what a model's evaluation on its hold-out leads to expect of a window."""
    found = [_expected(m, None, None, rows=evaluation.rows) for m in evaluation.metrics]
    for piece in evaluation.slices:
        found += [_expected(m, piece.column, piece.value, rows=piece.rows) for m in piece.metrics]
    return tuple(metric for metric in found if metric is not None)


def quality_report(
    frame: "pd.DataFrame",
    *,
    window: str,
    model_version: str,
    task: Task,
    expected: Sequence[ExpectedMetric],
    classes: "Classes" = (),
    slices: Sequence[str] = (),
    group: str | None = "day",
    hooks: "Mapping[str, MetricHook] | None" = None,
) -> QualityReport:
    """Measure a window's predictions against the labels known so far.

    Args:
        frame: One row a prediction of one model version: `label` (null where unknown),
            `label_state` (labelled, never, pending), `score` (binary: probability of yes),
            `prediction` (regression) or `scores` (multiclass: probabilities in the order of
            `classes`), the group column and the slices.
        window: Key of the window.
        model_version: Version of the model that predicted.
        task: What was predicted.
        expected: Metrics of the model on its hold-out.
        classes: Classes of a multiclass model.
        slices: Columns by whose values metrics are given apart.
        group: Column of groups of dependent rows, for intervals; None for independent rows.
        hooks: @metric hooks by name.

    Raises:
        MonitoringError: A needed column is not in the frame.
    """
    from mlops_dagster.training.calibration_bins import calibration_table
    from mlops_dagster.training.metrics import measure_all

    _check(frame, task, slices=slices, group=group)
    counts = _label_counts(frame)
    rows = frame[(frame["label_state"] == "labelled") & frame["label"].notna()]
    outcome = _outcome(rows, task, classes)
    known = {(e.metric, e.slice_key, e.slice_value): e for e in expected}
    matured = counts.matured_share >= MATURED_FOR_VERDICT
    metrics: list[MeasuredMetric] = []
    for key, value, mask in _parts(rows, slices):
        part = outcome if mask is None else outcome.take(mask)
        groups = _groups(rows if mask is None else rows[mask], group)
        for plain in measure_all(part, hooks):
            primary = plain.name in PRIMARY_METRICS[task]
            wanted = primary or key is None
            metric = _with_interval(plain, part, groups=groups, hooks=hooks) if wanted else plain
            beside = known.get((metric.name, key, value))
            metrics.append(
                _measured(metric, beside, part, (key, value), primary=primary, sure=matured)
            )
    verdict = _verdict([m for m in metrics if m.slice_key is None and m.primary])
    return QualityReport(
        window=window,
        model_version=model_version,
        task=task,
        labels=counts,
        final=counts.pending == 0,
        metrics=tuple(metrics),
        calibration=calibration_table(outcome),
        verdict=verdict,
        text=_text(verdict, metrics, counts),
    )


def _expected(
    metric: "MetricValue", key: str | None, value: str | None, *, rows: int
) -> ExpectedMetric | None:
    if metric.value is None or (key is not None and value is None):
        return None
    interval = metric.interval
    return ExpectedMetric(
        metric=metric.name,
        value=metric.value,
        low=interval.low if interval else metric.value,
        high=interval.high if interval else metric.value,
        rows=rows if interval else None,
        slice_key=key,
        slice_value=value,
    )


def _check(frame: "pd.DataFrame", task: Task, *, slices: Sequence[str], group: str | None) -> None:
    predicted = {Task.BINARY: "score", Task.MULTICLASS: "scores", Task.REGRESSION: "prediction"}
    needed = ["label", "label_state", predicted[task], *slices, *([group] if group else [])]
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise MonitoringError(
            "the labelled predictions lack columns",
            expected=", ".join(needed),
            found=f"no {', '.join(missing)}",
        )


def _label_counts(frame: "pd.DataFrame") -> LabelCounts:
    states = frame["label_state"].value_counts()
    return LabelCounts(
        labelled=int(states.get("labelled", 0)),
        never=int(states.get("never", 0)),
        pending=int(states.get("pending", 0)),
    )


def _outcome(rows: "pd.DataFrame", task: Task, classes: "Classes") -> "Outcome":
    import numpy as np

    from mlops_dagster.training.matrix import class_positions, read_labels
    from mlops_dagster.training.outcome import Outcome

    if task is Task.MULTICLASS:
        scores = np.array([list(s) for s in rows["scores"]], dtype=np.float64)
        predicted = scores.reshape(len(rows), len(classes))
    else:
        name = "score" if task is Task.BINARY else "prediction"
        predicted = rows[name].to_numpy(dtype=np.float64)
    if not len(rows):
        return Outcome(task, np.empty(0), predicted, classes)
    labels = read_labels(rows["label"], task)
    if task is Task.MULTICLASS:
        actual = class_positions(labels.values, classes)
    else:
        actual = labels.values.astype(np.float64)
    return Outcome(task, actual, predicted, classes)


def _parts(
    rows: "pd.DataFrame", slices: Sequence[str]
) -> "Iterator[tuple[str | None, str | None, NDArray[np.bool_] | None]]":
    from mlops_dagster.workers.profile import category_text

    yield None, None, None
    for column in slices:
        texts = rows[column].map(category_text)
        counted = texts.value_counts().sort_index(kind="stable")
        counted = counted.sort_values(ascending=False, kind="stable")
        for value in counted.index[:SLICE_VALUES]:
            yield column, str(value), (texts == value).to_numpy(dtype=bool)


def _groups(rows: "pd.DataFrame", group: str | None) -> "NDArray[np.generic] | None":
    return None if group is None else rows[group].to_numpy().astype(str)


def _with_interval(
    metric: "MetricValue",
    outcome: "Outcome",
    *,
    groups: "NDArray[np.generic] | None",
    hooks: "Mapping[str, MetricHook] | None",
) -> "MetricValue":
    from mlops_dagster.training.intervals import Bootstrap, day_groups, row_groups, with_interval

    if not outcome.rows:
        return metric
    found = row_groups(outcome.rows, seed=_SEED) if groups is None else day_groups(groups)
    return with_interval(metric, outcome, bootstrap=Bootstrap(found, _SEED), hooks=hooks)


def _measured(
    metric: "MetricValue",
    expected: ExpectedMetric | None,
    outcome: "Outcome",
    part: tuple[str | None, str | None],
    *,
    primary: bool,
    sure: bool,
) -> MeasuredMetric:
    from mlops_dagster.training.metrics import improvement

    interval = metric.interval
    found = MeasuredMetric(
        metric=metric.name,
        primary=primary,
        slice_key=part[0],
        slice_value=part[1],
        rows=outcome.rows,
        value=metric.value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        expected=expected.value if expected else None,
        verdict=QualityVerdict.UNDECIDED,
        reason=metric.reason,
    )
    if metric.value is None or expected is None:
        return found
    limit: Tolerance | None = tolerance_of(metric.name)
    shortfall = improvement(expected.value, metric.value, metric=metric)
    tolerance = limit.of(expected.value) + _noise(metric.name, outcome, expected) if limit else None
    update: dict[str, object] = {"shortfall": shortfall, "tolerance": tolerance}
    if tolerance is not None:
        worse = tolerance if metric.lower_is_better else -tolerance
        update["accepted"] = expected.value + worse
    own_width = _half_width(interval, expected, outcome.rows)
    if own_width is not None:
        margin = math.hypot(own_width, (expected.high - expected.low) / 2)
        update["margin"] = margin
        if sure and tolerance is not None:
            lost = shortfall - margin > tolerance
            update["verdict"] = QualityVerdict.DEGRADED if lost else QualityVerdict.AS_EXPECTED
    return found.model_copy(update=update)


def _half_width(interval: "Interval | None", expected: ExpectedMetric, rows: int) -> float | None:
    """Return half the width of a window's interval; None when nothing tells it.

    A window of an hour or a day has too few days to show how much days differ. The hold-out has
    shown it: its interval, widened as the square root of the rows.
    """
    if interval is not None:
        return (interval.high - interval.low) / 2
    if expected.rows is None or not rows:
        return None
    return (expected.high - expected.low) / 2 * math.sqrt(expected.rows / rows)


def _noise(metric: str, outcome: "Outcome", expected: ExpectedMetric) -> float:
    """Return by how much more a metric that noise raises is raised here than on the hold-out."""
    from mlops_dagster.training.calibration_bins import calibration_noise
    from mlops_dagster.training.intervals import NOISE_ADDS

    if metric not in NOISE_ADDS or expected.rows is None:
        return 0.0
    return max(0.0, calibration_noise(outcome) * (1 - math.sqrt(outcome.rows / expected.rows)))


def _verdict(primary: Sequence[MeasuredMetric]) -> QualityVerdict:
    """Return the worst of what could be judged: a class never seen before leaves no log loss."""
    verdicts = {metric.verdict for metric in primary}
    for verdict in (QualityVerdict.DEGRADED, QualityVerdict.AS_EXPECTED):
        if verdict in verdicts:
            return verdict
    return QualityVerdict.UNDECIDED


def _text(verdict: QualityVerdict, metrics: Sequence[MeasuredMetric], counts: LabelCounts) -> str:
    primary = [m for m in metrics if m.slice_key is None and m.primary]
    labels = f"{counts.labelled:,} labelled rows, {percent(counts.matured_share)} matured"
    unjudged = "".join(
        f"{m.metric} not judged ({m.reason or 'no expectation'}); "
        for m in primary
        if m.verdict is QualityVerdict.UNDECIDED
    )
    if verdict is QualityVerdict.DEGRADED:
        worse = [m for m in primary if m.verdict is verdict]
        return f"degraded: {', '.join(_beside(m) for m in worse)}; {unjudged}{labels}"
    if verdict is QualityVerdict.AS_EXPECTED:
        good = [m for m in primary if m.verdict is verdict]
        return f"as expected: {', '.join(_beside(m) for m in good)}; {unjudged}{labels}"
    if counts.matured_share < MATURED_FOR_VERDICT:
        needed = percent(MATURED_FOR_VERDICT)
        return f"undecided: at least {needed} of the labels must have matured; {labels}"
    reasons = [m.reason or f"no expectation for {m.metric}" for m in primary if m.margin is None]
    return f"undecided: {reasons[0] if reasons else 'no metric could be measured'}; {labels}"


def _beside(metric: MeasuredMetric) -> str:
    if metric.value is None or metric.expected is None:
        return f"{metric.metric} unknown"
    return f"{metric.metric} {number(metric.value)} against {number(metric.expected)} expected"
