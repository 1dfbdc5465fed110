"""What a resolved rule does: how its answer is found, apart from what follows from it."""

from dataclasses import dataclass

from mlops_dagster.rules import Expression
from mlops_dagster.spec.rule_demands import (
    Agreement,
    Change,
    ColumnsDemand,
    Counterpart,
    Distribution,
    Forecast,
    Usual,
    UsualFailures,
)


@dataclass(frozen=True)
class Condition:
    """A condition on each row, or on statistics of all valid rows."""

    expression: Expression


@dataclass(frozen=True)
class Grouped:
    """A condition on statistics of the rows that share the values of `by`; all of them fail it."""

    expression: Expression
    by: tuple[str, ...]


@dataclass(frozen=True)
class Relative:
    """A condition that holds each row against statistics of all rows."""

    expression: Expression


@dataclass(frozen=True)
class Unique:
    """No two rows have the same values; no columns mean all columns of the table."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """The values stand in a row of an input (`present`), or in none."""

    columns: tuple[str, ...]
    input: str
    others: tuple[str, ...]
    present: bool


@dataclass(frozen=True)
class Rising:
    """The values do not fall in the order of another column, among rows that share `by`."""

    column: str
    order: str
    by: tuple[str, ...]


@dataclass(frozen=True)
class SameRow:
    """A row of an input has the same key and, within a tolerance, the same values."""

    demand: Counterpart

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the key and those that are compared."""
        return (*self.demand.key, *self.demand.columns)


@dataclass(frozen=True)
class ColumnsMatch:
    """A demand on the columns of the table; needs no rows."""

    demand: ColumnsDemand


@dataclass(frozen=True)
class History:
    """A statistic held against those of earlier batches."""

    statistic: Expression
    demand: Change | Usual | Forecast


@dataclass(frozen=True)
class FailsAsUsual:
    """The share of rows that fail a rule held against those of earlier batches."""

    demand: UsualFailures


@dataclass(frozen=True)
class Agrees:
    """A statistic held against one of an input."""

    statistic: Expression
    its: Expression
    demand: Agreement


@dataclass(frozen=True)
class GroupsAgree:
    """A statistic of each group held against that of the same group of an input."""

    statistic: Expression
    its: Expression
    demand: Agreement
    by: tuple[str, ...]


@dataclass(frozen=True)
class FullSlots:
    """Every slot of the window has rows, in each group."""

    column: str
    seconds: int
    at_least: int
    by: tuple[str, ...]


@dataclass(frozen=True)
class Covers:
    """Every value of an input stands in the table; `exact`: and no other does."""

    columns: tuple[str, ...]
    input: str
    others: tuple[str, ...]
    exact: bool


@dataclass(frozen=True)
class Entropy:
    """The entropy of a column's values lies within bounds, in bits."""

    column: str
    low: float
    high: float


@dataclass(frozen=True)
class SpreadAsIn:
    """The values of a column are spread as those of a column of an input."""

    demand: Distribution
    input: str
    other: str


# Those about rows whose answer needs other rows or tables first: the pass before the pass.
KeyCheck = Grouped | Unique | Reference | Rising | SameRow
# Those about the data set that take a query of their own.
SurveyCheck = GroupsAgree | FullSlots | Covers | Entropy
Check = (
    Condition
    | Relative
    | ColumnsMatch
    | History
    | FailsAsUsual
    | Agrees
    | SpreadAsIn
    | Grouped
    | Unique
    | Reference
    | Rising
    | SameRow
    | GroupsAgree
    | FullSlots
    | Covers
    | Entropy
)
