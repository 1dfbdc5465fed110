"""Rules that the profile of a table suggests, each with its evidence. Pure.

A proposal is what all rows kept that it was learnt from, or all but the few that its `warn_if`
allows. Whether it also holds where it was not learnt is for `propose.py` to try.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from mlops_dagster.data.table_profile import ColumnProfile, PartProfile
from mlops_dagster.spec.yaml_text import Flow, flow_text

# With n rows and no failure the rate of failures is below 3/n with 95 % confidence (rule of three):
# fewer rows than these say nothing below 3 %.
LEAST_ROWS = 100
# About as many values as rows: a candidate for a key. The sketch is off by up to a tenth.
ALMOST_UNIQUE = 0.9
# Half and twice the smallest and largest batch seen: what is beyond was cut off or doubled.
ROWS_FACTOR = 2


@dataclass(frozen=True)
class Proposal:
    """A proposed rule.

    Attributes:
        kind: Its key in YAML.
        demand: What stands behind that key.
        columns: The columns it is about; none for one about the whole batch.
        evidence: What it was learnt from, in words.
        unknown_passes: Whether a row without a value passes.
        warn_if: How many failing rows are usual.
    """

    kind: str
    demand: Flow
    columns: tuple[str, ...]
    evidence: str
    unknown_passes: bool = False
    warn_if: str | None = None

    @property
    def entry(self) -> str:
        """The rule in one line of YAML; it records and warns, and neither stops nor moves rows."""
        written: dict[str, Flow] = {self.kind: self.demand}
        if self.unknown_passes:
            written["unknown"] = "pass"
        if self.warn_if is not None:
            written["warn_if"] = self.warn_if
        return flow_text({**written, "severity": "warning", "on_fail": "record"})


@dataclass(frozen=True)
class Learnt:
    """What is known of the rows that rules are learnt from.

    Attributes:
        types: Spark's type names by column.
        parts: The profile of each part.
        by_window: Whether the parts are whole batches, whose sizes say something.
    """

    types: Mapping[str, str]
    parts: Sequence[PartProfile]
    by_window: bool

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(part.rows for part in self.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that were looked at."""
        return tuple(self.parts[0].columns) if self.parts else ()

    def of(self, column: str) -> list[ColumnProfile]:
        """Return the profile of a column in each part that has a value of it."""
        return [part.columns[column] for part in self.parts if part.columns[column].filled]

    def has_nulls(self, *columns: str) -> bool:
        """Tell whether one of the columns has no value in some row."""
        return any(part.columns[name].nulls for part in self.parts for name in columns)

    def almost_unique(self, column: str) -> bool:
        """Tell whether a column has about as many values as rows in each part."""
        found = self.of(column)
        return all(one.distinct >= ALMOST_UNIQUE * one.filled for one in found)


def row_count_proposal(learnt: Learnt) -> Proposal | None:
    """Return how many rows a batch may have; None where the parts are no batches."""
    if not learnt.by_window:
        return None
    counts = [part.rows for part in learnt.parts]
    low = math.floor(rounded(min(counts) / ROWS_FACTOR, ROUND_FLOOR))
    high = math.ceil(rounded(max(counts) * ROWS_FACTOR, ROUND_CEILING))
    return Proposal(
        "rule",
        f"row_count between {low} and {high}",
        (),
        f"{counted(len(counts), 'window')} of {min(counts):,} to {max(counts):,} rows",
    )


def rounded(value: float, rounding: str, *, like: float | None = None) -> float:
    """Return a number with two significant digits, or with those that a number `like` it has.

    Args:
        value: The number.
        rounding: ROUND_FLOOR or ROUND_CEILING.
        like: Its own size by default.
    """
    exact, size = Decimal(repr(float(value))), Decimal(repr(float(like or value)))
    place = Decimal((0, (1,), size.adjusted() - 1))
    return float(exact.quantize(place, rounding=rounding)) if size else 0.0


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
