"""Fits the cells of each column of a baseline to the reference rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_dagster.monitoring.dependence import INDEPENDENT, estimate_dependence
from mlops_dagster.monitoring.grid import (
    KNOWN_VALUES,
    CategoryGrid,
    ColumnKind,
    ColumnRole,
    NumericGrid,
    SliceGrid,
    own_values,
    quantile_edges,
)
from mlops_dagster.monitoring.unseen import expected_unseen
from mlops_dagster.workers.profile import category_text, cells_of

if TYPE_CHECKING:
    import pandas as pd

SLICE_VALUES = 20

# A column counts as varying inside groups when it does so in this share of them; only then is a
# constant a fault.
VARYING_GROUPS = 0.9


def fit_numeric(
    frame: "pd.DataFrame",
    *,
    name: str,
    role: ColumnRole,
    groups: NDArray[np.int64] | None,
    cells: int,
) -> NumericGrid:
    """Return the cells of a numeric column, cut at quantiles of its finite values."""
    values = arrow_values(frame[name], "numeric").cast(pa.float64(), safe=False)
    numbers = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    # An actual value near the middle, so that no sum about it overflows sooner than it must.
    pivot = float(np.quantile(finite, 0.5, method="inverted_cdf")) if len(finite) else 0.0
    edges = quantile_edges(finite, cells)
    grid = NumericGrid(
        name=name,
        role=role,
        edges=edges,
        pivot=pivot,
        varies_within_groups=_varies(_ranks(numbers), groups),
        dependence=INDEPENDENT,
    )
    placed = cells_of(values, grid.cells)
    dependence = estimate_dependence(placed, groups, len(edges) + 1)
    return grid.model_copy(update={"dependence": dependence})


def fit_category(
    frame: "pd.DataFrame",
    *,
    name: str,
    role: ColumnRole,
    groups: NDArray[np.int64] | None,
    top_values: int,
) -> CategoryGrid:
    """Return the cells of a categorical column and the unseen mass that equal data would bring."""
    values = arrow_values(frame[name], "categorical")
    counted = values.drop_null().value_counts().to_pylist()
    ranked = sorted(((c["values"], c["counts"]) for c in counted), key=lambda c: (-c[1], c[0]))
    own = own_values(ranked, top_values)
    held = set(own)
    rest = tuple(value for value, _ in ranked if value not in held)
    texts = _codes(values, [value for value, _ in ranked])
    unseen, spread = expected_unseen(texts, groups)
    grid = CategoryGrid(
        name=name,
        role=role,
        values=own,
        rest=rest[: KNOWN_VALUES - len(own)],
        complete=len(ranked) <= KNOWN_VALUES,
        varies_within_groups=_varies(texts, groups),
        expected_unseen=unseen,
        unseen_spread=spread,
        dependence=INDEPENDENT,
    )
    dependence = estimate_dependence(cells_of(values, grid.cells), groups, grid.cells.size)
    return grid.model_copy(update={"dependence": dependence})


def _codes(values: pa.Array, ranked: Sequence[str]) -> NDArray[np.int64]:
    known = {value: number for number, value in enumerate(ranked)}
    found = [-1 if text is None else known[text] for text in values.to_pylist()]
    return np.array(found, dtype=np.int64)


def _varies(codes: NDArray[np.int64], groups: NDArray[np.int64] | None) -> bool:
    """Tell whether nearly every group (or all rows together) holds more than one present value."""
    present = codes >= 0
    if not present.any():
        return False
    where = np.zeros(int(present.sum()), np.int64) if groups is None else groups[present]
    codes = codes[present]
    low = np.full(int(where.max()) + 1, np.iinfo(np.int64).max)
    high = np.full(int(where.max()) + 1, np.iinfo(np.int64).min)
    np.minimum.at(low, where, codes)
    np.maximum.at(high, where, codes)
    held = low <= high
    return bool((low < high)[held].mean() >= VARYING_GROUPS)


def _ranks(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    ranks = np.unique(numbers, return_inverse=True)[1].astype(np.int64)
    return np.where(np.isnan(numbers), -1, ranks).astype(np.int64)


def fit_slice(frame: "pd.DataFrame", name: str) -> SliceGrid:
    """Return the most frequent values of a slice column."""
    counted = arrow_values(frame[name], "categorical").drop_null().value_counts().to_pylist()
    ranked = sorted(counted, key=lambda c: (-c["counts"], c["values"]))
    return SliceGrid(name=name, values=tuple(c["values"] for c in ranked[:SLICE_VALUES]))


def arrow_values(series: "pd.Series[Any]", kind: ColumnKind) -> pa.Array:
    """Return a column as doubles or as category texts; pandas' NaN becomes null."""
    if kind == "numeric":
        return pa.array(
            series.astype("Float64" if series.dtype == object else series.dtype), from_pandas=True
        )
    return pa.array([category_text(_scalar(value)) for value in series], pa.string())


def _scalar(value: object) -> object:
    """Turn pandas' NA markers into None."""
    import pandas as pd

    return None if value is pd.NA or value is pd.NaT else value
