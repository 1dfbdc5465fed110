"""A profile: additive counts of a table's columns on the cells of a baseline."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.payload import Payload

# Examples of values never seen that a profile keeps, most frequent first; their whole mass is
# exact.
UNSEEN_EXAMPLES = 10


class NumericCounts(Payload):
    """What one numeric column holds; `counts` and `sums` follow the baseline's cells.

    `deviations` and `squares` are the sums of (x - pivot) and (x - pivot)^2 over finite values:
    plain sums stay additive, and about the baseline's mean they keep their digits.
    """

    kind: Literal["numeric"] = "numeric"
    column: str
    rows: int
    nulls: int
    nans: int
    positive_infinities: int
    negative_infinities: int
    zeros: int
    low: float | None
    high: float | None
    pivot: float
    deviations: float
    squares: float
    counts: tuple[int, ...]
    sums: tuple[float, ...]

    @property
    def missing(self) -> int:
        """Null and NaN together: pandas cannot tell them apart, so neither do comparisons."""
        return self.nulls + self.nans

    @property
    def present(self) -> int:
        """Values that are neither null nor NaN."""
        return self.rows - self.missing

    @property
    def finite(self) -> int:
        """Values that are numbers other than an infinity."""
        return self.present - self.positive_infinities - self.negative_infinities

    @property
    def mean(self) -> float | None:
        """Mean of the finite values, None when there are none."""
        return self.pivot + self.deviations / self.finite if self.finite else None

    @property
    def m2(self) -> float | None:
        """Sum of squared distances of the finite values from their mean."""
        if not self.finite:
            return None
        return max(0.0, self.squares - self.deviations * self.deviations / self.finite)

    @property
    def standard_deviation(self) -> float | None:
        """Sample standard deviation of the finite values, None below two values."""
        squares = self.m2
        return (
            math.sqrt(squares / (self.finite - 1))
            if squares is not None and self.finite > 1
            else None
        )

    def __add__(self, other: "NumericCounts") -> "NumericCounts":
        lows = [x for x in (self.low, other.low) if x is not None]
        highs = [x for x in (self.high, other.high) if x is not None]
        return NumericCounts(
            column=self.column,
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            nans=self.nans + other.nans,
            positive_infinities=self.positive_infinities + other.positive_infinities,
            negative_infinities=self.negative_infinities + other.negative_infinities,
            zeros=self.zeros + other.zeros,
            low=min(lows, default=None),
            high=max(highs, default=None),
            pivot=self.pivot,
            deviations=self.deviations + other.deviations,
            squares=self.squares + other.squares,
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            sums=tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)),
        )


class UnseenValue(Payload):
    """A value the baseline never held, and at least how many rows have it."""

    value: str
    count: int


class CategoryCounts(Payload):
    """What one categorical column holds; the last of `counts` is the mass of values never seen."""

    kind: Literal["categorical"] = "categorical"
    column: str
    rows: int
    nulls: int
    nans: int
    counts: tuple[int, ...]
    unseen_values: tuple[UnseenValue, ...] = ()

    @property
    def missing(self) -> int:
        """Null and NaN together."""
        return self.nulls + self.nans

    @property
    def present(self) -> int:
        """Values that are neither null nor NaN."""
        return self.rows - self.missing

    @property
    def unseen(self) -> int:
        """Rows with a value that the baseline never held."""
        return self.counts[-1]

    def __add__(self, other: "CategoryCounts") -> "CategoryCounts":
        return CategoryCounts(
            column=self.column,
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            nans=self.nans + other.nans,
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            unseen_values=most_frequent((*self.unseen_values, *other.unseen_values)),
        )


ColumnCounts = Annotated[NumericCounts | CategoryCounts, Field(discriminator="kind")]


class SliceCounts(Payload):
    """The columns of one slice; key and value are None for all rows."""

    key: str | None = None
    value: str | None = None
    rows: int
    columns: tuple[ColumnCounts, ...]


class WrongType(Payload):
    """A column whose Spark type cannot be counted as its kind."""

    column: str
    expected: str
    found: str


class Profile(Payload):
    """Counts of one window (or of the reference) on one grid; profiles of one grid can be added.

    The first of `slices` is all rows. Columns in `absent` or `wrong_types` have no counts.
    """

    version: Literal[1] = 1
    grid: str
    slices: tuple[SliceCounts, ...]
    absent: tuple[str, ...] = ()
    wrong_types: tuple[WrongType, ...] = ()

    @property
    def overall(self) -> SliceCounts:
        """The counts of all rows."""
        return self.slices[0]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.overall.rows

    def __add__(self, other: "Profile") -> "Profile":
        """Return the profile of both row sets.

        Raises:
            MonitoringError: The two were counted on different cells or hold different columns.
        """
        if _shape(self) != _shape(other):
            raise MonitoringError(
                "two profiles do not fit each other",
                expected=f"grid {self.grid} with the same columns and slices",
                found=f"grid {other.grid}",
                next_step="Profile both row sets against one baseline.",
            )
        pairs = zip(self.slices, other.slices, strict=True)
        return self.model_copy(update={"slices": tuple(_add_slices(a, b) for a, b in pairs)})


def most_frequent(values: Iterable[UnseenValue]) -> tuple[UnseenValue, ...]:
    """Return the most frequent values, counts of equal ones added; ties in order of the text."""
    total: Counter[str] = Counter()
    for item in values:
        total[item.value] += item.count
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return tuple(UnseenValue(value=value, count=count) for value, count in ranked[:UNSEEN_EXAMPLES])


def _shape(profile: Profile) -> tuple[object, ...]:
    parts = [(s.key, s.value, tuple(c.column for c in s.columns)) for s in profile.slices]
    return (profile.grid, profile.absent, profile.wrong_types, tuple(parts))


def _add_slices(a: SliceCounts, b: SliceCounts) -> SliceCounts:
    columns = tuple(_add_columns(x, y) for x, y in zip(a.columns, b.columns, strict=True))
    return SliceCounts(key=a.key, value=a.value, rows=a.rows + b.rows, columns=columns)


def _add_columns(
    a: NumericCounts | CategoryCounts, b: NumericCounts | CategoryCounts
) -> NumericCounts | CategoryCounts:
    if isinstance(a, NumericCounts) and isinstance(b, NumericCounts):
        return a + b
    if isinstance(a, CategoryCounts) and isinstance(b, CategoryCounts):
        return a + b
    raise MonitoringError(f"column '{a.column}' is {a.kind} in one profile, {b.kind} in the other")
