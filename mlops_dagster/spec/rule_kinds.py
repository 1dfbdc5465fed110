"""What a rule may demand, kind by kind; an entry of `rules` has exactly one of these keys."""

import re
from enum import Enum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mlops_dagster.spec.base import (
    Column,
    Expression,
    FromText,
    Name,
    SpecModel,
    Text,
    TimeSpan,
    WindowCount,
)
from mlops_dagster.windows import Duration, DurationUnit


class TextFormat(str, Enum):
    """A form that texts may have."""

    DATE = "date"
    TIMESTAMP = "timestamp"
    EMAIL = "email"
    URL = "url"
    UUID = "uuid"
    IPV4 = "ipv4"


class Case(str, Enum):
    """How letters are written."""

    UPPER = "upper"
    LOWER = "lower"


class Distance(str, Enum):
    """How far apart two distributions are."""

    TOTAL_VARIATION = "total_variation"
    PSI = "psi"


class Spread(SpecModel):
    """`4 sigma` or `3 iqr`: so many standard deviations, or ranges between the quartiles."""

    count: float
    unit: Literal["sigma", "iqr"]

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form.

        Raises:
            ValueError: The value is not written so.
        """
        if isinstance(value, cls):
            return value
        match = re.fullmatch(_SPREAD, value) if isinstance(value, str) else None
        if match is None or float(match[1]) == 0:
            raise ValueError("a spread such as '4 sigma' or '3 iqr'")
        return cls(count=float(match[1]), unit="sigma" if match[2] == "sigma" else "iqr")

    def __str__(self) -> str:
        """Return the written form."""
        return f"{self.count:g} {self.unit}"


_SPREAD = r"([0-9]{1,3}(?:\.[0-9]{1,3})?) (sigma|iqr)"


class Tolerance(SpecModel):
    """`5 %` of what is compared with, or a number as it is."""

    value: float
    relative: bool

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form.

        Raises:
            ValueError: The value is not written so.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return cls(value=float(value), relative=False)
        match = re.fullmatch(_PERCENT, value) if isinstance(value, str) else None
        if match is None:
            raise ValueError("a share such as '5 %', or a number of at least 0")
        return cls(value=float(match[1]) / 100, relative=True)

    def allows(self, difference: float, base: float) -> bool:
        """Tell whether a difference to `base` is within the tolerance; NaN never is."""
        bound = self.value * abs(base) if self.relative else self.value
        return abs(difference) <= bound

    def __str__(self) -> str:
        """Return the written form."""
        return f"{self.value * 100:.10g} %" if self.relative else f"{self.value:.15g}"


_PERCENT = r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%"


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _value(value: object) -> object:
    if isinstance(value, (str, int, float, bool)):
        return value
    raise ValueError("a text, a number, true or false")


def _true(value: object) -> object:
    if value is True:
        return value
    raise ValueError("true; without the key rows may be equal")


def _pair(value: object) -> object:
    return [value, value] if isinstance(value, int) and not isinstance(value, bool) else value


Columns = Annotated[
    list[Column],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]
Bounds = Annotated[list[float], Field(min_length=2, max_length=2)]
Lengths = Annotated[
    list[int],
    BeforeValidator(_pair, json_schema_input_type=int | list[int]),
    Field(min_length=2, max_length=2),
]
Value = Annotated[str | int | float | bool, BeforeValidator(_value)]
Values = Annotated[list[Value], Field(min_length=1)]
Outlying = Annotated[
    Spread,
    BeforeValidator(Spread.parse),
    WithJsonSchema({"type": "string", "pattern": f"^{_SPREAD}$"}),
]
Within = Annotated[
    Tolerance,
    BeforeValidator(Tolerance.parse),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": f"^{_PERCENT}$"},
            ]
        }
    ),
]


_GIVEN = Field(min_length=1)


class ColumnsDemand(SpecModel):
    """What the columns of a table must be; looked at before any row is read."""

    have: list[Column] = Field(default_factory=list, description="must be there")
    lack: list[Column] = Field(default_factory=list, description="must not be there")
    match: Text | None = Field(default=None, description="every name matches this pattern")
    in_order: bool = Field(default=False, description="`have` is all columns, in this order")


class Distribution(SpecModel):
    """How the values of a column are spread: at most so far from the shares expected.

    The total variation is half the sum of the differences of shares, from 0 to 1. The population
    stability index is the sum of (found - expected) * ln(found / expected), shares below 0.0001
    taken as that; 0.1 is a small shift, 0.25 a large one (Siddiqi, Credit Risk Scorecards, 2006).
    """

    column: Column
    expected: dict[Text, float] = Field(
        default_factory=dict, description="shares by value, of a column of texts"
    )
    edges: list[float] = Field(
        default_factory=list, description="ends of bins, of a column of numbers"
    )
    shares: list[float] = Field(
        default_factory=list, description="shares of the bins: below the first edge, ..., above"
    )
    distance: Annotated[Distance, FromText] = Distance.TOTAL_VARIATION
    at_most: Annotated[float, Field(gt=0, lt=1)]


# Which earlier windows a batch is held against: those of its own weekday, by the hour also of its
# own hour, since traffic and the like have a rhythm of a week.
Same = Literal["weekday"]


class Change(SpecModel):
    """A statistic against that of the batch published before."""

    of: Expression = Field(description="a statistic such as row_count or mean(amount)")
    at_most: Within = Field(description="'50 %' of the earlier value, or a number")
    same: Same | None = Field(
        default=None, description="'weekday': that of the same weekday (and hour) a week before"
    )


class Usual(SpecModel):
    """A statistic against those of the batches published before: mean and standard deviation."""

    of: Expression = Field(description="a statistic such as row_count or mean(amount)")
    sigma: Annotated[float, Field(gt=0)] = 3.0
    last: WindowCount = Duration(12, DurationUnit.WINDOW)
    at_least: WindowCount = Field(
        default=Duration(4, DurationUnit.WINDOW), description="with fewer the rule passes"
    )
    same: Same | None = Field(
        default=None, description="'weekday': only those of the same weekday (and hour)"
    )


class Agreement(SpecModel):
    """A statistic of this table against one of a table that it reads."""

    of: Expression = Field(description="a statistic of this table")
    input: Name = Field(description="the input it is compared with")
    its: Expression | None = Field(default=None, description="its statistic; none: the same")
    within: Within = Tolerance(value=0.0, relative=False)


class RuleKinds(SpecModel):
    """The kinds of rules; each rule has one of these keys."""

    rule: Expression | None = Field(default=None, description="a text of the rule language")
    # Completeness.
    not_null: Columns | None = None
    not_blank: Columns | None = None
    any_present: Columns | None = Field(default=None, description="one of these is not null")
    # Domain.
    one_of: Annotated[dict[Column, Values], _GIVEN] | None = None
    none_of: Annotated[dict[Column, Values], _GIVEN] | None = None
    between: Annotated[dict[Column, Bounds], _GIVEN] | None = Field(
        default=None, description="both ends included"
    )
    positive: Columns | None = None
    not_negative: Columns | None = None
    length: Annotated[dict[Column, Lengths], _GIVEN] | None = None
    decimals: Annotated[dict[Column, Annotated[int, Field(ge=0, le=15)]], _GIVEN] | None = None
    case: Annotated[dict[Column, Annotated[Case, FromText]], _GIVEN] | None = None
    # Format.
    matches: Annotated[dict[Column, Text], _GIVEN] | None = None
    format: Annotated[dict[Column, Annotated[TextFormat, FromText]], _GIVEN] | None = None
    # Several columns.
    different: Columns | None = None
    # Time.
    not_in_future: Columns | None = None
    age_at_most: Annotated[dict[Column, TimeSpan], _GIVEN] | None = None
    fresh: Annotated[dict[Column, TimeSpan], _GIVEN] | None = None
    no_gaps: Annotated[dict[Column, TimeSpan], _GIVEN] | None = None
    # Other rows, other tables.
    unique: Columns | None = None
    distinct_rows: Annotated[Literal[True], BeforeValidator(_true)] | None = None
    references: Annotated[dict[Column, Text], _GIVEN] | None = None
    absent_from: Annotated[dict[Column, Text], _GIVEN] | None = None
    # Statistics of the batch.
    outliers: Annotated[dict[Column, Outlying], _GIVEN] | None = None
    distribution: Distribution | None = None
    # What the table is held against.
    columns: ColumnsDemand | None = None
    change: Change | None = None
    usual: Usual | None = None
    agrees: Agreement | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The keys of kinds that are given."""
        return tuple(name for name in KINDS if getattr(self, name) is not None)

    def title(self, kind: str) -> str:
        """Return what a rule of a kind is about: its columns, its statistic, or its text."""
        demand = getattr(self, kind)
        match demand:
            case str():
                return demand
            case Distribution():
                return f"{kind} {demand.column}"
            case Change() | Usual() | Agreement():
                return f"{kind} {demand.of}"
            case list() | dict():
                return " ".join([kind, *demand])
        return kind

    @property
    def inputs(self) -> frozenset[str]:
        """The inputs of the table that the rule looks into."""
        found = set() if self.agrees is None else {self.agrees.input}
        pointed = [*(self.references or {}).values(), *(self.absent_from or {}).values()]
        return frozenset({*found, *(text.partition(".")[0] for text in pointed)})


KINDS = tuple(RuleKinds.model_fields)

# The groups of kinds, as results are shown together where a table has many rules.
GROUPS: dict[str, tuple[str, ...]] = {
    "completeness": ("not_null", "not_blank", "any_present"),
    "domain": (
        "one_of",
        "none_of",
        "between",
        "positive",
        "not_negative",
        "length",
        "decimals",
        "case",
    ),
    "format": ("matches", "format"),
    "conditions": ("rule", "different"),
    "time": ("not_in_future", "age_at_most", "fresh", "no_gaps"),
    "uniqueness": ("unique", "distinct_rows"),
    "references": ("references", "absent_from"),
    "distribution": ("outliers", "distribution"),
    "columns": ("columns",),
    "history": ("change", "usual"),
    "comparison": ("agrees",),
}
GROUP_OF = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
