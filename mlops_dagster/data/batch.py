"""A delivery with the rules it is held against, and what is learnt before the rows are judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.data import builtin
from mlops_dagster.data.bins import Bins
from mlops_dagster.data.builtin import RuleFacts
from mlops_dagster.data.delivery import IS_UNREADABLE, Delivery
from mlops_dagster.data.moments import moments_of
from mlops_dagster.data.pairing import pairing_problems
from mlops_dagster.rules import Expression, check_columns
from mlops_dagster.rules.columns import to_column
from mlops_dagster.rules.nodes import MomentName
from mlops_dagster.spec.rule_checks import (
    Agrees,
    Condition,
    Covers,
    Entropy,
    FullSlots,
    Grouped,
    GroupsAgree,
    History,
    Reference,
    Relative,
    Rising,
    SameRow,
    SpreadAsIn,
    Unique,
)
from mlops_dagster.spec.workspace import ResolvedRule, ResolvedTable

# Maps have no order and no equality in Spark.
_NOT_COMPARED = ("map", "variant")


@dataclass(frozen=True)
class KeyGroup:
    """Rules that look at the same columns of the same rows: one scan and one shuffle for all.

    Attributes:
        number: Its place among the groups of the batch.
        columns: The key, sorted.
        when: The condition that chooses the rows, as text; None for all.
        rules: Names of the rules.
    """

    number: int
    columns: tuple[str, ...]
    when: str | None
    rules: tuple[str, ...]


@dataclass(frozen=True)
class BadKeys:
    """The keys of a group that fail some of its rules.

    Attributes:
        group: The group.
        frame: Key columns and a flag for each rule; None when no key fails.
        small: Whether they were fetched and are sent along; else they are computed in each query.
    """

    group: KeyGroup
    frame: DataFrame | None
    small: bool


@dataclass(frozen=True)
class Known:
    """What other rows and other tables say, learnt before the rows are judged.

    Attributes:
        bad_keys: Keys that fail, by group.
        against: Rules that hold rows against statistics, with the numbers in their place.
        theirs: Statistics of inputs, by rule.
        spreads: How the values of inputs are spread, by rule.
        surveyed: Answers that took a query of their own, with a sentence each, by rule.
    """

    bad_keys: tuple[BadKeys, ...] = ()
    against: Mapping[str, Expression] = field(default_factory=dict)
    theirs: Mapping[str, float | None] = field(default_factory=dict)
    spreads: Mapping[str, Bins] = field(default_factory=dict)
    surveyed: Mapping[str, tuple[bool | None, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """A delivery with the rules it is held against.

    Attributes:
        table: The table.
        window: The key of its window; `static` for a static table.
        as_of: The instant at which the slice is built.
        delivery: The rows.
        rules: All rules, as facts.
        errors: Rules that cannot be computed on these columns, with the reason.
        known: What was learnt beforehand.
    """

    table: ResolvedTable
    window: str
    as_of: datetime
    delivery: Delivery
    rules: tuple[RuleFacts, ...]
    errors: Mapping[str, str]
    known: Known = Known()

    @property
    def row_rules(self) -> tuple[RuleFacts, ...]:
        """Rules about rows that can be computed."""
        return tuple(r for r in self.rules if r.about == "rows" and r.name not in self.errors)

    @property
    def declared(self) -> tuple[ResolvedRule, ...]:
        """Rules of the table's YAML that can be computed."""
        return tuple(rule for rule in self.table.rules if rule.name not in self.errors)

    @property
    def moments(self) -> Mapping[MomentName, datetime]:
        """The instants that rules may name."""
        return moments_of(self.table, self.window, self.as_of)

    @property
    def readable(self) -> Column:
        """Whether a row could be read; other rules see readable rows only."""
        return ~F.col(IS_UNREADABLE) if self.delivery.has_records else F.lit(True)

    def column(self, expression: Expression, *, where: Column | None = None) -> Column:
        """Return a text of the table's rules as a column; see `to_column`."""
        return to_column(
            expression,
            types=self.delivery.contract.types,
            column_count=len(self.delivery.columns),
            moments=self.moments,
            where=where,
        )

    def chosen(self, rule: ResolvedRule) -> Column | None:
        """Return the rows that a rule is about (never null), or None for all of them."""
        if rule.when is None:
            return None
        return F.coalesce(self.column(rule.when), F.lit(False))


def batch_of(table: ResolvedTable, *, window: str, as_of: datetime, delivery: Delivery) -> Batch:
    """Return a delivery with its rules; those that do not fit the columns are named as errors."""
    problems = {rule.name: _problems(rule, delivery) for rule in table.rules}
    return Batch(
        table=table,
        window=window,
        as_of=as_of,
        delivery=delivery,
        rules=builtin.rules_of(table),
        errors={name: "; ".join(found) for name, found in problems.items() if found},
    )


def expressions_of(rule: ResolvedRule) -> tuple[Expression, ...]:
    """Return the texts of a rule that are about the table's own columns."""
    found = [] if rule.when is None else [rule.when]
    match rule.check:
        case Condition(expression) | Grouped(expression) | Relative(expression):
            found.append(expression)
        case History(statistic) | Agrees(statistic) | GroupsAgree(statistic):
            found.append(statistic)
    return tuple(found)


def columns_of(rule: ResolvedRule, delivery: Delivery) -> tuple[str, ...]:
    """Return the columns that a rule names apart from its texts."""
    match rule.check:
        case SpreadAsIn(demand=demand):
            return (demand.column,)
        case FullSlots(column=column, by=by):
            return (column, *by)
        case Covers(columns=columns):
            return columns
        case GroupsAgree(by=by):
            return by
        case Entropy(column=column):
            return (column,)
    return key_columns(rule, delivery)


def key_columns(rule: ResolvedRule, delivery: Delivery) -> tuple[str, ...]:
    """Return the columns by which a rule groups rows; all of them for one about whole rows."""
    match rule.check:
        case Grouped(by=by):
            return by
        case Unique(columns=columns):
            return columns or tuple(delivery.columns)
        case Reference(columns=columns) | SameRow(columns=columns):
            return columns
        case Rising(column=column, order=order, by=by):
            return (*by, order, column)
    return ()


def _problems(rule: ResolvedRule, delivery: Delivery) -> list[str]:
    types = delivery.contract.types
    found = [p for expression in expressions_of(rule) for p in check_columns(expression, types)]
    found += pairing_problems(rule.check, delivery)
    for name in columns_of(rule, delivery):
        if name not in types:
            found.append(f"unknown column {name}")
        elif types[name].startswith(_NOT_COMPARED):
            found.append(f"{name} is of type {types[name]}, whose values cannot be compared")
    return found
