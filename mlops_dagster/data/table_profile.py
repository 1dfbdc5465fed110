"""The profile of a table, part by part, by one query: what proposals of rules are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from mlops_dagster.data.delivery import PREFIX
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.rules import parse_rule
from mlops_dagster.rules.columns import quoted, to_column
from mlops_dagster.rules.kinds import Kind, kind_of_type
from mlops_dagster.spec.rule_kinds import RuleKinds
from mlops_dagster.spec.rule_texts import rule_text
from mlops_dagster.spec.rule_values import TextFormat

PART = f"{PREFIX}part"
# Of a wider table only these are looked at: each costs a dozen aggregates in the one query.
MOST_COLUMNS = 100
# Of more columns of one kind no pairs are compared: their number grows with the square.
MOST_COMPARED = 12
# A set of more values is a list that people do not review.
MOST_VALUES = 25
# So many values are counted exactly before the sketch of frequent values begins to guess.
_TRACKED = 1_000
# Forms that texts do not have by chance, and that cost no more than a pattern: codes of a few
# letters may be anything, JSON and check digits are for people to say.
_FORMS = (
    TextFormat.DATE,
    TextFormat.TIMESTAMP,
    TextFormat.EMAIL,
    TextFormat.URL,
    TextFormat.UUID,
    TextFormat.IPV4,
    TextFormat.IPV6,
)
# The middle, and what one row of a thousand lies beyond.
QUANTILES = (0.001, 0.5, 0.999)
_ACCURACY = 10_000
_WHOLE = ("tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column in one part of the rows.

    Attributes:
        unusable: How many are NaN or infinite; the others are described.
        low: The smallest.
        high: The largest.
        middle: The median.
        tails: Those at both outer QUANTILES.
    """

    unusable: int
    low: float
    high: float
    middle: float
    tails: tuple[float, float]


@dataclass(frozen=True)
class Texts:
    """The texts of a column in one part of the rows.

    Attributes:
        values: How many rows each has; None where there are more than MOST_VALUES of them.
        lengths: The shortest and the longest.
        blank: How many are white space alone.
        upper: How many are equal to themselves in upper case.
        lower: The same of lower case.
        formats: How many have each form.
    """

    values: Mapping[str, int] | None
    lengths: tuple[int, int]
    blank: int
    upper: int
    lower: int
    formats: Mapping[TextFormat, int]


@dataclass(frozen=True)
class ColumnProfile:
    """A column in one part of the rows: rows with a value and without, about how many values."""

    filled: int
    nulls: int
    distinct: int
    numbers: Numbers | None = None
    texts: Texts | None = None


@dataclass(frozen=True)
class PairProfile:
    """Two columns that may be compared: rows with both, and in how many which is the larger."""

    both: int
    first_larger: int
    second_larger: int


@dataclass(frozen=True)
class PartProfile:
    """One part of the rows: a window, or one side of a division by hash.

    `positions` are the medians and bounds of numbers and times alike, by which pairs are chosen.
    """

    rows: int
    columns: Mapping[str, ColumnProfile]
    pairs: Mapping[tuple[str, str], PairProfile]
    positions: Mapping[str, tuple[float, float, float]]


def profile_parts(rows: DataFrame, types: Mapping[str, str]) -> Mapping[str, PartProfile]:
    """Return the profile of each part of the rows, by the value of their column PART.

    Cost: one query, one scan; a few hundred values a part are shuffled.

    Args:
        rows: The columns of `types`, and PART (string).
        types: Spark's type names by column.
    """
    kinds = {name: kind_of_type(kind) for name, kind in list(types.items())[:MOST_COLUMNS]}
    pairs = _pairs(kinds)
    aggregates = [F.count(F.lit(1)).alias("rows")]
    for place, (name, kind) in enumerate(kinds.items()):
        aggregates += [
            column.alias(f"{what}{place}")
            for what, column in _aggregates(name, kind, types[name]).items()
        ]
    for place, (first, second) in enumerate(pairs):
        a, b = quoted(first), quoted(second)
        aggregates += [
            F.count_if(a.isNotNull() & b.isNotNull()).alias(f"both{place}"),
            F.count_if(a > b).alias(f"first{place}"),
            F.count_if(b > a).alias(f"second{place}"),
        ]
    found = few_rows(rows.groupBy(PART).agg(*aggregates), what="the profile of a table")
    return {str(row[PART]): _part(row, kinds, pairs) for row in found}


def is_whole(spark_type: str) -> bool:
    """Tell whether a column holds whole numbers."""
    return spark_type in _WHOLE


def _pairs(kinds: Mapping[str, Kind]) -> list[tuple[str, str]]:
    """Return the pairs of columns that may be compared, of kinds with few enough columns."""
    found: list[tuple[str, str]] = []
    for kind in (Kind.NUMBER, Kind.TIMESTAMP, Kind.DATE):
        names = [name for name, one in kinds.items() if one is kind]
        if len(names) <= MOST_COMPARED:
            found += combinations(names, 2)
    return found


def _aggregates(name: str, kind: Kind, spark_type: str) -> dict[str, Column]:
    value = quoted(name)
    found = {"filled": F.count(value)}
    if kind is Kind.OTHER:
        return found
    found["distinct"] = F.approx_count_distinct(value)
    if kind is Kind.NUMBER:
        number = value.cast("double")
        usable = F.when(~F.isnan(number) & (F.abs(number) != float("inf")), number)
        found["unusable"] = F.count_if(value.isNotNull() & usable.isNull())
        found |= _position(usable)
    elif kind.is_time:
        found |= _position(_seconds(value, spark_type))
    elif kind is Kind.TEXT:
        found["shortest"] = F.min(F.length(value))
        found["longest"] = F.max(F.length(value))
        found["blank"] = F.count_if(~value.rlike(r"\S"))
        found["upper"] = F.count_if(value == F.upper(value))
        found["lower"] = F.count_if(value == F.lower(value))
        found["values"] = F.call_function(
            "approx_top_k", value, F.lit(MOST_VALUES + 1), F.lit(_TRACKED)
        )
        found |= {f"{one.value}_": F.count_if(_has_format(name, one)) for one in _FORMS}
    return found


def _position(number: Column) -> dict[str, Column]:
    return {
        "low": F.min(number),
        "high": F.max(number),
        "quantiles": F.percentile_approx(number, list(QUANTILES), _ACCURACY),
    }


def _seconds(value: Column, spark_type: str) -> Column:
    if spark_type == "date":
        return F.unix_date(value).cast("double") * 86_400
    return value.cast("timestamp").cast("double")


def _has_format(name: str, wanted: TextFormat) -> Column:
    """Return what a rule `format` says of a row."""
    return to_column(parse_rule(rule_text("format", RuleKinds(format={name: wanted})) or ""))


def _part(row: Row, kinds: Mapping[str, Kind], pairs: Sequence[tuple[str, str]]) -> PartProfile:
    rows = int(row["rows"])
    columns = {
        name: _column(row, place, kind, rows) for place, (name, kind) in enumerate(kinds.items())
    }
    return PartProfile(
        rows=rows,
        columns=columns,
        pairs={
            pair: PairProfile(
                int(row[f"both{place}"]), int(row[f"first{place}"]), int(row[f"second{place}"])
            )
            for place, pair in enumerate(pairs)
        },
        positions={
            name: (row[f"low{place}"], row[f"quantiles{place}"][1], row[f"high{place}"])
            for place, (name, kind) in enumerate(kinds.items())
            if (kind is Kind.NUMBER or kind.is_time) and row[f"low{place}"] is not None
        },
    )


def _column(row: Row, place: int, kind: Kind, rows: int) -> ColumnProfile:
    filled = int(row[f"filled{place}"])
    if kind is Kind.OTHER:
        return ColumnProfile(filled, rows - filled, 0)
    return ColumnProfile(
        filled,
        rows - filled,
        int(row[f"distinct{place}"]),
        _numbers(row, place) if kind is Kind.NUMBER else None,
        _texts(row, place) if kind is Kind.TEXT and filled else None,
    )


def _numbers(row: Row, place: int) -> Numbers | None:
    if row[f"low{place}"] is None:
        return None
    low, middle, high = row[f"quantiles{place}"]
    return Numbers(
        unusable=int(row[f"unusable{place}"]),
        low=float(row[f"low{place}"]),
        high=float(row[f"high{place}"]),
        middle=float(middle),
        tails=(float(low), float(high)),
    )


def _texts(row: Row, place: int) -> Texts:
    return Texts(
        values=_values(row[f"values{place}"]),
        lengths=(int(row[f"shortest{place}"]), int(row[f"longest{place}"])),
        blank=int(row[f"blank{place}"]),
        upper=int(row[f"upper{place}"]),
        lower=int(row[f"lower{place}"]),
        formats={one: int(row[f"{one.value}_{place}"]) for one in _FORMS},
    )


def _values(found: Sequence[Row]) -> Mapping[str, int] | None:
    counts = {str(one["item"]): int(one["count"]) for one in found if one["item"] is not None}
    return counts if len(counts) <= MOST_VALUES else None
