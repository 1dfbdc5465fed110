"""Truth and prediction of some rows side by side: the input of every metric."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_dagster.spec.models import Task

Numbers = NDArray[np.float64]
Classes = tuple[int, ...] | tuple[str, ...]

# The class index of a label that no row of the fit had.
UNSEEN_CLASS = -1


@dataclass(frozen=True)
class Outcome:
    """Rows with a known truth and a prediction.

    Attributes:
        task: What was predicted.
        actual: Shape (rows,). Regression: the numbers. Binary: 0 or 1. Multiclass: positions in
            `classes`, UNSEEN_CLASS for a label that is not among them.
        predicted: Regression: the numbers, shape (rows,). Binary: probability of 1, shape (rows,).
            Multiclass: probabilities, shape (rows, classes).
        classes: The classes in the order of the probabilities; empty for regression.
    """

    task: Task
    actual: Numbers
    predicted: Numbers
    classes: Classes = ()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.actual.shape[0])

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Outcome":
        """Return some of the rows, by position or by mask; positions may repeat."""
        return Outcome(self.task, self.actual[rows], self.predicted[rows], self.classes)

    @property
    def decided(self) -> Numbers:
        """The predicted class positions: the most probable, at equal probability the first."""
        if self.task is Task.BINARY:
            # Exactly 0.5 counts as 0, as scikit-learn's `predict` decides.
            return np.where(self.predicted > 0.5, 1.0, 0.0)
        return np.asarray(np.argmax(self.predicted, axis=1), dtype=np.float64)


@dataclass(frozen=True)
class MetricHook:
    """A @metric of hooks.py, loaded."""

    name: str
    lower_is_better: bool
    function: Callable[[NDArray[np.generic], NDArray[np.generic]], float]

    def __call__(self, outcome: Outcome) -> float:
        """Return the metric of some rows; multiclass hooks receive labels, not positions."""
        if outcome.task is not Task.MULTICLASS:
            return float(self.function(outcome.actual, outcome.predicted))
        labels = np.asarray([*outcome.classes, _no_class(outcome.classes)])
        actual = labels[outcome.actual.astype(np.intp)]
        return float(self.function(actual, labels[outcome.decided.astype(np.intp)]))


def _no_class(classes: Classes) -> str | int:
    """Return what stands for an unseen label; position -1 finds it at the end of the list."""
    return "(unseen)" if isinstance(classes[0], str) else min(int(c) for c in classes) - 1
