"""The typed tree of a rule or gate. Every node knows its place in the text."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Literal as OneOf

from mlops_dagster.rules.places import Span

# None and Decimal are never written; a statistic that was put in place of its node may be one.
Scalar = bool | int | float | str | date | datetime | Decimal | None


class Comparator(str, Enum):
    """How two values are compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


class Operator(str, Enum):
    """An arithmetic operator."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    REMAINDER = "%"


class TextTest(str, Enum):
    """A test of a text against a literal part of it."""

    CONTAINS = "contains"
    STARTS_WITH = "startswith"
    ENDS_WITH = "endswith"


class Unit(str, Enum):
    """A unit of an interval; the plural is the name of its argument in make_interval."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"

    @property
    def is_calendar(self) -> bool:
        """True for months and years, whose length in time varies."""
        return self in (Unit.MONTH, Unit.YEAR)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of an expression. Two nodes that differ only in their place are equal."""

    span: Span = field(compare=False)

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes directly below this one, in the order of the text."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Literal(Node):
    """A value written in the text. Timestamps are aware, in UTC."""

    value: Scalar


class MomentName(str, Enum):
    """An instant that the batch brings along; a rule never reads a clock."""

    AS_OF = "as_of"
    WINDOW_START = "window_start"
    WINDOW_END = "window_end"


@dataclass(frozen=True, kw_only=True)
class Moment(Node):
    """`as_of()`, `window_start()`, `window_end()`: a timestamp, the same for all rows."""

    name: MomentName


@dataclass(frozen=True, kw_only=True)
class ColumnRef(Node):
    """A column of the row; in a gate, a metric."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Comparison(Node):
    """`left comparator right`."""

    comparator: Comparator
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Both sides."""
        return (self.left, self.right)


@dataclass(frozen=True, kw_only=True)
class IsNull(Node):
    """`value is null`."""

    value: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The tested value."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class Between(Node):
    """`value between low and high`, both ends included."""

    value: Node
    low: Node
    high: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Value, low, high."""
        return (self.value, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class InList(Node):
    """`value in (literal, ...)`."""

    value: Node
    options: tuple[Literal, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The tested value and the literals."""
        return (self.value, *self.options)


@dataclass(frozen=True, kw_only=True)
class Like(Node):
    r"""`value like pattern`: `%` is any text, `_` one character, `\%`, `\_`, `\\` themselves."""

    value: Node
    pattern: str
    ignore_case: bool = False

    @property
    def children(self) -> tuple[Node, ...]:
        """The tested value."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class RegexMatch(Node):
    """`value rlike pattern`: the pattern is found anywhere in the value."""

    value: Node
    pattern: str

    @property
    def children(self) -> tuple[Node, ...]:
        """The tested value."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class StringTest(Node):
    """`value.str.contains("part")` and its kin; the part is plain text, not a pattern."""

    test: TextTest
    value: Node
    part: str

    @property
    def children(self) -> tuple[Node, ...]:
        """The tested value."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class Arithmetic(Node):
    """`left operator right`."""

    operator: Operator
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Both sides."""
        return (self.left, self.right)


@dataclass(frozen=True, kw_only=True)
class Negate(Node):
    """`-value`."""

    value: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The negated value."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class And(Node):
    """All operands; at least two."""

    operands: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The operands."""
        return self.operands


@dataclass(frozen=True, kw_only=True)
class Or(Node):
    """Any operand; at least two."""

    operands: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The operands."""
        return self.operands


@dataclass(frozen=True, kw_only=True)
class Not(Node):
    """`not value`."""

    value: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The negated condition."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class FunctionCall(Node):
    """A scalar function of functions.py; `name` is its canonical name."""

    name: str
    arguments: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The arguments."""
        return self.arguments


AggregateName = OneOf[
    "row_count",
    "column_count",
    "count",
    "count_if",
    "share",
    "mean",
    "sum",
    "min",
    "max",
    "stddev",
    "variance",
    "skewness",
    "kurtosis",
    "distinct_count",
    "approx_distinct_count",
    "mode",
    "corr",
    "null_rate",
    "quantile",
]


@dataclass(frozen=True, kw_only=True)
class Aggregate(Node):
    """A statistic of the data set. `share` is the quantile's, between 0 and 1.

    `other` is what a correlation is with.
    """

    name: AggregateName
    argument: Node | None = None
    share: float | None = None
    other: Node | None = None

    @property
    def children(self) -> tuple[Node, ...]:
        """The arguments, if there are any."""
        return tuple(part for part in (self.argument, self.other) if part is not None)


@dataclass(frozen=True, kw_only=True)
class Interval(Node):
    """A length of time: a sum of amounts of units; either all or none are months and years."""

    parts: tuple[tuple[Unit, Node], ...]

    @property
    def is_calendar(self) -> bool:
        """True when it counts months or years."""
        return self.parts[0][0].is_calendar

    @property
    def children(self) -> tuple[Node, ...]:
        """The amounts."""
        return tuple(amount for _, amount in self.parts)
