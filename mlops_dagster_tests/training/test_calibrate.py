"""Calibration: on days the scores had not seen, never on the hold-out."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from mlops_dagster.errors import TrainingRefused
from mlops_dagster.spec.models import Calibration
from mlops_dagster.training.calibrate import fit
from mlops_dagster.training.estimators import Unfitted

METHODS = [Calibration.ISOTONIC, Calibration.SIGMOID]


class Recorder(DecisionTreeClassifier):  # type: ignore[misc]
    """Remembers the days of the rows that each fit saw (the first column)."""

    seen: list[set[int]] = []  # noqa: RUF012

    def fit(self, X: pd.DataFrame, y: object) -> "Recorder":
        Recorder.seen.append({int(day) for day in X["day"]})
        super().fit(X, y)
        return self


def noisy_rows(rows: int = 2000, *, classes: int = 2) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"day": np.arange(rows) * 20 // rows, "x": rng.random(rows)})
    signal = frame["x"].to_numpy() * classes + rng.normal(0, 0.6, rows)
    return frame, signal.clip(0, classes - 0.01).astype(np.int64)


def overfitting_tree() -> Unfitted:
    tree = DecisionTreeClassifier(min_samples_leaf=3, random_state=0)
    return Unfitted(Pipeline([("model", tree)]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("classes", [2, 3])
def test_calibration_improves_the_probabilities_of_new_rows(
    method: Calibration, classes: int
) -> None:
    rows, labels = noisy_rows(classes=classes)
    first, second = (rows["day"] % 2 == 0).to_numpy(), (rows["day"] % 2 == 1).to_numpy()
    losses = []
    for calibration in (Calibration.NONE, method):
        fitted = fit(
            overfitting_tree(),
            rows[first],
            labels[first],
            calibration=calibration,
            groups=rows["day"].to_numpy()[first],
            warnings=[],
        )
        losses.append(log_loss(labels[second], fitted.predict_proba(rows[second])))
    assert losses[1] < 0.7 * losses[0]


def test_no_day_is_both_fitted_and_scored_and_the_last_model_sees_all() -> None:
    rows, labels = noisy_rows(400)
    Recorder.seen.clear()
    fit(
        Unfitted(Pipeline([("model", Recorder())])),
        rows,
        labels,
        calibration=Calibration.ISOTONIC,
        groups=rows["day"].to_numpy(),
        warnings=[],
    )
    every = set(range(20))
    *folds, last = Recorder.seen
    assert last == every
    assert len(folds) == 5
    held_out = [every - seen for seen in folds]
    assert set().union(*held_out) == every
    assert sum(map(len, held_out)) == len(every)


def test_the_calibrated_model_keeps_no_row_numbers() -> None:
    rows, labels = noisy_rows(400)
    fitted = fit(
        overfitting_tree(),
        rows,
        labels,
        calibration=Calibration.ISOTONIC,
        groups=rows["day"].to_numpy(),
        warnings=[],
    )
    assert fitted.cv is None
    assert len(fitted.calibrated_classifiers_) == 1


def test_rows_are_drawn_when_a_class_is_not_on_enough_days_and_a_warning_says_so() -> None:
    rows, _ = noisy_rows(400)
    labels = (rows["day"] == 0).to_numpy().astype(int)
    warnings: list[str] = []
    fitted = fit(
        overfitting_tree(),
        rows,
        labels,
        calibration=Calibration.SIGMOID,
        groups=rows["day"].to_numpy(),
        warnings=warnings,
    )
    assert fitted.predict_proba(rows).shape == (400, 2)
    assert ["folds of rows" in warning for warning in warnings] == [True]


def test_a_class_with_one_row_cannot_be_calibrated() -> None:
    rows, _ = noisy_rows(100)
    labels = np.eye(100, dtype=int)[0]
    with pytest.raises(TrainingRefused, match=r"at least 2 fit rows of each class, found 1"):
        fit(
            overfitting_tree(),
            rows,
            labels,
            calibration=Calibration.SIGMOID,
            groups=rows["day"].to_numpy(),
            warnings=[],
        )
