"""What a training set must have before anything is fitted: each refusal says what to do."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlops_dagster.errors import TrainingRefused
from mlops_dagster.features.columns import LABEL, LABEL_STATE, FeatureColumn
from mlops_dagster.features.maturity import LabelState
from mlops_dagster.spec.models import Calibration, Task
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.training.matrix import Labels, labels_not_finite

# Fewer labelled rows than this fit noise, whatever the family.
MINIMUM_FIT_ROWS = 50
# Rows times features on the client: 400 MB as float64, and the fit needs a small multiple of it.
MAXIMUM_CELLS = 50_000_000


def check_request(
    frame: pd.DataFrame, model: ResolvedModel, features: Sequence[FeatureColumn]
) -> None:
    """Refuse a training set that is too large for the client, has broken labels or a wrong task."""
    cells = len(frame) * max(len(features), 1)
    if cells > MAXIMUM_CELLS:
        raise TrainingRefused(
            f"the training set of {model.stream} is too large for this machine",
            expected=f"at most {MAXIMUM_CELLS:,} values",
            found=f"{len(frame):,} rows of {len(features)} features",
            next_step="Shorten train.history, or take a sample in the SQL of the rows.",
        )
    if LABEL_STATE in frame:
        # pandas shows null and NaN as one; only the state tells that there is a label.
        known = frame[LABEL_STATE] == LabelState.LABELLED.value
        broken = known & frame[LABEL].isin([np.nan, None, np.inf, -np.inf])
        if broken.any():
            raise labels_not_finite(int(broken.sum()), len(frame), f"model {model.stream}")
    if model.spec.task is Task.REGRESSION and model.spec.train.calibrate is not Calibration.NONE:
        raise TrainingRefused(
            f"{model.stream} is a regression: it has no probabilities to calibrate",
            where="train.calibrate",
            expected="none",
            found=model.spec.train.calibrate.value,
        )


def check_rows(model: ResolvedModel, fit_rows: pd.DataFrame, holdout: pd.DataFrame) -> None:
    """Refuse to train with too few labelled rows to fit, or none to evaluate on."""
    where = f"model {model.stream}"
    if len(fit_rows) < MINIMUM_FIT_ROWS:
        raise TrainingRefused(
            "too few labelled rows to fit",
            where=where,
            expected=f"at least {MINIMUM_FIT_ROWS}",
            found=str(len(fit_rows)),
            next_step="Raise train.at_least, or check that the labels have arrived.",
        )
    if holdout[LABEL].notna().sum() == 0:
        raise TrainingRefused(
            "no labelled rows to evaluate on",
            where=where,
            found=f"{len(holdout)} hold-out rows, none with a label",
            next_step="Check train.holdout, and that the labels of its days have arrived.",
        )


def check_classes(model: ResolvedModel, labels: Labels) -> None:
    """Refuse labels of one class."""
    distinct = np.unique(labels.values)
    if model.spec.task is not Task.REGRESSION and len(distinct) < 2:
        raise TrainingRefused(
            "all fit rows have the same label: there is nothing to learn",
            where=f"model {model.stream}",
            expected="at least two classes",
            found=str(distinct[0]),
            next_step="Look at the label's SQL, or train on more windows.",
        )


def check_finite(model: ResolvedModel, inputs: pd.DataFrame) -> None:
    """Refuse infinite features: linear models cannot take them, and means of them say nothing."""
    numbers = inputs.select_dtypes("float64")
    infinite = [str(name) for name in numbers.columns if np.isinf(numbers[name]).any()]
    if infinite:
        raise TrainingRefused(
            "features are infinite",
            where=f"model {model.stream}",
            found=", ".join(infinite),
            next_step="Guard the division in the table's SQL, or refuse such rows by a rule.",
        )


def usable_features(
    model: ResolvedModel,
    inputs: pd.DataFrame,
    features: Sequence[FeatureColumn],
    warnings: list[str],
) -> tuple[FeatureColumn, ...]:
    """Return the features that vary on the fit rows; the others become a warning.

    Raises:
        TrainingRefused: No feature varies.
    """
    constant = [f.name for f in features if inputs[f.name].nunique(dropna=False) < 2]
    if constant:
        warnings.append(f"left out, one value on all fit rows: {', '.join(constant)}")
    usable = tuple(feature for feature in features if feature.name not in constant)
    if not usable:
        raise TrainingRefused(
            "no feature varies on the fit rows",
            where=f"model {model.stream}",
            found=", ".join(constant) or "no features",
            next_step="Look at the tables of the features, or train on more windows.",
        )
    return usable
