"""From training-set columns to what an estimator takes: features by kind, labels by task."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_dagster.errors import TrainingRefused
from mlops_dagster.features.columns import FeatureColumn
from mlops_dagster.spec.models import Task
from mlops_dagster.training.outcome import UNSEEN_CLASS, Classes, Numbers
from mlops_dagster.workers import score
from mlops_dagster.workers.score import ColumnKind

MAXIMUM_CLASSES = 100

_NUMERIC = ("tinyint", "smallint", "int", "bigint", "float", "double", "boolean")


def column_kinds(features: Iterable[FeatureColumn]) -> tuple[tuple[str, ColumnKind], ...]:
    """Return the name of each feature and whether it is read as a number or as a category.

    Raises:
        TrainingRefused: A feature has a type that is neither.
    """
    return tuple((feature.name, _kind(feature)) for feature in features)


def model_input(rows: pd.DataFrame, columns: Sequence[tuple[str, ColumnKind]]) -> pd.DataFrame:
    """Return features as every model gets them, by `workers.score.model_input`.

    Numbers, decimals and booleans become float64 with NaN for null, strings stay text with None for
    null. Everything learned (categories, medians, scales) lies inside the fitted pipeline.

    Raises:
        TrainingRefused: A column is missing.
    """
    missing = [name for name, _ in columns if name not in rows.columns]
    if missing:
        raise TrainingRefused("the rows lack feature columns", found=", ".join(missing))
    return score.model_input(rows, columns)


@dataclass(frozen=True)
class Labels:
    """Labels as an estimator takes them, and their sorted classes; none for regression."""

    values: NDArray[np.generic]
    classes: Classes


def read_labels(column: pd.Series, task: Task, *, where: str | None = None) -> Labels:
    """Return labels without nulls as an estimator takes them.

    Binary labels are booleans or 0 and 1, which become 0 and 1; multiclass labels are texts or
    integers; regression labels are finite numbers.

    Raises:
        TrainingRefused: The labels are something else, or not finite.
    """
    if task is Task.REGRESSION:
        return Labels(_numbers(column, task, where), ())
    if task is Task.BINARY:
        values = _numbers(column, task, where)
        other = sorted({*np.unique(values).tolist()} - {0.0, 1.0})
        if other:
            raise TrainingRefused(
                "the label of a binary model is not yes or no",
                where=where,
                expected="booleans, or 0 and 1",
                found=", ".join(str(value) for value in other[:5]),
                next_step="Write it as a condition in the label's SQL, or use task: multiclass.",
            )
        return Labels(values.astype(np.int64), (0, 1))
    return _multiclass(column, where)


def labels_not_finite(broken: int, rows: int, where: str | None) -> TrainingRefused:
    """Return the error for labels that are NaN or infinite."""
    return TrainingRefused(
        "labels are NaN or infinite",
        where=where,
        found=f"{broken} of {rows} rows",
        next_step="Add a rule to the label's table, so that such rows go to quarantine.",
    )


def class_positions(values: NDArray[np.generic], classes: Sequence[int] | Sequence[str]) -> Numbers:
    """Return the position of each label among the classes, or UNSEEN_CLASS."""
    known = {value: position for position, value in enumerate(classes)}
    return np.array([known.get(value, UNSEEN_CLASS) for value in values.tolist()], dtype=np.float64)


def _multiclass(column: pd.Series, where: str | None) -> Labels:
    values = column.to_numpy()
    if all(isinstance(value, str) for value in values):
        texts = values.astype(str)
        classes: Classes = tuple(sorted({str(value) for value in texts}))
        labels = Labels(texts, classes)
    else:
        numbers = _numbers(column, Task.MULTICLASS, where)
        if (numbers != np.round(numbers)).any():
            raise TrainingRefused(
                "the label of a multiclass model is not a class",
                where=where,
                expected="texts or integers",
                found=str(numbers[numbers != np.round(numbers)][0]),
                next_step="Use task: regression for a number.",
            )
        integers = numbers.astype(np.int64)
        labels = Labels(integers, tuple(int(value) for value in np.unique(integers)))
    if len(labels.classes) > MAXIMUM_CLASSES:
        raise TrainingRefused(
            "the label has too many classes",
            where=where,
            expected=f"at most {MAXIMUM_CLASSES}",
            found=str(len(labels.classes)),
            next_step="Put rare classes together in the label's SQL, or use task: regression.",
        )
    return labels


def _numbers(column: pd.Series, task: Task, where: str | None) -> Numbers:
    try:
        values = pd.to_numeric(column).to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TrainingRefused(
            f"the label of a {task.value} model is not a number",
            where=where,
            found=str(error),
            next_step="Make a number of it in the label's SQL, or use task: multiclass.",
        ) from error
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise labels_not_finite(broken, len(values), where)
    return values


def _kind(feature: FeatureColumn) -> ColumnKind:
    if feature.type == "string":
        return "category"
    if feature.type in _NUMERIC or feature.type.startswith("decimal("):
        return "number"
    advice = "Leave it out or take it apart in the table's SQL."
    if feature.type in ("date", "timestamp", "timestamp_ntz"):
        advice = "Derive numbers from it in the table's SQL, such as hour(...) or datediff(...)."
    raise TrainingRefused(
        "this column cannot be a feature",
        where=f"{feature.table}.{feature.column}",
        expected="a number, boolean or string",
        found=feature.type,
        next_step=advice,
    )
