"""Rows by the values of a column: which slices a model is measured on, and what they are called."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_dagster.spec.workspace import ResolvedModel

MAXIMUM_SLICES = 50


def slices_of(
    rows: pd.DataFrame, model: ResolvedModel, warnings: list[str]
) -> Iterator[tuple[str, str | None, NDArray[np.bool_]]]:
    """Yield column, value and mask of each slice, the most frequent value first."""
    columns = {gate.slice for gate in model.gates if gate.slice} | {*model.spec.monitor.slices}
    for column in sorted(columns):
        if column not in rows:
            warnings.append(f"no slices by {column}: the training set has no such column")
            continue
        texts = rows[column].astype(object).map(slice_value)
        counts = Counter(texts.tolist())
        # By size, then by name: the same rows in another order give the same slices.
        ordered = sorted(counts, key=lambda text: (-counts[text], text is None, text or ""))
        if len(ordered) > MAXIMUM_SLICES:
            left = len(ordered) - MAXIMUM_SLICES
            warnings.append(f"{column} has {left} more values than the {MAXIMUM_SLICES} shown")
        for text in ordered[:MAXIMUM_SLICES]:
            mask = texts.isna() if text is None else texts == text
            yield column, text, mask.to_numpy(dtype=bool)


def slice_value(value: object) -> str | None:
    """Return a value as the name of a slice, as Spark's cast to string writes it; None for null.

    pandas turns integers with nulls into floats: whole floats are written as integers.
    """
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        if float(value).is_integer():
            return str(int(value))
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return str(value)
