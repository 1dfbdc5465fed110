"""Expressions as Spark columns, built from functions: no user's text reaches Spark's SQL parser.

What may raise in Spark gives null here, so that a rule never fails a query: division and remainder
by zero, overflow of whole numbers, times out of range. Timestamps are compared in the session's
time zone, UTC.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

from mlops_dagster.rules import time_columns
from mlops_dagster.rules.expression import Expression
from mlops_dagster.rules.format_columns import format_column
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
    Operator,
    Or,
    RegexMatch,
    StringTest,
    TextTest,
    Unit,
)
from mlops_dagster.rules.pattern_depth import text_limit

# Rank error of quantiles: at most one in this many rows. Exact up to this many rows.
QUANTILE_ACCURACY = 10_000

UNIT_LENGTH = {
    Unit.SECOND: timedelta(seconds=1),
    Unit.MINUTE: timedelta(minutes=1),
    Unit.HOUR: timedelta(hours=1),
    Unit.DAY: timedelta(days=1),
    Unit.WEEK: timedelta(weeks=1),
}


def to_column(
    expression: Expression,
    *,
    types: Mapping[str, str] | None = None,
    column_count: int | None = None,
    moments: Mapping[MomentName, datetime] | None = None,
    where: Column | None = None,
) -> Column:
    """Return the column of a rule: true, false or null for each row, or, in one `agg`, for all.

    Columns are found by name in whatever frame the result is applied to; run `check_columns`
    against that frame's types first, or a comparison of a text with a number fails the query.

    Args:
        expression: A rule.
        types: Spark type names by column. Where given, narrow numbers are computed in 64 bits:
            without them the product of two int columns is null beyond 2,147,483,647.
        column_count: Number of columns of the frame; needed only for rules with `column_count`.
        moments: The instants of the batch; needed only for rules that name them.
        where: In statistics, only rows for which this is true count.

    Raises:
        ValueError: the rule uses `column_count` or an instant and none is given.
    """
    renderer = _Renderer(types or {}, column_count, moments or {}, where)
    return renderer.column(expression.root)


def quoted(name: str) -> Column:
    """Return the column of exactly this name, also with dots, spaces or backticks in it."""
    return F.col("`" + name.replace("`", "``") + "`")


_WIDE = {"tinyint": "bigint", "smallint": "bigint", "int": "bigint", "float": "double"}


class _Renderer:
    def __init__(
        self,
        types: Mapping[str, str],
        column_count: int | None,
        moments: Mapping[MomentName, datetime],
        where: Column | None,
    ) -> None:
        self._types = types
        self._column_count = column_count
        self._moments = moments
        self._where = where

    def column(self, node: Node) -> Column:  # noqa: PLR0911 - one return a kind of node
        match node:
            case Literal():
                return _literal(node)
            case ColumnRef():
                wide = _WIDE.get(self._types.get(node.name, ""))
                return quoted(node.name).cast(wide) if wide else quoted(node.name)
            case Moment():
                return self._moment(node)
            case Comparison():
                return _COMPARISONS[node.comparator](
                    self.column(node.left), self.column(node.right)
                )
            case Between():
                bounds = (self.column(node.low), self.column(node.high))
                # Unlike Column.between, this names the value once: see _absolute.
                return F.call_function("between", self.column(node.value), *bounds)
            case InList():
                return self.column(node.value).isin(
                    [self.column(option) for option in node.options]
                )
            case IsNull():
                return self.column(node.value).isNull()
            case And():
                return _balanced(
                    Column.__and__, [self.column(operand) for operand in node.operands]
                )
            case Or():
                return _balanced(Column.__or__, [self.column(operand) for operand in node.operands])
            case Not():
                return ~self.column(node.value)
            case _:
                return self._value(node)

    def _value(self, node: Node) -> Column:  # noqa: PLR0911 - one return a kind of node
        match node:
            case Like():
                value = self.column(node.value)
                return value.ilike(node.pattern) if node.ignore_case else value.like(node.pattern)
            case RegexMatch():
                return _found_in(node.pattern, self.column(node.value))
            case StringTest():
                return _TEXT_TESTS[node.test](self.column(node.value), F.lit(node.part))
            case Arithmetic():
                return _OPERATORS[node.operator](self.column(node.left), self.column(node.right))
            case Negate():
                return _negated(self.column(node.value))
            case Interval():
                return self._interval(node)
            case FunctionCall() if node.name in _FUNCTIONS:
                return _FUNCTIONS[node.name]([self.column(argument) for argument in node.arguments])
            case FunctionCall():
                return format_column(node, self.column(node.arguments[0]))
            case Aggregate():
                return self._aggregate(node)
        raise TypeError(f"no column is defined for {type(node).__name__}")

    def _interval(self, node: Interval) -> Column:
        if node.is_calendar:
            amounts = {unit: self.column(amount).cast("int") for unit, amount in node.parts}
            zero = F.lit(0)
            return F.make_ym_interval(amounts.get(Unit.YEAR, zero), amounts.get(Unit.MONTH, zero))
        lengths = [
            F.try_multiply(F.lit(UNIT_LENGTH[unit]), self.column(amount))
            for unit, amount in node.parts
        ]
        total = lengths[0]
        for length in lengths[1:]:
            total = F.try_add(total, length)
        return total

    def _moment(self, node: Moment) -> Column:
        if node.name not in self._moments:
            raise ValueError(f"a rule with {node.name.value}() needs that instant")
        return F.lit(self._moments[node.name])

    def _aggregate(self, node: Aggregate) -> Column:
        counted = F.lit(True) if self._where is None else self._where
        if node.name == "row_count":
            return F.count_if(counted)
        if node.name == "column_count":
            if self._column_count is None:
                raise ValueError("a rule with column_count needs the number of columns")
            return F.lit(self._column_count)
        if node.argument is None:
            raise TypeError(f"{node.name} needs an argument")
        argument = self.column(node.argument)
        if node.name in _OF_ROWS:
            return _OF_ROWS[node.name](argument, counted)
        if self._where is not None:
            argument = F.when(self._where, argument)
        if node.other is not None:
            return _correlation(argument, self.column(node.other))
        if node.name == "quantile":
            number = F.when(~F.isnan(argument.cast("double")), argument)
            return F.percentile_approx(number, float(node.share or 0.0), QUANTILE_ACCURACY)
        return _AGGREGATES[node.name](argument)


def _found_in(pattern: str, value: Column) -> Column:
    limit = text_limit(pattern)
    found = value.rlike(pattern)
    return found if limit is None else F.when(F.char_length(value) <= limit, found)


def _literal(node: Literal) -> Column:
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        # As bigint, so that `small_column * 1000000` is computed in 64 bits.
        return F.lit(np.int64(node.value))
    return F.lit(node.value)


def _balanced(join: Callable[[Column, Column], Column], columns: Sequence[Column]) -> Column:
    """Join by halves: a chain of 500 conditions nests 9 levels, not 500."""
    if len(columns) == 1:
        return columns[0]
    middle = len(columns) // 2
    return join(_balanced(join, columns[:middle]), _balanced(join, columns[middle:]))


def _negated(value: Column) -> Column:
    return F.try_subtract(F.lit(np.int64(0)), value)


def _absolute(value: Column) -> Column:
    # The one whole number without a counterpart would raise. A form that names the value twice
    # would double with every nesting.
    return F.abs(F.nullif(value, F.lit(np.int64(-(2**63)))))


_COMPARISONS: dict[Comparator, Callable[[Column, Column], Column]] = {
    Comparator.EQUAL: lambda left, right: left == right,
    Comparator.NOT_EQUAL: lambda left, right: left != right,
    Comparator.LESS: lambda left, right: left < right,
    Comparator.LESS_OR_EQUAL: lambda left, right: left <= right,
    Comparator.GREATER: lambda left, right: left > right,
    Comparator.GREATER_OR_EQUAL: lambda left, right: left >= right,
}

_OPERATORS: dict[Operator, Callable[[Column, Column], Column]] = {
    Operator.ADD: F.try_add,
    Operator.SUBTRACT: F.try_subtract,
    Operator.MULTIPLY: F.try_multiply,
    Operator.DIVIDE: F.try_divide,
    Operator.REMAINDER: F.try_mod,
}

_TEXT_TESTS: dict[TextTest, Callable[[Column, Column], Column]] = {
    TextTest.CONTAINS: F.contains,
    TextTest.STARTS_WITH: F.startswith,
    TextTest.ENDS_WITH: F.endswith,
}


def _unary(function: Callable[[Column], Column]) -> Callable[[Sequence[Column]], Column]:
    return lambda arguments: function(arguments[0])


def _whole(function: Callable[[Column], Column]) -> Callable[[Sequence[Column]], Column]:
    """Return a function of one argument whose int result is made a bigint, as all whole numbers."""
    return lambda arguments: function(arguments[0]).cast("bigint")


def _is_day(text: Column) -> Column:
    return F.when(text.isNotNull(), time_columns.day_of(text).isNotNull())


def _is_day_and_time(text: Column) -> Column:
    """Return whether a text is an instant; a day alone says no time."""
    instant = time_columns.instant_of(text).isNotNull()
    return F.when(text.isNotNull(), instant & (F.char_length(text) > len("2024-01-31")))


def _slot(arguments: Sequence[Column]) -> Column:
    length = arguments[1] * F.lit(np.int64(1_000_000))
    instant = F.unix_micros(arguments[0].cast("timestamp"))
    # What is left after the remainder divides without one; seconds fit into a double exactly.
    return F.round((instant - F.pmod(instant, length)) / length).cast("bigint")


_FUNCTIONS: dict[str, Callable[[Sequence[Column]], Column]] = {
    "sqrt": _unary(F.sqrt),
    "ln": _unary(F.ln),
    "is_date": _unary(_is_day),
    "is_timestamp": _unary(_is_day_and_time),
    "slot": _slot,
    "abs": _unary(_absolute),
    "round": lambda arguments: F.round(arguments[0], *[part.cast("int") for part in arguments[1:]]),
    "floor": _unary(F.floor),
    "ceil": _unary(F.ceil),
    "isnan": _unary(lambda value: F.isnan(value.cast("double"))),
    "lower": _unary(F.lower),
    "upper": _unary(F.upper),
    "trim": _unary(F.trim),
    "length": _whole(F.char_length),
    "size": _unary(lambda value: F.when(value.isNotNull(), F.size(value)).cast("bigint")),
    "coalesce": lambda arguments: F.coalesce(*arguments),
    "least": lambda arguments: F.least(*arguments),
    "greatest": lambda arguments: F.greatest(*arguments),
    "year": _whole(F.year),
    "quarter": _whole(F.quarter),
    "month": _whole(F.month),
    "day": _whole(F.dayofmonth),
    "weekday": _whole(F.weekday),
    "hour": _whole(F.hour),
    "minute": _whole(F.minute),
    "second": _whole(F.second),
    "date": _unary(lambda value: value.cast("date")),
    "date_diff": lambda arguments: F.datediff(
        arguments[0].cast("date"), arguments[1].cast("date")
    ).cast("bigint"),
}


def _distinct(value: Column) -> Column:
    return F.count_distinct(value)


def _correlation(left: Column, right: Column) -> Column:
    """Return Pearson's correlation of rows with both values; null where one does not vary."""
    left, right = (
        F.when(other.isNotNull(), value.cast("double"))
        for value, other in ((left, right), (right, left))
    )
    return F.try_divide(F.covar_pop(left, right), F.stddev_pop(left) * F.stddev_pop(right))


_AGGREGATES: dict[str, Callable[[Column], Column]] = {
    "count": F.count,
    "mean": F.try_avg,
    "sum": F.try_sum,
    "min": F.min,
    "max": F.max,
    "stddev": F.stddev_samp,
    "variance": F.var_samp,
    "skewness": F.skewness,
    "kurtosis": F.kurtosis,
    "distinct_count": _distinct,
    # HyperLogLog++ with a relative standard deviation of 5 %; no row is shuffled for it.
    "approx_distinct_count": F.approx_count_distinct,
    "mode": lambda value: F.mode(value, deterministic=True),
}

# Statistics in which rows without a value count as well.
_OF_ROWS: dict[str, Callable[[Column, Column], Column]] = {
    "count_if": lambda value, counted: F.count_if(counted & value),
    "share": lambda value, counted: F.try_divide(F.count_if(counted & value), F.count_if(counted)),
    "null_rate": lambda value, counted: F.try_divide(
        F.count_if(counted & value.isNull()), F.count_if(counted)
    ),
}
