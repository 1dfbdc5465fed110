"""The kind of every node, and what cannot be combined."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from mlops_dagster.rules.functions import SCALARS, Takes
from mlops_dagster.rules.kinds import Kind, comparable
from mlops_dagster.rules.nodes import (
    Aggregate,
    And,
    Arithmetic,
    Between,
    ColumnRef,
    Comparison,
    FunctionCall,
    InList,
    Interval,
    IsNull,
    Like,
    Literal,
    Moment,
    Negate,
    Node,
    Not,
    Operator,
    Or,
    RegexMatch,
    StringTest,
)


class KindReader:
    """Infers kinds from the bottom up; None is an unknown kind and fits everywhere.

    Args:
        columns: Known kinds of columns.
        note: Called with the node and the problem for each certain clash.
    """

    def __init__(self, columns: Mapping[str, Kind], note: Callable[[Node, str], None]) -> None:
        self._columns = columns
        self._note = note

    def kind(self, node: Node) -> Kind | None:  # noqa: PLR0911, PLR0912 - one case a kind of node
        """Return the kind of a node's value, noting clashes at and below it."""
        match node:
            case Literal():
                return _literal_kind(node)
            case ColumnRef():
                return self._columns.get(node.name)
            case Moment():
                return Kind.TIMESTAMP
            case And() | Or() | Not():
                for operand in node.children:
                    self._demand(operand, (Kind.BOOLEAN,), "a condition")
                return Kind.BOOLEAN
            case IsNull():
                self.kind(node.value)
                return Kind.BOOLEAN
            case Comparison() | Between() | InList():
                self._same(node.children)
                return Kind.BOOLEAN
            case Like() | RegexMatch() | StringTest():
                self._demand(node.value, (Kind.TEXT,), "a text")
                return Kind.BOOLEAN
            case Negate():
                self._demand(node.value, (Kind.NUMBER,), "a number")
                return Kind.NUMBER
            case Interval():
                for amount in node.children:
                    self._demand(amount, (Kind.NUMBER,), "a number")
                return Kind.CALENDAR_INTERVAL if node.is_calendar else Kind.INTERVAL
            case Arithmetic():
                return self._arithmetic(node)
            case FunctionCall():
                return self._function(node)
            case Aggregate():
                return self._aggregate(node)
        raise TypeError(f"no kind is defined for {type(node).__name__}")

    def _demand(self, node: Node, wanted: tuple[Kind, ...], called: str) -> Kind | None:
        kind = self.kind(node)
        if kind is not None and kind not in wanted:
            self._note(node, f"expected {called}, found {kind.value}")
        return kind

    def _same(self, nodes: Sequence[Node]) -> Kind | None:
        """Note the first node that cannot be compared with the first one; return their kind."""
        first: Kind | None = None
        for node in nodes:
            kind = self.kind(node)
            if kind is None:
                continue
            if not comparable(kind if first is None else first, kind):
                self._note(node, f"{(first or kind).value} cannot be compared with {kind.value}")
                return None
            first = first if first is not None and first is not Kind.DATE else kind
        return first

    def _arithmetic(self, node: Arithmetic) -> Kind | None:
        left, right = self.kind(node.left), self.kind(node.right)
        known = {left, right} - {None}
        if known <= {Kind.NUMBER}:
            # Of two unknown columns: `a - b` may be a length of time; products are always numbers.
            sure = bool(known) or node.operator not in (Operator.ADD, Operator.SUBTRACT)
            return Kind.NUMBER if sure else None
        if node.operator in (Operator.ADD, Operator.SUBTRACT):
            result = _time_arithmetic(node.operator, left, right)
            if result is not _CLASH:
                return result if isinstance(result, Kind) else None
        words = {Operator.ADD: "added to", Operator.SUBTRACT: "subtracted from"}
        word = words.get(node.operator, "calculated with")
        shown = [kind.value if kind else "a value" for kind in (left, right)]
        if node.operator is Operator.SUBTRACT:
            shown.reverse()
        self._note(node, f"{shown[0]} cannot be {word} {shown[1]}")
        return None

    def _function(self, node: FunctionCall) -> Kind | None:
        signature = SCALARS[node.name]
        if signature.takes[0] is Takes.SAME:
            return self._same(node.arguments)
        for position, argument in enumerate(node.arguments):
            takes = signature.taken(position)
            wanted = _WANTED.get(takes, (Kind.NUMBER,))
            self._demand(argument, wanted, takes.value)
        return signature.result

    def _aggregate(self, node: Aggregate) -> Kind | None:
        if node.argument is None:
            return Kind.NUMBER
        if node.name in ("count", "distinct_count", "approx_distinct_count", "null_rate"):
            self.kind(node.argument)
            return Kind.NUMBER
        if node.name in ("count_if", "share"):
            self._demand(node.argument, (Kind.BOOLEAN,), "a condition")
            return Kind.NUMBER
        if node.name in ("min", "max", "mode"):
            return self._same((node.argument,))
        if node.other is not None:
            self._demand(node.other, (Kind.NUMBER,), "a number")
        self._demand(node.argument, (Kind.NUMBER,), "a number")
        return Kind.NUMBER


_WANTED = {
    Takes.TEXT: (Kind.TEXT,),
    Takes.FORM: (Kind.TEXT,),
    Takes.KEY: (Kind.TEXT,),
    Takes.PATH_KEY: (Kind.TEXT,),
    Takes.NETWORK: (Kind.TEXT,),
    Takes.PERSONAL: (Kind.TEXT,),
    Takes.COLLECTION: (Kind.COLLECTION,),
    Takes.TIME: (Kind.DATE, Kind.TIMESTAMP),
}


def _literal_kind(node: Literal) -> Kind | None:
    value = node.value
    if value is None:
        return None
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int | float | Decimal):
        return Kind.NUMBER
    if isinstance(value, str):
        return Kind.TEXT
    if isinstance(value, datetime):
        return Kind.TIMESTAMP
    if isinstance(value, date):
        return Kind.DATE
    raise TypeError(f"no kind is defined for a literal {type(value).__name__}")


_CLASH = object()


def _time_arithmetic(  # noqa: PLR0911 - one return a pair of kinds
    operator: Operator, left: Kind | None, right: Kind | None
) -> object:
    """Return the kind of a sum or difference with a time in it, None when unknown, or _CLASH."""
    times = (Kind.DATE, Kind.TIMESTAMP, None)
    intervals = (Kind.INTERVAL, Kind.CALENDAR_INTERVAL)
    if operator is Operator.ADD and left in intervals and right in times:
        left, right = right, left
    if left in times and right in intervals:
        if left is None or right is Kind.CALENDAR_INTERVAL:
            return left
        return Kind.TIMESTAMP
    if left is not None and left.is_time:
        if operator is Operator.ADD:
            return None if right is None else _CLASH
        if right is None:
            return None
        return Kind.INTERVAL if right.is_time else _CLASH
    if left is Kind.INTERVAL and right in (Kind.INTERVAL, None):
        return right
    if left is None and right is not None and right.is_time and operator is Operator.SUBTRACT:
        return Kind.INTERVAL
    return _CLASH
