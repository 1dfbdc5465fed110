"""Metrics of predictions by name. What is undefined on some rows is None with a reason."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn import metrics as sk

from mlops_dagster.spec.metrics import METRICS, metrics_for
from mlops_dagster.spec.models import Task
from mlops_dagster.training.calibration_bins import calibration_error
from mlops_dagster.training.evaluation import MetricValue
from mlops_dagster.training.outcome import UNSEEN_CLASS, MetricHook, Outcome


def measure(
    name: str, outcome: Outcome, hooks: Mapping[str, MetricHook] | None = None
) -> MetricValue:
    """Return a metric of some rows, without an interval.

    Built-in metrics are scikit-learn's, except `expected_calibration_error` (see
    `calibration_bins`) and `bias`, the mean of predicted minus actual. `log_loss` clips
    probabilities at the float's epsilon, as scikit-learn does.

    Args:
        name: A built-in metric of the outcome's task, or a hook.
        outcome: The rows.
        hooks: @metric hooks by name.

    Raises:
        KeyError: There is no metric of that name.
    """
    hook = (hooks or {}).get(name)
    if hook is not None:
        return _of_hook(hook, outcome)
    definition = METRICS[name]
    reason = _undefined(name, outcome)
    return MetricValue(
        name=name,
        value=None if reason else float(_VALUES[name](outcome)),
        lower_is_better=definition.lower_is_better,
        best_is_zero=definition.best_is_zero,
        reason=reason,
    )


def measure_all(
    outcome: Outcome, hooks: Mapping[str, MetricHook] | None = None
) -> tuple[MetricValue, ...]:
    """Return all built-in metrics of the outcome's task, then those of the hooks."""
    names = [*metrics_for(outcome.task), *(hooks or {})]
    return tuple(measure(name, outcome, hooks) for name in names)


def improvement(challenger: float, champion: float, *, metric: MetricValue) -> float:
    """Return by how much a challenger's value is better; negative when it is worse."""
    if metric.best_is_zero:
        return abs(champion) - abs(challenger)
    return champion - challenger if metric.lower_is_better else challenger - champion


def _of_hook(hook: MetricHook, outcome: Outcome) -> MetricValue:
    """Measure a hook; a failing one is undefined, which blocks only the gates that name it."""
    reason = "there are no labelled rows" if outcome.rows == 0 else None
    value: float | None = None
    if reason is None:
        try:
            value = hook(outcome)
        except Exception as error:
            reason = f"the @metric failed: {type(error).__name__}: {error}"
        else:
            if not np.isfinite(value):
                reason, value = f"the @metric returned {value}", None
    return MetricValue(
        name=hook.name, value=value, lower_is_better=hook.lower_is_better, reason=reason
    )


def _undefined(name: str, outcome: Outcome) -> str | None:
    """Return why a metric has no value on these rows, None when it has one."""
    if outcome.rows == 0:
        return "there are no labelled rows"
    if not np.isfinite(outcome.predicted).all():
        return "the model predicts NaN or infinity"
    if outcome.task is Task.BINARY:
        return _undefined_binary(name, outcome)
    if outcome.task is Task.MULTICLASS:
        return _undefined_multiclass(name, outcome)
    if name == "r2" and np.ptp(outcome.actual) == 0:
        return "all labels are equal"
    return None


def _undefined_binary(name: str, outcome: Outcome) -> str | None:
    positives = int(outcome.actual.sum())
    if name in ("roc_auc", "average_precision", "f1") and positives == 0:
        return "no row is positive"
    if name == "roc_auc" and positives == outcome.rows:
        return "every row is positive"
    return None


def _undefined_multiclass(name: str, outcome: Outcome) -> str | None:
    unseen = int((outcome.actual == UNSEEN_CLASS).sum())
    if name == "log_loss" and unseen:
        return f"{unseen} of {outcome.rows} rows have a class that no fitted row had"
    if name == "roc_auc_ovr":
        counts = [int((outcome.actual == k).sum()) for k in range(len(outcome.classes))]
        absent = [
            str(name)
            for name, count in zip(outcome.classes, counts, strict=True)
            if count in (0, outcome.rows)
        ]
        if absent:
            return f"not every class is present: {', '.join(absent[:5])}"
    return None


def _log_loss(outcome: Outcome) -> float:
    labels = [0, 1] if outcome.task is Task.BINARY else list(range(len(outcome.classes)))
    return float(sk.log_loss(outcome.actual, outcome.predicted, labels=labels))


def _roc_auc_ovr(outcome: Outcome) -> float:
    """Mean over classes of the AUC of one class against the rest, each class counting the same."""
    return float(
        np.mean(
            [
                sk.roc_auc_score(outcome.actual == k, outcome.predicted[:, k])
                for k in range(len(outcome.classes))
            ]
        )
    )


def _present(outcome: Outcome) -> Sequence[float]:
    return sorted({*np.unique(outcome.actual), *np.unique(outcome.decided)})


_VALUES: Mapping[str, Callable[[Outcome], float]] = {
    "roc_auc": lambda o: sk.roc_auc_score(o.actual, o.predicted),
    "average_precision": lambda o: sk.average_precision_score(o.actual, o.predicted),
    "log_loss": _log_loss,
    "brier_score": lambda o: np.mean((o.predicted - o.actual) ** 2),
    "expected_calibration_error": calibration_error,
    "accuracy": lambda o: sk.accuracy_score(o.actual, o.decided),
    "f1": lambda o: sk.f1_score(o.actual, o.decided, zero_division=0.0),
    "f1_macro": lambda o: sk.f1_score(
        o.actual, o.decided, labels=_present(o), average="macro", zero_division=0.0
    ),
    "roc_auc_ovr": _roc_auc_ovr,
    "mean_absolute_error": lambda o: sk.mean_absolute_error(o.actual, o.predicted),
    "root_mean_squared_error": lambda o: sk.root_mean_squared_error(o.actual, o.predicted),
    "r2": lambda o: sk.r2_score(o.actual, o.predicted),
    "median_absolute_error": lambda o: sk.median_absolute_error(o.actual, o.predicted),
    "bias": lambda o: np.mean(o.predicted - o.actual),
}
