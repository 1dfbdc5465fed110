"""Reading of function calls: scalars, aggregates, make_interval, tests of texts."""

from typing import Protocol

from mlops_dagster.errors import nearest_name
from mlops_dagster.rules.cursor import Cursor
from mlops_dagster.rules.functions import (
    AGGREGATES,
    BARE_AGGREGATES,
    INTERVAL_ARGUMENTS,
    KNOWN_NAMES,
    MOMENTS,
    SCALAR_ALIASES,
    SCALARS,
    TEXT_TESTS,
)
from mlops_dagster.rules.nodes import (
    Aggregate,
    FunctionCall,
    Interval,
    Literal,
    Moment,
    Node,
    StringTest,
    TextTest,
    Unit,
)
from mlops_dagster.rules.places import Span
from mlops_dagster.rules.tokens import Token, TokenKind
from mlops_dagster.rules.written import written_problem

_UNITS = dict(
    zip(
        INTERVAL_ARGUMENTS,
        (Unit.YEAR, Unit.MONTH, Unit.WEEK, Unit.DAY, Unit.HOUR, Unit.MINUTE, Unit.SECOND),
        strict=True,
    )
)
_WHY_REFUSED = {
    "case": "Write the cases as conditions joined by 'or'",
    "cast": "Give the column its type in the table's SQL",
    "try_cast": "Give the column its type in the table's SQL",
    "now": "Write 'as_of()', the instant that the batch is built for",
    "current_timestamp": "Write 'as_of()', the instant that the batch is built for",
    "current_date": "Write 'date(as_of())', the day that the batch is built for",
    "exists": "A rule sees one table; join in the table's SQL",
    "select": "A rule sees one table; join in the table's SQL",
    "if": "Write the cases as conditions joined by 'or'",
    "isnull": "Write 'is null'",
    "isnotnull": "Write 'is not null'",
}


class ArgumentReader(Protocol):
    """What reading a call needs of the grammar."""

    cursor: Cursor
    metrics: bool

    def condition(self) -> Node:
        """Read a whole expression."""


def read_call(reader: ArgumentReader, name: Token) -> Node:
    """Read a call whose name was just taken; the next token is its opening parenthesis."""
    cursor = reader.cursor
    word = name.keyword
    cursor.demand("(")
    if word == "make_interval":
        return _make_interval(reader, name)
    if word in MOMENTS:
        return _moment(reader, name)
    if word in TEXT_TESTS:
        return _text_test(reader, name)
    if word in AGGREGATES or word in BARE_AGGREGATES:
        return _aggregate(reader, name)
    return _scalar(reader, name)


def read_method(reader: ArgumentReader, value: Node) -> StringTest:
    """Read `contains("x")` after `value.str.`; the method's name is the next token."""
    cursor = reader.cursor
    name = cursor.take()
    if name.keyword not in TEXT_TESTS:
        raise cursor.refused(
            name.span,
            "unknown test of a text",
            expected=" or ".join(TEXT_TESTS),
            found=name.value[:60] or "the end",
            nearest=nearest_name(name.value, TEXT_TESTS),
        )
    cursor.demand("(")
    part = cursor.demand_text("the part to look for")
    cursor.demand(")")
    span = value.span.to(cursor.last)
    return StringTest(span=span, test=TextTest(name.keyword), value=value, part=part.value)


def _moment(reader: ArgumentReader, name: Token) -> Moment:
    cursor = reader.cursor
    if reader.metrics:
        raise cursor.refused(
            name.span,
            "a gate compares metrics and knows no batch",
            expected="the name of a metric",
            found=name.value,
        )
    cursor.demand(")")
    return Moment(span=name.span.to(cursor.last), name=MOMENTS[name.keyword])


def _text_test(reader: ArgumentReader, name: Token) -> StringTest:
    cursor = reader.cursor
    value = reader.condition()
    cursor.demand(",")
    part = cursor.demand_text("the part to look for")
    cursor.demand(")")
    span = name.span.to(cursor.last)
    return StringTest(span=span, test=TextTest(name.keyword), value=value, part=part.value)


def _scalar(reader: ArgumentReader, name: Token) -> FunctionCall:
    cursor = reader.cursor
    canonical = SCALAR_ALIASES.get(name.keyword, name.keyword)
    signature = SCALARS.get(canonical)
    if signature is None:
        raise cursor.refused(
            name.span,
            "unknown function",
            found=name.value[:60],
            nearest=None
            if name.keyword in _WHY_REFUSED
            else nearest_name(name.keyword, KNOWN_NAMES),
            next_step=_WHY_REFUSED.get(name.keyword),
        )
    arguments = _arguments(reader)
    span = name.span.to(cursor.last)
    if not signature.accepts(len(arguments)):
        expected = ", ".join(takes.value for takes in signature.takes)
        raise cursor.refused(
            span,
            f"wrong number of arguments for {canonical}",
            expected=expected,
            found=f"{len(arguments)} arguments",
        )
    for position, argument in enumerate(arguments):
        problem = written_problem(signature.taken(position), argument)
        if problem is not None:
            raise cursor.refused(
                argument.span,
                f"wrong argument for {canonical}" + (f": {problem}" if problem else ""),
                expected=signature.taken(position).value,
            )
    return FunctionCall(span=span, name=canonical, arguments=arguments)


def _arguments(reader: ArgumentReader) -> tuple[Node, ...]:
    cursor = reader.cursor
    if cursor.take_if(")"):
        return ()
    arguments = [reader.condition()]
    while cursor.take_if(","):
        arguments.append(reader.condition())
    cursor.demand(")")
    return tuple(arguments)


def _aggregate(reader: ArgumentReader, name: Token) -> Aggregate:
    cursor = reader.cursor
    if reader.metrics:
        raise cursor.refused(
            name.span,
            "a gate compares metrics and sees no rows",
            expected="the name of a metric",
            found=name.value,
        )
    bare = BARE_AGGREGATES.get(name.keyword)
    if bare is not None:
        cursor.demand(")")
        return Aggregate(span=name.span.to(cursor.last), name=bare)
    canonical = AGGREGATES[name.keyword]
    if canonical == "count" and cursor.take_if("*"):
        cursor.demand(")")
        return Aggregate(span=name.span.to(cursor.last), name="row_count")
    if canonical == "count" and cursor.here.keyword == "distinct":
        cursor.take()
        canonical = "distinct_count"
    argument = reader.condition()
    share, other = None, None
    if canonical == "quantile":
        share = 0.5 if name.keyword == "median" else _share(cursor)
    if canonical == "corr":
        cursor.demand(",")
        other = reader.condition()
    cursor.demand(")")
    span = name.span.to(cursor.last)
    return Aggregate(span=span, name=canonical, argument=argument, share=share, other=other)


def _share(cursor: Cursor) -> float:
    cursor.demand(",")
    token = cursor.here
    if token.kind is not TokenKind.NUMBER or not 0 <= float(token.value) <= 1:
        raise cursor.unexpected("a share from 0 to 1, such as 0.99")
    cursor.take()
    return float(token.value)


def _make_interval(reader: ArgumentReader, name: Token) -> Interval:
    cursor = reader.cursor
    parts: list[tuple[Unit, Node]] = []
    while True:
        argument = cursor.here
        if argument.keyword not in _UNITS or cursor.ahead(1).keyword != "=>":
            raise cursor.unexpected(
                "a named amount such as 'mins => delay_minutes', with one of "
                + ", ".join(INTERVAL_ARGUMENTS)
            )
        cursor.take()
        cursor.take()
        unit = _UNITS[argument.keyword]
        if any(unit is seen for seen, _ in parts):
            raise cursor.refused(argument.span, f"{argument.value} is given twice")
        parts.append((unit, reader.condition()))
        if not cursor.take_if(","):
            break
    cursor.demand(")")
    return interval(cursor, name.span.to(cursor.last), parts)


def interval(cursor: Cursor, span: Span, parts: list[tuple[Unit, Node]]) -> Interval:
    """Return the interval of these parts.

    Raises:
        ExpressionError: months beside days, or a number of months that is not written out.
    """
    calendar = [unit.is_calendar for unit, _ in parts]
    if any(calendar) and not all(calendar):
        raise cursor.refused(
            span,
            "months and years cannot stand beside days and hours in one interval",
            next_step="Add two intervals one after the other",
        )
    for unit, amount in parts:
        plain = isinstance(amount, Literal) and type(amount.value) is int and amount.value <= 12_000
        if unit.is_calendar and not plain:
            raise cursor.refused(
                amount.span, f"a number of {unit.value}s is a whole number up to 12000, written out"
            )
    return Interval(span=span, parts=tuple(parts))
