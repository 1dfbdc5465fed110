"""The tree of a SQL file: which constructs and tables it may hold."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import ParseError

from mlops_dagster.errors import ExpressionError, nearest_name
from mlops_dagster.rules.places import Span, error_at
from mlops_dagster.rules.sql_constructs import (
    ALLOWED,
    MAX_TREE_DEPTH,
    NAMES,
    REFUSED,
    SELECT_PARTS,
    TYPES,
)
from mlops_dagster.rules.sql_order import check_order
from mlops_dagster.rules.sql_places import refused
from mlops_dagster.rules.sql_tokens import SqlText

# What sqlglot lets through when a function has fewer arguments than it expects.
_PARSER_BUGS = (LookupError, AttributeError, TypeError, ValueError)


@dataclass(frozen=True)
class TableUse:
    """A place where an input is read, and whether the text gives it an alias there."""

    table: str
    span: Span
    has_alias: bool


def parse_tree(sql: SqlText) -> exp.Query:
    """Parse the text into one query.

    Raises:
        ExpressionError: not valid SQL, or not one SELECT.
    """
    first = sql.tokens[0]
    if sql.source(first).lower() not in ("select", "with", "("):
        raise error_at(
            sql.text,
            Span(first.start, first.end + 1),
            "a SQL file is one SELECT",
            expected="SELECT or WITH",
            found=sql.source(first)[:40],
        )
    try:
        statements = Spark().parse(sql.text)
    except ParseError as error:
        raise _not_parsed(sql, error) from error
    except RecursionError as error:
        raise error_at(sql.text, Span(0, 1), "the text is nested too deeply") from error
    except _PARSER_BUGS as error:
        raise error_at(sql.text, Span(0, 1), "not valid SQL: a function's arguments") from error
    query = statements[0]
    if not isinstance(query, exp.Query) or any(
        statement is not None for statement in statements[1:]
    ):
        raise error_at(sql.text, Span(0, 1), "a SQL file is one SELECT")
    return query


def _not_parsed(sql: SqlText, error: ParseError) -> ExpressionError:
    first = error.errors[0] if error.errors else {}
    line, column = int(first.get("line") or 1), int(first.get("col") or 1)
    highlight = str(first.get("highlight") or " ")
    lines = sql.text.split("\n")
    # The parser's column is that of the last character of the token.
    end = sum(len(before) + 1 for before in lines[: line - 1]) + column
    description = str(first.get("description") or "not understood").removesuffix(".")
    if description.startswith("Required keyword"):
        description = "something is missing here"
    return error_at(
        sql.text, Span(max(0, end - len(highlight)), end), f"not valid SQL: {description}"
    )


def check_tree(sql: SqlText, query: exp.Query, inputs: Collection[str]) -> tuple[TableUse, ...]:
    """Check every node, and return the places that read inputs.

    Raises:
        ExpressionError: a construct, type or table that is not allowed, or a value that depends on
        row order.
    """
    names = _check_ctes(sql, query, inputs)
    uses: list[TableUse] = []
    for node in _walk(sql, query):
        _check_node(sql, node)
        if isinstance(node, exp.Table):
            use = _table_use(sql, node, inputs, names)
            if use is not None:
                uses.append(use)
    return tuple(sorted(uses, key=lambda use: use.span.start))


def _walk(sql: SqlText, query: exp.Expr) -> Iterator[exp.Expr]:
    """Yield all nodes without recursion; refuse a tree on which recursion would be unsafe."""
    waiting = [(query, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_TREE_DEPTH:
            raise refused(
                sql, node, "the text is nested too deeply", expected="shorter chains of operators"
            )
        yield node
        waiting.extend((child, depth + 1) for child in node.iter_expressions())


def _check_ctes(sql: SqlText, query: exp.Query, inputs: Collection[str]) -> dict[str, int]:
    """Return the names of CTEs and where each is complete; only the outermost query has them."""
    own = query.args.get("with_")
    for found in query.find_all(exp.With):
        if found is not own:
            raise refused(sql, found, "WITH may stand only at the beginning of the file")
        if found.args.get("recursive"):
            raise refused(sql, found, "WITH RECURSIVE is not allowed")
    names: dict[str, int] = {}
    for cte in own.expressions if own is not None else ():
        if cte.alias in names or cte.alias in inputs:
            raise refused(sql, cte.args["alias"], f"the name {cte.alias} is taken already")
        if cte.args["alias"].columns:
            raise refused(sql, cte.args["alias"], "columns are named inside the query, with AS")
        names[cte.alias] = max(
            int(node.meta["start"]) for node in cte.walk() if "start" in node.meta
        )
    return names


def _check_node(sql: SqlText, node: exp.Expr) -> None:
    if isinstance(node, REFUSED) or not isinstance(node, ALLOWED):
        name = next((text for kind, text in NAMES.items() if isinstance(node, kind)), None)
        name = name or type(node).__name__.upper()
        raise refused(sql, node, f"{name} is not allowed in a SQL file")
    if isinstance(node, exp.DataType) and node.this not in TYPES:
        raise refused(sql, node, "a type that is not allowed", found=node.sql("spark")[:60])
    if isinstance(node, exp.Select):
        for key, value in node.args.items():
            if value and key not in SELECT_PARTS:
                raise refused(sql, node, f"{key.strip('_').upper()} is not allowed in a SQL file")
    if isinstance(node, exp.Join) and node.method:
        raise refused(
            sql, node, f"{node.method} JOIN is not allowed", next_step="Write ON or USING"
        )
    if isinstance(node, exp.Limit) and not _has_order(node.parent):
        raise refused(
            sql, node, "LIMIT without ORDER BY takes other rows each time", next_step="Add ORDER BY"
        )
    if isinstance(node, exp.Func) and "start" in node.meta:
        check_order(sql, node)


def _has_order(query: exp.Expr | None) -> bool:
    return query is not None and query.args.get("order") is not None


def _table_use(
    sql: SqlText, table: exp.Table, inputs: Collection[str], ctes: dict[str, int]
) -> TableUse | None:
    """Return the use of an input; None for a CTE."""
    extra = [
        key for key, value in table.args.items() if value and key not in ("this", "alias", "joins")
    ]
    if extra or not isinstance(table.this, exp.Identifier):
        written = table.sql("spark")[:80]
        raise refused(
            sql, table, "a table is named only as declared", expected=_listed(inputs), found=written
        )
    name = table.this.name
    span = Span(int(table.this.meta["start"]), int(table.this.meta["end"]) + 1)
    alias = table.args.get("alias")
    if alias is not None and alias.columns:
        raise refused(sql, alias, "columns are named inside the query, with AS")
    if name in ctes:
        if span.start <= ctes[name]:
            raise error_at(sql.text, span, f"{name} is read before it is complete")
        return None
    if name not in inputs:
        raise error_at(
            sql.text,
            span,
            "a table that is not an input",
            expected=_listed(inputs),
            found=name[:80],
            nearest=nearest_name(name, {*inputs, *ctes}),
            next_step="Declare it under inputs",
        )
    return TableUse(name, span, alias is not None)


def _listed(inputs: Collection[str]) -> str:
    return " or ".join(sorted(inputs)) or "no table: none is declared"
