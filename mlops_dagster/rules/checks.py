"""Checks of a parsed expression: kinds of values, unknown columns, rows mixed with statistics."""

from collections.abc import Callable, Mapping

from mlops_dagster.errors import nearest_name
from mlops_dagster.rules.expression import Expression, walk
from mlops_dagster.rules.inference import KindReader
from mlops_dagster.rules.kinds import Kind, kind_of_type
from mlops_dagster.rules.nodes import Aggregate, ColumnRef, Node
from mlops_dagster.rules.places import error_at


def check_columns(expression: Expression, types: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with an expression over columns of these types; empty when nothing is.

    Args:
        expression: A rule.
        types: Spark type names, such as `bigint` or `decimal(10,2)`, by column.

    Returns:
        One sentence a problem: unknown columns with the nearest name, and certain clashes of kinds.
    """
    unknown = sorted(expression.columns - types.keys())
    if unknown:
        return tuple(_unknown(name, types) for name in unknown)
    problems: list[str] = []

    def note(node: Node, problem: str) -> None:
        problems.append(f"{problem} in '{expression.source(node)}'")

    kinds = {name: kind_of_type(types[name]) for name in expression.columns}
    _read_condition(expression, kinds, note)
    return tuple(dict.fromkeys(problems))


def refuse_clashes(expression: Expression, *, metrics: bool) -> None:
    """Refuse an expression that is wrong whatever the types of its columns; metrics are numbers.

    Raises:
        ExpressionError: at the first clash.
    """

    def refuse(node: Node, problem: str) -> None:
        raise error_at(expression.text, node.span, problem)

    kinds = dict.fromkeys(expression.columns, Kind.NUMBER) if metrics else {}
    _read_condition(expression, kinds, refuse, noun="gate" if metrics else "rule")


def refuse_mixed(expression: Expression) -> None:
    """Refuse columns of a row beside statistics of all rows, and statistics of statistics.

    Raises:
        ExpressionError: at the first such column.
    """
    if not expression.aggregates:
        return
    _refuse_nested(expression)
    column = _column_outside(expression.root)
    if column is not None:
        raise error_at(
            expression.text,
            column.span,
            f"column {column.name} belongs to a row, but the rule is about the data set",
            expected="columns only inside count, mean, min, max and the like",
            next_step="Write two rules",
        )


def _refuse_nested(expression: Expression) -> None:
    for aggregate in walk(expression.root):
        if isinstance(aggregate, Aggregate):
            for child in aggregate.children:
                for inner in walk(child):
                    if isinstance(inner, Aggregate):
                        raise error_at(
                            expression.text, inner.span, "a statistic of a statistic has no meaning"
                        )


def _column_outside(node: Node) -> ColumnRef | None:
    if isinstance(node, Aggregate):
        return None
    if isinstance(node, ColumnRef):
        return node
    return next(filter(None, map(_column_outside, node.children)), None)


def _read_condition(
    expression: Expression,
    kinds: Mapping[str, Kind],
    note: Callable[[Node, str], None],
    *,
    noun: str = "rule",
) -> None:
    kind = KindReader(kinds, note).kind(expression.root)
    if kind in (None, expression.kind):
        return
    if expression.kind is Kind.NUMBER:
        noun = "statistic"
    wanted = "a condition" if expression.kind is Kind.BOOLEAN else expression.kind.value
    note(expression.root, f"a {noun} is {wanted}, this is {kind.value}")


def _unknown(name: str, types: Mapping[str, str]) -> str:
    nearest = nearest_name(name, types)
    return f"unknown column {name}" + (f" (did you mean {nearest}?)" if nearest else "")
