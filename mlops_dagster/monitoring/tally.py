"""Turns what the counting function yields into a profile: partial rows in, typed sums out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

import pyarrow as pa

from mlops_dagster.monitoring.counts import (
    CategoryCounts,
    NumericCounts,
    Profile,
    SliceCounts,
    UnseenValue,
    WrongType,
    most_frequent,
)
from mlops_dagster.monitoring.grid import CategoryGrid, Grid, NumericGrid
from mlops_dagster.workers.profile import counter


class UnseenRow(TypedDict):
    """An example of a value never seen."""

    value: str
    count: int


class CountedRow(TypedDict):
    """One row of workers.profile.PARTIAL_SCHEMA: a slice and column."""

    slice_key: str | None
    slice_value: str | None
    column: str
    rows: int
    nulls: int
    nans: int
    positive_infinities: int
    negative_infinities: int
    zeros: int
    low: float | None
    high: float | None
    counts: Sequence[int]
    sums: Sequence[float]
    moments: Sequence[float]
    unseen: Sequence[UnseenRow]


Part = tuple[str | None, str | None]


def profile_from_batches(batches: Iterable[pa.RecordBatch], grid: Grid) -> Profile:
    """Count Arrow batches in this process."""
    count = counter([c.cells for c in grid.columns], [s.cells for s in grid.slices])
    rows: list[CountedRow] = [row for out in count(iter(batches)) for row in out.to_pylist()]
    return profile_from_rows(rows, grid)


def profile_from_rows(
    rows: Iterable[CountedRow],
    grid: Grid,
    *,
    absent: Sequence[str] = (),
    wrong_types: Sequence[WrongType] = (),
) -> Profile:
    """Build a profile from one row a slice and column; a slice without a row holds nothing."""
    found: Mapping[tuple[Part, str], CountedRow] = {
        ((row["slice_key"], row["slice_value"]), row["column"]): row for row in rows
    }
    uncounted = {*absent, *(wrong.column for wrong in wrong_types)}
    counted = [c for c in grid.columns if c.name not in uncounted]
    parts: list[Part] = [(None, None)]
    parts += [(s.name, value) for s in grid.slices if s.name not in uncounted for value in s.values]
    return Profile(
        grid=grid.digest,
        slices=tuple(
            _slice(part, [(c, found.get((part, c.name))) for c in counted]) for part in parts
        ),
        absent=tuple(absent),
        wrong_types=tuple(wrong_types),
    )


def _slice(
    part: Part, columns: Sequence[tuple[NumericGrid | CategoryGrid, CountedRow | None]]
) -> SliceCounts:
    counts = [
        _numeric(column, row) if isinstance(column, NumericGrid) else _category(column, row)
        for column, row in columns
    ]
    rows = max((c.rows for c in counts), default=0)
    return SliceCounts(key=part[0], value=part[1], rows=rows, columns=tuple(counts))


def _numeric(column: NumericGrid, row: CountedRow | None) -> NumericCounts:
    size = column.cells.size
    moments = row["moments"] if row else (0.0, 0.0)
    return NumericCounts(
        column=column.name,
        rows=int(row["rows"]) if row else 0,
        nulls=int(row["nulls"]) if row else 0,
        nans=int(row["nans"]) if row else 0,
        positive_infinities=int(row["positive_infinities"]) if row else 0,
        negative_infinities=int(row["negative_infinities"]) if row else 0,
        zeros=int(row["zeros"]) if row else 0,
        low=_number(row["low"]) if row else None,
        high=_number(row["high"]) if row else None,
        pivot=column.pivot,
        deviations=float(moments[0]),
        squares=float(moments[1]),
        counts=tuple(int(n) for n in row["counts"]) if row else (0,) * size,
        sums=tuple(float(x) for x in row["sums"]) if row else (0.0,) * size,
    )


def _category(column: CategoryGrid, row: CountedRow | None) -> CategoryCounts:
    unseen = row["unseen"] if row else ()
    return CategoryCounts(
        column=column.name,
        rows=int(row["rows"]) if row else 0,
        nulls=int(row["nulls"]) if row else 0,
        nans=int(row["nans"]) if row else 0,
        counts=tuple(int(n) for n in row["counts"]) if row else (0,) * column.cells.size,
        unseen_values=most_frequent(
            UnseenValue(value=str(item["value"]), count=int(item["count"])) for item in unseen
        ),
    )


def _number(value: float | None) -> float | None:
    """Return a bound; pandas shows null as NaN, and a bound is never NaN."""
    return None if value is None or math.isnan(value) else float(value)
