"""Metrics as functions of how often each group of rows counts: a fast and exact bootstrap.

A resample draws groups (days) with repetition; a row counts as often as its group was drawn. Most
metrics depend on sums over rows, so one matrix product gives them for all resamples. Ranks are
sorted once: a resample then costs a pass over the rows. A test holds each against scikit-learn on
repeated rows.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mlops_dagster.spec.models import Task
from mlops_dagster.training.calibration_bins import confidence
from mlops_dagster.training.outcome import UNSEEN_CLASS, MetricHook, Numbers, Outcome

# Shape (resamples, groups): how often each group was drawn.
Draws = NDArray[np.int64]
# From draws to the metric's value on each resample; NaN where it is not defined.
Resampled = Callable[[Draws], Numbers]


def resampled_metric(
    name: str,
    outcome: Outcome,
    groups: NDArray[np.intp],
    hooks: Mapping[str, MetricHook] | None = None,
) -> Resampled:
    """Return the function that computes a metric on resamples of groups.

    The bins of `expected_calibration_error` stay those of all rows.

    Args:
        name: A built-in metric of the outcome's task, or a hook.
        outcome: The rows; the metric must be defined on them.
        groups: The group of each row, 0 to groups - 1.
        hooks: @metric hooks by name; their cost is one call a resample.
    """
    hook = (hooks or {}).get(name)
    if hook is not None:
        return _repeated_rows(hook, outcome, groups)
    if name in ("roc_auc", "average_precision"):
        statistic = _auc if name == "roc_auc" else _average_precision
        return _ranked(outcome.actual, outcome.predicted, groups, statistic)
    if name == "roc_auc_ovr":
        return _mean_over_classes(outcome, groups)
    if name == "median_absolute_error":
        return _median(np.abs(outcome.predicted - outcome.actual), groups)
    rows, combine = _sums(name, outcome)
    return _from_sums(rows, groups, combine)


def _from_sums(
    rows: Numbers, groups: NDArray[np.intp], combine: Callable[[Numbers], Numbers]
) -> Resampled:
    count = int(groups.max()) + 1
    by_group = np.stack(
        [np.bincount(groups, weights=column, minlength=count) for column in rows.T], axis=1
    )

    return lambda draws: combine(draws.astype(np.float64) @ by_group)


def _sums(name: str, outcome: Outcome) -> tuple[Numbers, Callable[[Numbers], Numbers]]:
    """Return per-row terms, shape (rows, terms), and the metric as a function of their sums."""
    ones = np.ones(outcome.rows)
    if name == "expected_calibration_error":
        found = confidence(outcome)
        gaps = np.zeros((outcome.rows, found.count))
        gaps[np.arange(outcome.rows), found.bins] = found.probability - found.came_true
        return np.column_stack([ones, gaps]), lambda s: _ratio(
            np.abs(s[:, 1:]).sum(axis=1), s[:, 0]
        )
    if name in ("f1", "f1_macro"):
        return _confusion(name, outcome)
    if name == "r2":
        centred = outcome.actual - outcome.actual.mean()
        errors = (outcome.predicted - outcome.actual) ** 2
        terms = np.column_stack([ones, centred, centred**2, errors])
        return terms, lambda s: 1 - _ratio(s[:, 3], s[:, 2] - s[:, 1] ** 2 / s[:, 0])
    losses = _losses(name, outcome)
    terms = np.column_stack([ones, losses])
    if name == "root_mean_squared_error":
        return terms, lambda s: np.sqrt(_ratio(s[:, 1], s[:, 0]))
    return terms, lambda s: _ratio(s[:, 1], s[:, 0])


def _losses(name: str, outcome: Outcome) -> Numbers:
    """Return the loss of each row of a metric that is a mean of losses."""
    if name == "accuracy":
        return np.where(outcome.decided == outcome.actual, 1.0, 0.0)
    if name == "log_loss":
        epsilon = float(np.finfo(np.float64).eps)
        truth = np.clip(_probability_of_truth(outcome), epsilon, 1 - epsilon)
        surprise: Numbers = -np.log(truth)
        return surprise
    errors: Numbers = outcome.predicted - outcome.actual
    if name == "bias":
        return errors
    if name == "mean_absolute_error":
        return np.abs(errors)
    if name in ("brier_score", "root_mean_squared_error"):
        return np.square(errors)
    raise KeyError(name)


def _probability_of_truth(outcome: Outcome) -> Numbers:
    if outcome.task is Task.BINARY:
        return np.where(outcome.actual == 1, outcome.predicted, 1 - outcome.predicted)
    truth: Numbers = outcome.predicted[np.arange(outcome.rows), outcome.actual.astype(np.intp)]
    return truth


def _confusion(name: str, outcome: Outcome) -> tuple[Numbers, Callable[[Numbers], Numbers]]:
    """F1 = 2 hits / (predicted + actual), by class; macro: its mean over the classes that occur."""
    kinds = [1] if name == "f1" else [*range(len(outcome.classes)), UNSEEN_CLASS]
    actual = np.stack([outcome.actual == kind for kind in kinds], axis=1)
    decided = np.stack([outcome.decided == kind for kind in kinds], axis=1)
    terms = np.hstack([actual & decided, actual, decided]).astype(np.float64)
    width = len(kinds)

    def combine(sums: Numbers) -> Numbers:
        hits, truths, calls = sums[:, :width], sums[:, width : 2 * width], sums[:, 2 * width :]
        by_class = _ratio(2 * hits, truths + calls)
        if name == "f1":
            return np.where(truths[:, 0] > 0, by_class[:, 0], np.nan)
        mean: Numbers = np.nanmean(by_class, axis=1)
        return mean

    return terms, combine


def _ranked(
    actual: Numbers,
    score: Numbers,
    groups: NDArray[np.intp],
    statistic: Callable[[Numbers, Numbers], float],
) -> Resampled:
    """Sort by score once; a resample then sums positives and negatives of each distinct score."""
    order = np.argsort(score, kind="stable")
    sorted_score = score[order]
    starts = np.flatnonzero(np.r_[True, sorted_score[1:] != sorted_score[:-1]])
    group, positive = groups[order], actual[order]

    def resampled(draws: Draws) -> Numbers:
        values = np.empty(len(draws))
        for index, counts in enumerate(draws.astype(np.float64)):
            weight = counts[group]
            positives = np.add.reduceat(weight * positive, starts)
            values[index] = statistic(positives, np.add.reduceat(weight, starts) - positives)
        return values

    return resampled


def _auc(positives: Numbers, negatives: Numbers) -> float:
    """Return the share of (positive, negative) pairs in order, ties half; ascending scores."""
    pairs = positives.sum() * negatives.sum()
    if pairs == 0:
        return np.nan
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / pairs)


def _average_precision(positives: Numbers, negatives: Numbers) -> float:
    """Return the sum over thresholds of gained recall times precision; ascending scores."""
    total = positives.sum()
    if total == 0:
        return np.nan
    found = np.cumsum(positives[::-1])
    called = np.cumsum((positives + negatives)[::-1])
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    return float((positives[::-1] * precision).sum() / total)


def _mean_over_classes(outcome: Outcome, groups: NDArray[np.intp]) -> Resampled:
    by_class = [
        _ranked((outcome.actual == k).astype(np.float64), outcome.predicted[:, k], groups, _auc)
        for k in range(len(outcome.classes))
    ]
    return lambda draws: np.mean([one(draws) for one in by_class], axis=0)


def _median(values: Numbers, groups: NDArray[np.intp]) -> Resampled:
    order = np.argsort(values, kind="stable")
    group, ascending = groups[order], values[order]

    def resampled(draws: Draws) -> Numbers:
        medians = np.full(len(draws), np.nan)
        for index, counts in enumerate(draws):
            ranks = np.cumsum(counts[group])
            if ranks[-1] > 0:
                middle = [(ranks[-1] - 1) // 2, ranks[-1] // 2]
                medians[index] = ascending[np.searchsorted(ranks, middle, side="right")].mean()
        return medians

    return resampled


def _repeated_rows(hook: MetricHook, outcome: Outcome, groups: NDArray[np.intp]) -> Resampled:
    positions = np.arange(outcome.rows)

    def resampled(draws: Draws) -> Numbers:
        values = np.full(len(draws), np.nan)
        for index, counts in enumerate(draws):
            repeated = np.repeat(positions, counts[groups])
            if len(repeated):
                values[index] = hook(outcome.take(repeated))
        return values

    return resampled


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    """Divide; NaN where there is nothing to divide by."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
