"""A fitted estimator with what is needed to call it, and rows that tell it from another one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops_dagster.errors import ModelRefused
from mlops_dagster.spec.models import Task
from mlops_dagster.training.matrix import model_input
from mlops_dagster.training.outcome import Classes, Numbers
from mlops_dagster.workers.score import ColumnKind, Signature, predictions

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

# Rows over the range of predictions, and rows with the most nulls, among the golden ones.
_SPREAD = 12
_NULLS = 4


@dataclass(frozen=True)
class FittedModel:
    """A fitted estimator, its features by name and kind in order, its task and classes."""

    estimator: "BaseEstimator"
    columns: tuple[tuple[str, ColumnKind], ...]
    task: Task
    classes: Classes

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return predictions of rows, in the columns of `workers.score.predictions`.

        Raises:
            TrainingRefused: A feature is missing.
            ModelRefused: The estimator was fitted on other classes.
        """
        if self.task is not Task.REGRESSION:
            _check_classes(self.estimator, self.classes)
        signature = Signature(self.columns, self.task.value, self.classes)
        return predictions(self.estimator, model_input(rows, self.columns), signature)


def predicted_numbers(predicted: pd.DataFrame, task: Task) -> Numbers:
    """Return predictions as `Outcome.predicted` holds them.

    Args:
        predicted: What `FittedModel.predict` returned.
        task: What is predicted.
    """
    if task is Task.REGRESSION:
        return predicted["prediction"].to_numpy(np.float64)
    if task is Task.BINARY:
        return predicted["score"].to_numpy(np.float64)
    return np.array([*predicted["scores"]], dtype=np.float64).reshape(len(predicted), -1)


def golden_inputs(fitted: FittedModel, rows: pd.DataFrame, predicted: Numbers) -> pd.DataFrame:
    """Return features of a few telling rows: a stored copy must predict them as the model does.

    These are rows over the whole range of predictions, the rows with most nulls, one row of nulls
    only, and one with categories that no row has.

    Args:
        fitted: The model.
        rows: Hold-out rows, at least one.
        predicted: Their predictions (`predicted_numbers`).
    """
    inputs = model_input(rows, fitted.columns)
    order = np.argsort(predicted if predicted.ndim == 1 else predicted[:, 0], kind="stable")
    spread = order[np.linspace(0, len(order) - 1, min(_SPREAD, len(order))).astype(np.intp)]
    nulls = np.argsort(-inputs.isna().sum(axis=1).to_numpy(), kind="stable")[:_NULLS]
    chosen = inputs.iloc[sorted({*spread.tolist(), *nulls.tolist()})]
    typical = inputs.iloc[order[len(order) // 2]]
    strange = {
        name: "(never seen)" if kind == "category" else typical[name]
        for name, kind in fitted.columns
    }
    made = pd.DataFrame([dict.fromkeys(strange), strange], columns=[*strange])
    return model_input(pd.concat([chosen.astype(object), made], ignore_index=True), fitted.columns)


def _check_classes(estimator: "BaseEstimator", classes: Classes) -> None:
    known = tuple(estimator.classes_.tolist())
    if known != classes:
        raise ModelRefused(
            "the estimator was fitted on other classes",
            expected=", ".join(map(str, classes)),
            found=", ".join(map(str, known)),
        )
