"""Reading of values: literals, columns, calls, arithmetic."""

from collections.abc import Callable
from dataclasses import replace

from mlops_dagster.rules.calls import interval, read_call, read_method
from mlops_dagster.rules.cursor import MAX_DEPTH, Cursor
from mlops_dagster.rules.functions import BARE_AGGREGATES
from mlops_dagster.rules.literals import read_number, read_time
from mlops_dagster.rules.nodes import (
    Aggregate,
    Arithmetic,
    ColumnRef,
    Interval,
    Literal,
    Negate,
    Node,
    Operator,
    Unit,
)
from mlops_dagster.rules.tokens import RESERVED, Token, TokenKind

_SUMS = {"+": Operator.ADD, "-": Operator.SUBTRACT}
_PRODUCTS = {"*": Operator.MULTIPLY, "/": Operator.DIVIDE, "%": Operator.REMAINDER}
_UNITS = {name: unit for unit in Unit for name in (unit.value, f"{unit.value}s")}
_NAMES = (TokenKind.WORD, TokenKind.QUOTED_NAME)


class TermReader:
    """Reads values. `table` may qualify columns; in a gate (`metrics`) names are metrics."""

    def __init__(self, cursor: Cursor, *, table: str | None, metrics: bool) -> None:
        self.cursor = cursor
        self.table = table
        self.metrics = metrics

    def condition(self) -> Node:
        """Read a whole expression; the grammar of conditions, above this class, says how."""
        raise NotImplementedError

    def sum(self) -> Node:
        """Read terms joined by + and -."""
        return self._chain(_SUMS, self._product)

    def _product(self) -> Node:
        return self._chain(_PRODUCTS, self._signed)

    def _chain(self, operators: dict[str, Operator], read: Callable[[], Node]) -> Node:
        left = read()
        for _ in range(MAX_DEPTH):
            sign = self.cursor.take_if(*operators)
            if sign is None:
                return left
            right = read()
            span = left.span.to(right.span)
            left = Arithmetic(span=span, operator=operators[sign.keyword], left=left, right=right)
        raise self.cursor.refused(
            self.cursor.last,
            "the calculation is too long",
            expected=f"at most {MAX_DEPTH} operators",
        )

    def _signed(self) -> Node:
        sign = self.cursor.take_if("-", "+")
        if sign is None:
            return self._dotted()
        self.cursor.deeper()
        value = self._signed()
        self.cursor.shallower()
        if sign.keyword == "+":
            return value
        span = sign.span.to(value.span)
        number = value.value if isinstance(value, Literal) else None
        if isinstance(number, int | float) and not isinstance(number, bool):
            return Literal(span=span, value=-number)
        return Negate(span=span, value=value)

    def _dotted(self) -> Node:
        """Read a value and the tests of texts that hang on it, such as `.str.contains("x")`."""
        value = self._primary()
        while self.cursor.take_if("."):
            if not self.cursor.take_if("str"):
                raise self.cursor.unexpected("'str'")
            self.cursor.demand(".")
            value = read_method(self, value)
        return value

    def _primary(self) -> Node:  # noqa: PLR0911 - one return a kind of token
        cursor = self.cursor
        token = cursor.here
        if token.kind is TokenKind.NUMBER:
            return read_number(cursor)
        if token.kind is TokenKind.TEXT:
            cursor.take()
            return Literal(span=token.span, value=token.value)
        if token.keyword == "(":
            return self._parenthesised()
        if token.keyword in ("true", "false"):
            cursor.take()
            return Literal(span=token.span, value=token.keyword == "true")
        if token.keyword == "interval":
            return self._interval()
        if token.keyword in ("date", "timestamp") and cursor.ahead(1).kind is TokenKind.TEXT:
            return read_time(cursor)
        if token.kind in _NAMES and token.keyword not in RESERVED:
            return self._name()
        next_step = "Write 'is null' or 'is not null'" if token.keyword == "null" else None
        raise cursor.unexpected("a column or value", next_step=next_step)

    def _parenthesised(self) -> Node:
        opening = self.cursor.take()
        if self.cursor.here.keyword == "select":
            raise self.cursor.refused(
                self.cursor.here.span,
                "a query inside a rule is not part of the rule language",
                next_step="A rule sees one table; join in the table's SQL",
            )
        inner = self.condition()
        self.cursor.demand(")")
        return _respanned(inner, opening, self.cursor)

    def _interval(self) -> Interval:
        cursor = self.cursor
        start = cursor.take()
        parts: list[tuple[Unit, Node]] = []
        while cursor.here.kind in (TokenKind.NUMBER, TokenKind.TEXT):
            amount = read_number(cursor)
            unit = _UNITS.get(cursor.here.keyword)
            if unit is None:
                raise cursor.unexpected("a unit such as days, hours or minutes")
            cursor.take()
            parts.append((unit, amount))
        if not parts:
            raise cursor.unexpected("an amount and a unit, such as '30 days'")
        return interval(cursor, start.span.to(cursor.last), parts)

    def _name(self) -> Node:
        cursor = self.cursor
        parts = [cursor.take()]
        if cursor.here.keyword == "(" and parts[0].kind is TokenKind.WORD:
            return read_call(self, parts[0])
        while cursor.here.keyword == ".":
            # `.str.` is a test of a text, unless a column of that name is all that follows.
            if cursor.ahead(1).keyword == "str" and cursor.ahead(2).keyword == ".":
                cursor.take()
                cursor.take()
                cursor.take()
                return read_method(self, self._column(parts))
            cursor.take()
            if cursor.here.kind not in _NAMES:
                raise cursor.unexpected("the name of a column")
            parts.append(cursor.take())
            if cursor.here.keyword == "(":
                raise cursor.unexpected(
                    "a column", next_step="The tests of texts are written name.str.contains('x')"
                )
        return self._column(parts)

    def _column(self, parts: list[Token]) -> Node:
        first, last = parts[0], parts[-1]
        span = first.span.to(last.span)
        if len(parts) == 1:
            aggregate = BARE_AGGREGATES.get(first.keyword)
            if aggregate is not None and not self.metrics:
                return Aggregate(span=span, name=aggregate)
        elif self.metrics:
            raise self.cursor.refused(span, "the name of a metric has no dots")
        elif len(parts) > 2 or first.value != self.table:
            raise self.cursor.refused(
                span,
                "a name with a dot is a column of the rule's own table",
                expected=f"{self.table}.{last.value}" if self.table else last.value,
                found=".".join(part.value for part in parts)[:80],
                next_step="A column whose own name has a dot is written in backticks",
            )
        return ColumnRef(span=span, name=last.value)


def _respanned(node: Node, opening: Token, cursor: Cursor) -> Node:
    """Widen the place of a node to its parentheses, so that carets and quoted parts show them."""
    return replace(node, span=opening.span.to(cursor.last))
