"""Expressions evaluated in plain Python, with Spark's meaning: gates, and the reference for tests.

Null is None and spreads; `and`, `or`, `not` have three values. NaN equals NaN and is above every
number; -0.0 equals 0.0. Whole numbers have 64 bits; what overflows, divides by zero or leaves the
calendar is null. Timestamps without a zone are UTC. Matches the columns of `rules.columns`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from mlops_dagster.rules.arithmetic import calculate, interval_value, negated
from mlops_dagster.rules.expression import Expression, is_innermost, replaced
from mlops_dagster.rules.nodes import (
    Aggregate,
    And,
    Arithmetic,
    Between,
    ColumnRef,
    Comparator,
    Comparison,
    FunctionCall,
    InList,
    Interval,
    IsNull,
    Like,
    Literal,
    Moment,
    MomentName,
    Negate,
    Node,
    Not,
    Or,
    RegexMatch,
    StringTest,
    TextTest,
)
from mlops_dagster.rules.patterns import compiled_like, found_in
from mlops_dagster.rules.scalars import call
from mlops_dagster.rules.statistics import correlation, statistic
from mlops_dagster.rules.values import Entries, Months, Value, as_float, as_value, order

NO_MOMENTS: Mapping[MomentName, datetime] = MappingProxyType({})


def evaluate(
    expression: Expression,
    row: Mapping[str, object],
    *,
    moments: Mapping[MomentName, datetime] = NO_MOMENTS,
) -> Value:
    """Evaluate a rule about rows, or a gate over metrics.

    Args:
        expression: A rule or gate.
        row: Values by column, or metrics by name.
        moments: The instants of the batch that the rule names.

    Returns:
        True, False, or None where the answer is unknown.

    Raises:
        KeyError: the row lacks a column that the expression names.
        TypeError: values of two kinds are combined; `check_columns` finds these before.
    """
    return _RowReader(row, moments).value(expression.root)


def evaluate_aggregates(
    expression: Expression,
    rows: Sequence[Mapping[str, object]],
    *,
    column_count: int | None = None,
    moments: Mapping[MomentName, datetime] = NO_MOMENTS,
    where: Expression | None = None,
) -> Value:
    """Evaluate a rule about a data set.

    Args:
        expression: A rule with statistics.
        rows: All rows, of the same columns.
        column_count: Number of columns; taken from the first row when not given.
        moments: The instants of the batch that the rule names.
        where: Only rows for which this is true count.
    """
    if column_count is None:
        column_count = len(rows[0]) if rows else 0
    if where is not None:
        rows = [row for row in rows if evaluate(where, row, moments=moments) is True]
    return _SetReader(rows, column_count, moments).value(expression.root)


def evaluate_relative(
    expression: Expression,
    rows: Sequence[Mapping[str, object]],
    *,
    moments: Mapping[MomentName, datetime] = NO_MOMENTS,
    where: Expression | None = None,
) -> list[Value]:
    """Evaluate a rule that holds rows against statistics of all rows; one answer a row.

    Args:
        expression: A rule with columns beside statistics.
        rows: All rows, of the same columns.
        moments: The instants of the batch that the rule names.
        where: Only rows for which this is true are part of the statistics.
    """

    def known(node: Node) -> Node | None:
        if not is_innermost(node):
            return None
        part = Expression(text=expression.source(node), root=node)
        value = evaluate_aggregates(part, rows, moments=moments, where=where)
        if isinstance(value, timedelta | Months | Entries):
            raise TypeError("a statistic is a value that can be written")
        return Literal(span=node.span, value=value)

    against = expression
    while against.aggregates:
        against = Expression(text=expression.text, root=replaced(against.root, known))
    return [evaluate(against, row, moments=moments) for row in rows]


class _Reader:
    """Evaluates what rows and data sets have in common."""

    def __init__(self, moments: Mapping[MomentName, datetime]) -> None:
        self._moments = moments

    def value(self, node: Node) -> Value:  # noqa: PLR0911 - one return a kind of node
        match node:
            case Literal():
                return as_value(node.value)
            case Moment():
                return as_value(self._moments[node.name])
            case And():
                return _all([self._truth(operand) for operand in node.operands])
            case Or():
                return _negation(_all([_negation(self._truth(part)) for part in node.operands]))
            case Not():
                return _negation(self._truth(node.value))
            case IsNull():
                return self.value(node.value) is None
            case Comparison():
                return _compared(node.comparator, self.value(node.left), self.value(node.right))
            case Between():
                value = self.value(node.value)
                low = _compared(Comparator.GREATER_OR_EQUAL, value, self.value(node.low))
                return _all(
                    [low, _compared(Comparator.LESS_OR_EQUAL, value, self.value(node.high))]
                )
            case InList():
                return self._in_list(node)
            case Like() | RegexMatch() | StringTest():
                return _text_test(node, self.value(node.value))
            case _:
                return self._calculated(node)

    def _calculated(self, node: Node) -> Value:
        match node:
            case Arithmetic():
                return calculate(node.operator, self.value(node.left), self.value(node.right))
            case Negate():
                return negated(self.value(node.value))
            case Interval():
                return interval_value([(unit, self.value(amount)) for unit, amount in node.parts])
            case FunctionCall():
                return call(node.name, [self.value(argument) for argument in node.arguments])
        raise TypeError(f"{type(node).__name__} has no value here")

    def _truth(self, node: Node) -> bool | None:
        value = self.value(node)
        if value is not None and not isinstance(value, bool):
            raise TypeError(f"expected true, false or null, found {type(value).__name__}")
        return value

    def _in_list(self, node: InList) -> bool | None:
        value = self.value(node.value)
        if value is None:
            return None
        options = [as_value(option.value) for option in node.options]
        if any(isinstance(option, float) for option in options):
            # One double makes Spark compare the whole list as doubles.
            value, options = as_float(value), [as_float(option) for option in options]
        return any(order(value, option) == 0 for option in options)


class _RowReader(_Reader):
    def __init__(self, row: Mapping[str, object], moments: Mapping[MomentName, datetime]) -> None:
        super().__init__(moments)
        self._row = row

    def value(self, node: Node) -> Value:
        if isinstance(node, ColumnRef):
            return as_value(self._row[node.name])
        return super().value(node)


class _SetReader(_Reader):
    def __init__(
        self,
        rows: Sequence[Mapping[str, object]],
        column_count: int,
        moments: Mapping[MomentName, datetime],
    ) -> None:
        super().__init__(moments)
        self._rows = rows
        self._column_count = column_count

    def value(self, node: Node) -> Value:
        if not isinstance(node, Aggregate):
            return super().value(node)
        if node.name == "row_count":
            return len(self._rows)
        if node.name == "column_count":
            return self._column_count
        if node.argument is None:
            raise TypeError(f"{node.name} needs an argument")
        values = [_RowReader(row, self._moments).value(node.argument) for row in self._rows]
        if node.other is not None:
            others = [_RowReader(row, self._moments).value(node.other) for row in self._rows]
            return correlation(values, others)
        return statistic(node.name, values, share=node.share)


def _all(truths: Sequence[bool | None]) -> bool | None:
    if False in truths:
        return False
    return None if None in truths else True


def _negation(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def _compared(comparator: Comparator, left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return None
    sign = order(left, right)
    return {
        Comparator.EQUAL: sign == 0,
        Comparator.NOT_EQUAL: sign != 0,
        Comparator.LESS: sign < 0,
        Comparator.LESS_OR_EQUAL: sign <= 0,
        Comparator.GREATER: sign > 0,
        Comparator.GREATER_OR_EQUAL: sign >= 0,
    }[comparator]


def _text_test(node: Like | RegexMatch | StringTest, value: Value) -> bool | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {type(value).__name__}")
    if isinstance(node, RegexMatch):
        return found_in(node.pattern, value)
    if isinstance(node, Like):
        pattern = compiled_like(node.pattern, ignore_case=node.ignore_case)
        return pattern.fullmatch(value.lower() if node.ignore_case else value) is not None
    if node.test is TextTest.CONTAINS:
        return node.part in value
    if node.test is TextTest.STARTS_WITH:
        return value.startswith(node.part)
    return value.endswith(node.part)
