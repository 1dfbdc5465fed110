"""Counts columns on agreed cells, one pass over Arrow batches; runs inside Spark's Python workers.

This module is shipped by value and imports nothing of the package. A numeric column has sorted
edges e0 < e1 < ...; cell i holds e[i-1] < x <= e[i], so the pair (nextafter(v, -inf), v) makes a
cell for the single value v. A categorical column has one cell a common value, hash cells for the
other known values and a last cell for values never seen. Null and NaN lie in no cell and are
counted apart; infinities lie in the outer cells and in no sum.
"""

import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

# How many values never seen before a partition reports as examples, most frequent first.
UNSEEN_EXAMPLES = 10

MISSING = -1

# One row a slice and column; the Spark type of what `counter` yields.
PARTIAL_SCHEMA = (
    "slice_key string, slice_value string, column string, rows bigint, nulls bigint, nans bigint, "
    "positive_infinities bigint, negative_infinities bigint, zeros bigint, "
    "low double, high double, counts array<bigint>, sums array<double>, moments array<double>, "
    "unseen array<struct<value: string, count: bigint>>"
)
_ARROW_SCHEMA = pa.schema(
    [
        ("slice_key", pa.string()),
        ("slice_value", pa.string()),
        ("column", pa.string()),
        *((name, pa.int64()) for name in ("rows", "nulls", "nans")),
        *((name, pa.int64()) for name in ("positive_infinities", "negative_infinities", "zeros")),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("counts", pa.list_(pa.int64())),
        ("sums", pa.list_(pa.float64())),
        ("moments", pa.list_(pa.float64())),
        ("unseen", pa.list_(pa.struct([("value", pa.string()), ("count", pa.int64())]))),
    ]
)


class NumericCells(NamedTuple):
    """The cells of a numeric column; deviations and squares are summed about `pivot`."""

    name: str
    edges: tuple[float, ...]
    pivot: float

    @property
    def size(self) -> int:
        """Number of cells: one more than edges."""
        return len(self.edges) + 1


class CategoryCells(NamedTuple):
    """The cells of a categorical column.

    `known` maps a value to its own cell or to a hash cell. With `complete` off the reference held
    more values than were kept, so an unknown value goes to its hash cell instead of the last one.
    """

    name: str
    known: Mapping[str, int]
    first_hashed: int
    hashed: int
    complete: bool

    @property
    def size(self) -> int:
        """Number of cells; the last one is for values never seen."""
        return self.first_hashed + self.hashed + 1

    def cell(self, value: str) -> int:
        """Return the cell of a value."""
        found = self.known.get(value)
        if found is not None:
            return found
        return self.size - 1 if self.complete else hash_cell(value, self.first_hashed, self.hashed)


Cells: TypeAlias = NumericCells | CategoryCells


class SliceValues(NamedTuple):
    """A column whose listed values are counted apart in the same pass."""

    name: str
    values: tuple[str, ...]


def hash_cell(value: str, first: int, hashed: int) -> int:
    """Return the hash cell of a value: CRC-32 of its UTF-8 form, equal in every process."""
    return first + zlib.crc32(value.encode("utf-8", "surrogatepass")) % hashed


def category_text(value: object) -> str | None:
    """Return the one text of a category, however pandas or Arrow carries it; None for null and NaN.

    Whole floats lose their fraction, since pandas turns integers beside nulls into floats.
    """
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isnan(number):
            return None
        return str(int(number)) if number.is_integer() else repr(number)
    return str(value)


Count: TypeAlias = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def counter(columns: Sequence[Cells], slices: Sequence[SliceValues]) -> Count:
    """Return the function for `mapInArrow`: batches of rows in, one row a slice and column out."""

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tallies = [_Tally(column, group) for group in (None, *slices) for column in columns]
        for batch in batches:
            cells = {c.name: _place(batch.column(c.name), c) for c in columns}
            codes = {s.name: _slice_codes(batch.column(s.name), s) for s in slices}
            for tally in tallies:
                group = tally.group
                chosen = np.zeros(len(batch), np.int64) if group is None else codes[group.name]
                tally.add(cells[tally.column.name], chosen)
        rows = [row for tally in tallies for row in tally.rows()]
        yield pa.RecordBatch.from_pylist(rows, schema=_ARROW_SCHEMA)

    return count


def cells_of(values: pa.Array, column: Cells) -> Ints:
    """Return the cell of each value, MISSING for null and NaN."""
    return _place(values, column).cells


class _Placed(NamedTuple):
    """The values of a batch in their cells, as `numbers` or as `indices` into `texts`."""

    cells: Ints
    nulls: NDArray[np.bool_]
    numbers: Floats
    indices: Ints
    texts: Sequence[str | None]


def _place(values: pa.Array, column: Cells) -> _Placed:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    nulls = np.asarray(values.is_null(), dtype=np.bool_)
    if isinstance(column, NumericCells):
        as_doubles = pc.cast(values, pa.float64(), safe=False)
        numbers: Floats = np.asarray(as_doubles.to_numpy(zero_copy_only=False), dtype=np.float64)
        cells = np.searchsorted(np.asarray(column.edges, np.float64), numbers, side="left")
        placed = np.where(np.isnan(numbers), MISSING, cells).astype(np.int64)
        return _Placed(placed, nulls, numbers, np.empty(0, np.int64), ())
    encoded = values if isinstance(values, pa.DictionaryArray) else values.dictionary_encode()
    texts = [category_text(value) for value in encoded.dictionary.to_pylist()]
    of_text = np.array(
        [MISSING if t is None else column.cell(t) for t in texts] + [MISSING], np.int64
    )
    indices = np.asarray(pc.fill_null(encoded.indices, len(texts)), dtype=np.int64)
    return _Placed(of_text[indices], nulls, np.empty(0), indices, texts)


def _slice_codes(values: pa.Array, group: SliceValues) -> Ints:
    known = {value: number for number, value in enumerate(group.values)}
    return _place(values, CategoryCells(group.name, known, len(known), 0, True)).cells


class _Tally:
    """Running counts of one column in each value of one slice column (or in all rows)."""

    def __init__(self, column: Cells, group: SliceValues | None) -> None:
        self.column = column
        self.group = group
        self.values: tuple[str | None, ...] = (None,) if group is None else group.values
        size = len(self.values)
        self.whole = np.zeros((6, size), np.int64)  # rows, nulls, nans, +inf, -inf, zeros
        self.counts = np.zeros((size, column.size), np.int64)
        self.sums = np.zeros((size, column.size))
        self.moments = np.zeros((size, 2))
        self.low = np.full(size, np.inf)
        self.high = np.full(size, -np.inf)
        self.unseen: list[Counter[str]] = [Counter() for _ in range(size)]

    def add(self, placed: _Placed, codes: Ints) -> None:
        """Add a batch; rows whose code is not one of the slice's values are left out."""
        size, width = self.counts.shape
        inside = (codes >= 0) & (codes < size)
        codes, cells, nulls = codes[inside], placed.cells[inside], placed.nulls[inside]
        present = cells != MISSING
        self.whole[0] += np.bincount(codes, minlength=size)
        self.whole[1] += np.bincount(codes[nulls], minlength=size)
        self.whole[2] += np.bincount(codes[~present & ~nulls], minlength=size)
        where = codes[present] * width + cells[present]
        self.counts += np.bincount(where, minlength=size * width).reshape(size, width)
        if isinstance(self.column, NumericCells):
            self._add_numbers(placed.numbers[inside], codes, cells, self.column.pivot)
        else:
            unseen = cells == width - 1
            self._add_unseen(codes[unseen], placed.indices[inside][unseen], placed.texts)

    def _add_numbers(self, numbers: Floats, codes: Ints, cells: Ints, pivot: float) -> None:
        size, width = self.counts.shape
        self.whole[3] += np.bincount(codes[numbers == np.inf], minlength=size)
        self.whole[4] += np.bincount(codes[numbers == -np.inf], minlength=size)
        self.whole[5] += np.bincount(codes[numbers == 0.0], minlength=size)
        finite = np.isfinite(numbers)
        numbers, codes, cells = numbers[finite], codes[finite], cells[finite]
        sums = np.bincount(codes * width + cells, weights=numbers, minlength=size * width)
        self.sums += sums.reshape(size, width)
        with np.errstate(over="ignore"):
            away = numbers - pivot
            self.moments[:, 0] += np.bincount(codes, weights=away, minlength=size)
            self.moments[:, 1] += np.bincount(codes, weights=away * away, minlength=size)
        np.minimum.at(self.low, codes, numbers)
        np.maximum.at(self.high, codes, numbers)

    def _add_unseen(self, codes: Ints, indices: Ints, texts: Sequence[str | None]) -> None:
        pairs, counts = np.unique(codes * (len(texts) + 1) + indices, return_counts=True)
        for chosen in np.argsort(-counts, kind="stable")[: UNSEEN_EXAMPLES * len(self.values)]:
            code, index = divmod(int(pairs[chosen]), len(texts) + 1)
            self.unseen[code][texts[index] or ""] += int(counts[chosen])

    def rows(self) -> Iterator[dict[str, object]]:
        """Return the counts as rows of PARTIAL_SCHEMA."""
        numeric = isinstance(self.column, NumericCells)
        for code, value in enumerate(self.values):
            rows, nulls, nans, above, below, zeros = self.whole[:, code].tolist()
            finite = self.low[code] <= self.high[code]
            yield {
                "slice_key": None if self.group is None else self.group.name,
                "slice_value": value,
                "column": self.column.name,
                "rows": rows,
                "nulls": nulls,
                "nans": nans,
                "positive_infinities": above,
                "negative_infinities": below,
                "zeros": zeros,
                "low": float(self.low[code]) if finite else None,
                "high": float(self.high[code]) if finite else None,
                "counts": self.counts[code].tolist(),
                "sums": self.sums[code].tolist() if numeric else [],
                "moments": self.moments[code].tolist() if numeric else [],
                "unseen": [
                    {"value": text, "count": number}
                    for text, number in self.unseen[code].most_common(UNSEEN_EXAMPLES)
                ],
            }
