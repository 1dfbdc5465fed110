"""What may be wrong with a training set, and what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_dagster.spec.models import Task


@dataclass(frozen=True)
class TrainingFault:
    """A training set with something wrong.

    Attributes:
        name: What is wrong, for the page.
        task: The task of the model.
        change: What makes a sound training set wrong.
        says: A part of the error; None when there is a model all the same.
        cure: What to do, for the page.
        dropped: Features that the model does without.
        warns: A part of what the evaluation warns of; empty for nothing.
    """

    name: str
    task: Task
    change: Callable[[pd.DataFrame], pd.DataFrame]
    says: str | None
    cure: str
    dropped: tuple[str, ...] = ()
    warns: str = ""


def label(value: object, rows: slice = slice(None)) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a change of the label in some rows."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        labels = frame["label"].tolist()
        labels[rows] = [value] * len(labels[rows])
        return frame.assign(label=labels)

    return change


def constant(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a training set whose features do not vary."""
    return frame.assign(amount=1.0, age=30.0, member=True, city="Ulm")


_RULE = "a rule on the label's table, so that such rows go to quarantine"

TRAINING_FAULTS = (
    TrainingFault(
        "a label that is NaN",
        Task.REGRESSION,
        label(np.nan, slice(3, 5)),
        "labels are NaN or infinite, found 2 of 200 rows",
        _RULE,
    ),
    TrainingFault(
        "an infinite label",
        Task.REGRESSION,
        label(np.inf, slice(0, 1)),
        "labels are NaN or infinite, found 1 of 200 rows",
        _RULE,
    ),
    TrainingFault(
        "labels of one class",
        Task.BINARY,
        label(True),
        "all fit rows have the same label",
        "more windows, or another label",
    ),
    TrainingFault(
        "labels that are no yes or no",
        Task.BINARY,
        label(2, slice(0, 9)),
        "the label of a binary model is not yes or no",
        "a condition in the label's SQL",
    ),
    TrainingFault(
        "labels that are no numbers",
        Task.REGRESSION,
        label("many"),
        "the label of a regression model is not a number",
        "a number in the label's SQL",
    ),
    TrainingFault(
        "no labels at all",
        Task.BINARY,
        lambda frame: frame.assign(label=None, label_state="pending"),
        "too few labelled rows to fit; expected at least 50, found 0",
        "wait until the labels are in",
    ),
    TrainingFault(
        "ten rows",
        Task.BINARY,
        lambda frame: frame.tail(10),
        "too few labelled rows to fit; expected at least 50",
        "raise `train.at_least`",
    ),
    TrainingFault(
        "an infinite feature",
        Task.BINARY,
        lambda frame: frame.assign(amount=np.inf),
        "features are infinite, found amount",
        "guard the division in the table's SQL",
    ),
    TrainingFault(
        "no feature that varies",
        Task.BINARY,
        constant,
        "no feature varies on the fit rows",
        "look at the tables of the features",
    ),
    TrainingFault(
        "a constant feature, and one of nulls alone",
        Task.BINARY,
        lambda frame: frame.assign(age=30.0, city=None),
        None,
        "nothing; both are left out, with a warning",
        dropped=("age", "city"),
        warns="left out, one value on all fit rows: age, city",
    ),
    TrainingFault(
        "a category in the hold-out that no fit row has, and another one when scoring",
        Task.BINARY,
        lambda frame: frame.assign(city=frame["city"].where(frame["split"] == "fit", "Jena")),
        None,
        "nothing; it counts as missing, and the drift report tells of it",
    ),
)
