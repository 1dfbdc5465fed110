"""Scores that are probabilities: a calibration learned on rows the scoring model had not seen."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_dagster.errors import TrainingRefused
from mlops_dagster.spec.models import Calibration
from mlops_dagster.training.estimators import Unfitted

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

FOLDS = 5

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def fit(
    unfitted: Unfitted,
    rows: pd.DataFrame,
    labels: NDArray[np.generic],
    *,
    calibration: Calibration,
    groups: NDArray[np.intp] | None,
    warnings: list[str],
) -> "BaseEstimator":
    """Return the estimator fitted on all rows, calibrated when asked for.

    With calibration, each fifth of the groups is scored by a model fitted on the others; the map
    from scores to probabilities is learned from these scores and put upon one model fitted on all
    rows (scikit-learn's CalibratedClassifierCV with ensemble=False). The hold-out takes no part.
    Cost: FOLDS + 1 fits.

    Args:
        unfitted: The pipeline.
        rows: Fit rows as `matrix.model_input` makes them.
        labels: Their labels.
        calibration: `none` fits once.
        groups: The group of each row (its day, say), so that none is in two folds; None draws rows.
        warnings: Receives what the reader of the evaluation should know.

    Raises:
        TrainingRefused: A class has too few rows to be in every fold.
    """
    if calibration is Calibration.NONE:
        return unfitted.pipeline.fit(rows, labels, **unfitted.fit_parameters)
    from sklearn.calibration import CalibratedClassifierCV

    splits = _splits(labels, groups, warnings)
    calibrated = CalibratedClassifierCV(
        unfitted.pipeline, method=calibration.value, cv=splits, ensemble=False
    )
    calibrated.fit(rows, labels, **unfitted.fit_parameters)
    # The row numbers of the folds would be stored with the model, which never uses them again.
    return calibrated.set_params(cv=None)


def _splits(
    labels: NDArray[np.generic], groups: NDArray[np.intp] | None, warnings: list[str]
) -> list[Split]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    rows = np.zeros((len(labels), 1))
    rarest = int(np.unique(labels, return_counts=True)[1].min())
    if rarest < 2:
        raise TrainingRefused(
            "a class has too few rows for calibration",
            expected="at least 2 fit rows of each class",
            found=str(rarest),
            next_step="Write train.calibrate: none, or train on more history.",
        )
    if groups is not None:
        folds = min(FOLDS, len(np.unique(groups)), rarest)
        splits = list(StratifiedGroupKFold(folds).split(rows, labels, groups)) if folds > 1 else []
        if splits and _complete(splits, labels):
            return splits
        warnings.append("calibrated on folds of rows: a class occurs in too few groups")
    # Rows come in the order of time: neighbours would share a fold without shuffling.
    by_row = StratifiedKFold(min(FOLDS, rarest), shuffle=True, random_state=0)
    return list(by_row.split(rows, labels))


def _complete(splits: list[Split], labels: NDArray[np.generic]) -> bool:
    """Tell whether every fold's model sees every class."""
    classes = len(np.unique(labels))
    return all(len(test) and len(np.unique(labels[train])) == classes for train, test in splits)
