"""What a resolved rule does: how its answer is found, apart from what follows from it."""

from dataclasses import dataclass

from mlops_dagster.rules import Expression
from mlops_dagster.spec.rule_kinds import Agreement, Change, ColumnsDemand, Usual


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
class ColumnsMatch:
    """A demand on the columns of the table; needs no rows."""

    demand: ColumnsDemand


@dataclass(frozen=True)
class History:
    """A statistic held against those of earlier batches."""

    statistic: Expression
    demand: Change | Usual


@dataclass(frozen=True)
class Agrees:
    """A statistic held against one of an input."""

    statistic: Expression
    its: Expression
    demand: Agreement


Check = Condition | Grouped | Relative | Unique | Reference | ColumnsMatch | History | Agrees
# Those about rows whose answer needs other rows or tables first: the pass before the pass.
KeyCheck = Grouped | Unique | Reference
