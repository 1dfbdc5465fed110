"""Places of nodes in a SQL file."""

from sqlglot import exp

from mlops_dagster.errors import ExpressionError
from mlops_dagster.rules.places import Span, error_at
from mlops_dagster.rules.sql_tokens import SqlText


def place_of(sql: SqlText, node: exp.Expr) -> Span:
    """Return the place of a node: its own, else that of the first node below or around it."""
    candidates = [found for found in node.walk() if "start" in found.meta]
    if candidates:
        first = min(candidates, key=lambda found: int(found.meta["start"]))
        return Span(int(first.meta["start"]), int(first.meta["end"]) + 1)
    if node.parent is not None:
        return place_of(sql, node.parent)
    return Span(sql.tokens[0].start, sql.tokens[0].end + 1)


def refused(sql: SqlText, node: exp.Expr, problem: str, **details: str | None) -> ExpressionError:
    """Return the error that shows a node."""
    return error_at(sql.text, place_of(sql, node), problem, **details)
