"""How well probabilities come true: bins of equal mass and the expected calibration error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_dagster.spec.models import Task
from mlops_dagster.training.evaluation import CalibrationBin
from mlops_dagster.training.outcome import Numbers, Outcome

# The number used since Guo et al. 2017, "On Calibration of Modern Neural Networks".
BINS = 15


@dataclass(frozen=True)
class Confidence:
    """What was said to be probable, whether it came true, and the bin, of each row."""

    probability: Numbers
    came_true: Numbers
    bins: NDArray[np.intp]
    count: int


def confidence(outcome: Outcome) -> Confidence:
    """Return the probabilities whose calibration counts, in bins of equal mass.

    Binary: the probability of 1. Multiclass: the probability of the predicted class (top-label
        calibration).
    Edges are the quantiles 1/15 ... 14/15 of the probabilities. Equal probabilities share a bin, so
    the order of the rows does not matter and few distinct values give fewer bins.
    """
    if outcome.task is Task.BINARY:
        probability, came_true = outcome.predicted, outcome.actual
    else:
        probability = outcome.predicted.max(axis=1)
        came_true = (outcome.decided == outcome.actual).astype(np.float64)
    edges = np.unique(np.quantile(probability, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    bins = np.searchsorted(edges, probability, side="left")
    return Confidence(probability, came_true, bins, len(edges) + 1)


def calibration_error(outcome: Outcome) -> float:
    """Return the expected calibration error, 0 (calibrated) to 1.

    Sum over bins b of (rows in b / rows) * |mean probability in b - share that came true in b|:
    Naeini, Cooper and Hauskrecht 2015 (AAAI), with equal-mass bins, whose estimate varies less than
    with equal-width ones (Nguyen and O'Connor 2015). On few rows it overstates: noise in a bin has
    no sign.
    """
    found = confidence(outcome)
    gaps = np.bincount(
        found.bins, weights=found.probability - found.came_true, minlength=found.count
    )
    return float(np.abs(gaps).sum() / outcome.rows)


def calibration_noise(outcome: Outcome) -> float:
    """Return the calibration error that probabilities which are exactly true would show here.

    In each bin the sum of the gaps is then about normal with variance sum p (1 - p), and the mean
    of its absolute value sqrt(2 / pi) times the root of that. It falls as one over the root of the
    rows, so errors on unequal numbers of rows cannot be compared without it.
    """
    found = confidence(outcome)
    spread = found.probability * (1 - found.probability)
    variances = np.bincount(found.bins, weights=spread, minlength=found.count)
    return float(np.sqrt(2 / np.pi * variances).sum() / outcome.rows)


def calibration_table(outcome: Outcome) -> tuple[CalibrationBin, ...]:
    """Return the bins behind `calibration_error`, lowest first; empty for regression."""
    if outcome.task is Task.REGRESSION or outcome.rows == 0:
        return ()
    if not np.isfinite(outcome.predicted).all():
        return ()
    found = confidence(outcome)
    table: list[CalibrationBin] = []
    for index in range(found.count):
        inside = found.bins == index
        if inside.any():
            probability = found.probability[inside]
            table.append(
                CalibrationBin(
                    low=float(probability.min()),
                    high=float(probability.max()),
                    rows=int(inside.sum()),
                    mean_predicted=float(probability.mean()),
                    observed_share=float(found.came_true[inside].mean()),
                )
            )
    return tuple(table)
