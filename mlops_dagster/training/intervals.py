"""Confidence intervals of metrics and of their difference, by resampling groups of rows.

Rows of one day share their weather and their troubles; treating them as independent makes intervals
too narrow. So whole days, or whole groups where the hold-out goes by one, are drawn with repetition
(cluster bootstrap; Field and Welsh 2007, JRSS B). The interval is the expanded percentile interval
(Hesterberg 2015, The American Statistician 69(4)): percentiles moved outwards as a t distribution
with groups - 1 degrees of freedom would, since plain percentiles are too narrow when groups are
few.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlops_dagster.training.evaluation import Grouping, Interval, MetricDifference, MetricValue
from mlops_dagster.training.metrics import improvement, measure
from mlops_dagster.training.outcome import MetricHook, Numbers, Outcome
from mlops_dagster.training.resampling import Draws, resampled_metric

LEVEL = 0.95
RESAMPLES = 1000
# A hook is one Python call over all rows a resample.
HOOK_RESAMPLES = 200
# Below this many groups no resampling says anything about the next group.
MINIMUM_GROUPS = 5
# Independent rows beyond this are drawn in this many random blocks of equal size: the standard
# error is then itself known to 1 / sqrt(2 * 2000), under 2 %.
MAXIMUM_ROW_GROUPS = 2000
# More undefined resamples than this: what is left is no sample of the metric.
MAXIMUM_UNDEFINED_SHARE = 0.05

# Metrics that noise only raises: resamples, noisier than the rows, lie above the value, so that a
# percentile interval could exclude it. Theirs are moved to have the value as mean.
NOISE_ADDS = frozenset({"expected_calibration_error"})


@dataclass(frozen=True)
class Groups:
    """Which rows are drawn together: the group of each row, their number, and what a group is."""

    of_row: NDArray[np.intp]
    count: int
    kind: Grouping


@dataclass(frozen=True)
class Bootstrap:
    """How to resample; equal seeds give equal intervals."""

    groups: Groups
    seed: int
    resamples: int = RESAMPLES
    hook_resamples: int = HOOK_RESAMPLES
    level: float = LEVEL

    def draws(self, *, hook: bool) -> Draws:
        """Return how often each group is drawn in each resample, shape (resamples, groups)."""
        rng = np.random.default_rng(self.seed)
        count = self.groups.count
        size = self.hook_resamples if hook else self.resamples
        return np.stack(
            [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(size)]
        )


def row_groups(rows: int, *, seed: int) -> Groups:
    """Return groups of independent rows: each its own, or random blocks when there are many."""
    count = min(rows, MAXIMUM_ROW_GROUPS)
    shuffled = np.random.default_rng(seed).permutation(rows)
    return Groups((shuffled % max(count, 1)).astype(np.intp), count, "row")


def day_groups(days: NDArray[np.generic]) -> Groups:
    """Return groups of rows of the same day."""
    distinct, positions = np.unique(days, return_inverse=True)
    return Groups(positions.astype(np.intp), len(distinct), "day")


def value_groups(values: NDArray[np.generic], *, seed: int) -> Groups:
    """Return groups of rows of the same value, several values a group when there are many."""
    distinct, positions = np.unique(values, return_inverse=True)
    of_value = row_groups(len(distinct), seed=seed)
    return Groups(of_value.of_row[positions], of_value.count, "group")


def with_interval(
    metric: MetricValue,
    outcome: Outcome,
    *,
    bootstrap: Bootstrap,
    hooks: Mapping[str, MetricHook] | None = None,
) -> MetricValue:
    """Return a measured metric with its interval, or with the reason why it has none."""
    if metric.value is None:
        return metric
    refusal = _refusal(bootstrap.groups)
    if refusal:
        return metric.model_copy(update={"reason": refusal})
    draws = bootstrap.draws(hook=metric.name in (hooks or {}))
    try:
        values = resampled_metric(metric.name, outcome, bootstrap.groups.of_row, hooks)(draws)
    except Exception as error:
        return metric.model_copy(update={"reason": _failure(error)})
    if metric.name in NOISE_ADDS:
        values = np.maximum(_centred(values, metric.value), 0.0)
    interval = _interval(values, bootstrap)
    reason = None if interval else _UNDEFINED
    return metric.model_copy(update={"interval": interval, "reason": reason})


def metric_difference(
    name: str,
    challenger: Outcome,
    champion: Outcome,
    *,
    bootstrap: Bootstrap,
    hooks: Mapping[str, MetricHook] | None = None,
) -> MetricDifference:
    """Return how much better a challenger is than the champion, with a paired interval.

    Args:
        name: A metric.
        challenger: The rows with the challenger's predictions.
        champion: The same rows in the same order with the champion's.
        bootstrap: How to resample; both models are resampled together.
        hooks: @metric hooks by name.

    Raises:
        ValueError: The two outcomes are not of the same rows.
    """
    if challenger.rows != champion.rows:
        raise ValueError(
            f"{challenger.rows} rows of the challenger, {champion.rows} of the champion"
        )
    ours, theirs = measure(name, challenger, hooks), measure(name, champion, hooks)
    difference = MetricDifference(
        name=name, challenger=ours.value, champion=theirs.value, improvement=None
    )
    if ours.value is None or theirs.value is None:
        whose, reason = (
            ("challenger", ours.reason) if ours.value is None else ("champion", theirs.reason)
        )
        return difference.model_copy(update={"reason": f"{whose}: {reason}"})
    gain = improvement(ours.value, theirs.value, metric=ours)
    difference = difference.model_copy(update={"improvement": gain})
    refusal = _refusal(bootstrap.groups)
    if refusal:
        return difference.model_copy(update={"reason": refusal})
    draws = bootstrap.draws(hook=name in (hooks or {}))
    of_row = bootstrap.groups.of_row
    try:
        our_values = resampled_metric(name, challenger, of_row, hooks)(draws)
        their_values = resampled_metric(name, champion, of_row, hooks)(draws)
    except Exception as error:
        return difference.model_copy(update={"reason": _failure(error)})
    gains = _improvements(our_values, their_values, ours)
    if name in NOISE_ADDS:
        gains = _centred(gains, gain)
    interval = _interval(gains, bootstrap)
    reason = None if interval else _UNDEFINED
    return difference.model_copy(update={"interval": interval, "reason": reason})


def expanded_percentiles(
    values: Numbers, *, groups: int, level: float = LEVEL
) -> tuple[float, float]:
    """Return the expanded percentile interval of bootstrap values.

    The tail is Phi(-sqrt(n / (n - 1)) * t) with t the (1 + level) / 2 quantile of Student's t with
    n - 1 degrees of freedom and n the number of groups: 2.5 % for many groups, 0.4 % for 7.
    """
    t = stats.t.ppf((1 + level) / 2, groups - 1)
    tail = stats.norm.cdf(-np.sqrt(groups / (groups - 1)) * t)
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _interval(values: Numbers, bootstrap: Bootstrap) -> Interval | None:
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - MAXIMUM_UNDEFINED_SHARE) * len(values):
        return None
    groups = bootstrap.groups
    low, high = expanded_percentiles(defined, groups=groups.count, level=bootstrap.level)
    return Interval(
        low=low,
        high=high,
        level=bootstrap.level,
        groups=groups.count,
        grouped_by=groups.kind,
        resamples=len(defined),
    )


def _centred(values: Numbers, value: float) -> Numbers:
    return np.subtract(values, np.nanmean(values) - value)


def _improvements(ours: Numbers, theirs: Numbers, metric: MetricValue) -> Numbers:
    if metric.best_is_zero:
        return np.subtract(np.abs(theirs), np.abs(ours))
    return np.subtract(theirs, ours) if metric.lower_is_better else np.subtract(ours, theirs)


_UNDEFINED = "no interval: the metric is undefined on too many resamples"


def _refusal(groups: Groups) -> str | None:
    if groups.count >= MINIMUM_GROUPS:
        return None
    return f"no interval: {groups.count} {groups.kind}s, at least {MINIMUM_GROUPS} are needed"


def _failure(error: Exception) -> str:
    return f"no interval: the @metric failed on a resample: {type(error).__name__}: {error}"
