"""The tree of a SQL file: which constructs and tables it may hold."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import ParseError

from mlops_dagster.errors import ExpressionError, nearest_name
from mlops_dagster.rules.places import Span, error_at
from mlops_dagster.rules.spark_functions import COLLECT, NEED_ORDER, ORDER_BLIND
from mlops_dagster.rules.sql_tokens import SqlText

MAX_TREE_DEPTH = 250

# Constructs beside functions; a function's node is allowed because its name was checked as a token.
_ALLOWED: tuple[type[exp.Expr], ...] = (
    exp.Select,
    exp.SetOperation,
    exp.Subquery,
    exp.With,
    exp.CTE,
    exp.TableAlias,
    exp.From,
    exp.Join,
    exp.Table,
    exp.Where,
    exp.Group,
    exp.Having,
    exp.Qualify,
    exp.Order,
    exp.Ordered,
    exp.Limit,
    exp.Distinct,
    exp.Window,
    exp.WindowSpec,
    exp.Filter,
    exp.WithinGroup,
    exp.IgnoreNulls,
    exp.RespectNulls,
    exp.Cube,
    exp.Rollup,
    exp.GroupingSets,
    exp.Alias,
    exp.Aliases,
    exp.Column,
    exp.Identifier,
    exp.Star,
    exp.Var,
    exp.Literal,
    exp.RawString,
    exp.Boolean,
    exp.Null,
    exp.Paren,
    exp.Tuple,
    exp.Binary,
    exp.Unary,
    exp.Between,
    exp.In,
    exp.Interval,
    exp.IntervalSpan,
    exp.DataType,
    exp.DataTypeParam,
    exp.Lambda,
    exp.Kwarg,
    exp.PropertyEQ,
    exp.Bracket,
    exp.ColumnDef,
    exp.Func,
)
_REFUSED: tuple[type[exp.Expr], ...] = (
    exp.QueryTransform,
    exp.NextValueFor,
    exp.Collate,
    exp.Parameter,
    exp.Placeholder,
)
_NAMES = {
    exp.QueryTransform: "a script",
    exp.Lateral: "LATERAL VIEW",
    exp.Into: "INTO",
    exp.Values: "a VALUES table",
    exp.Hint: "a hint",
    exp.TableSample: "TABLESAMPLE",
    exp.Pivot: "PIVOT",
    exp.Cluster: "CLUSTER BY",
    exp.Distribute: "DISTRIBUTE BY",
    exp.Sort: "SORT BY",
    exp.Version: "a version of a table",
    exp.Offset: "OFFSET",
}
_TYPES = {
    exp.DataType.Type.BOOLEAN,
    exp.DataType.Type.TINYINT,
    exp.DataType.Type.SMALLINT,
    exp.DataType.Type.INT,
    exp.DataType.Type.BIGINT,
    exp.DataType.Type.FLOAT,
    exp.DataType.Type.DOUBLE,
    exp.DataType.Type.DECIMAL,
    exp.DataType.Type.TEXT,
    exp.DataType.Type.VARCHAR,
    exp.DataType.Type.CHAR,
    exp.DataType.Type.BINARY,
    exp.DataType.Type.DATE,
    exp.DataType.Type.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPTZ,
    exp.DataType.Type.TIMESTAMPLTZ,
    exp.DataType.Type.TIMESTAMPNTZ,
    exp.DataType.Type.ARRAY,
    exp.DataType.Type.MAP,
    exp.DataType.Type.STRUCT,
    exp.DataType.Type.INTERVAL,
}
_SELECT_PARTS = frozenset(
    (
        *("expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify"),
        *("windows", "order", "limit", "with_"),
        # These hold nodes that are refused by their own names.
        *("laterals", "into", "hint", "sample", "offset", "cluster", "distribute", "sort"),
    )
)


@dataclass(frozen=True)
class TableUse:
    """A place where an input is read: its characters in the text, and whether the text gives it an alias."""

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
        ExpressionError: a construct, type or table that is not allowed, or a value that depends on row order.
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
            raise _refused(
                sql, node, "the text is nested too deeply", expected="shorter chains of operators"
            )
        yield node
        waiting.extend((child, depth + 1) for child in node.iter_expressions())


def place_of(sql: SqlText, node: exp.Expr) -> Span:
    """Return the place of a node: its own, else that of the first node below or around it."""
    candidates = [found for found in node.walk() if "start" in found.meta]
    if candidates:
        first = min(candidates, key=lambda found: int(found.meta["start"]))
        return Span(int(first.meta["start"]), int(first.meta["end"]) + 1)
    if node.parent is not None:
        return place_of(sql, node.parent)
    return Span(sql.tokens[0].start, sql.tokens[0].end + 1)


def _refused(sql: SqlText, node: exp.Expr, problem: str, **details: str | None) -> ExpressionError:
    return error_at(sql.text, place_of(sql, node), problem, **details)


def _check_ctes(sql: SqlText, query: exp.Query, inputs: Collection[str]) -> dict[str, int]:
    """Return the names of CTEs and where each is complete; only the outermost query has them."""
    own = query.args.get("with_")
    for found in query.find_all(exp.With):
        if found is not own:
            raise _refused(sql, found, "WITH may stand only at the beginning of the file")
        if found.args.get("recursive"):
            raise _refused(sql, found, "WITH RECURSIVE is not allowed")
    names: dict[str, int] = {}
    for cte in own.expressions if own is not None else ():
        if cte.alias in names or cte.alias in inputs:
            raise _refused(sql, cte.args["alias"], f"the name {cte.alias} is taken already")
        if cte.args["alias"].columns:
            raise _refused(sql, cte.args["alias"], "columns are named inside the query, with AS")
        names[cte.alias] = max(
            int(node.meta["start"]) for node in cte.walk() if "start" in node.meta
        )
    return names


def _check_node(sql: SqlText, node: exp.Expr) -> None:
    if isinstance(node, _REFUSED) or not isinstance(node, _ALLOWED):
        name = next((text for kind, text in _NAMES.items() if isinstance(node, kind)), None)
        name = name or type(node).__name__.upper()
        raise _refused(sql, node, f"{name} is not allowed in a SQL file")
    if isinstance(node, exp.DataType) and node.this not in _TYPES:
        raise _refused(sql, node, "a type that is not allowed", found=node.sql("spark")[:60])
    if isinstance(node, exp.Select):
        for key, value in node.args.items():
            if value and key not in _SELECT_PARTS:
                raise _refused(sql, node, f"{key.strip('_').upper()} is not allowed in a SQL file")
    if isinstance(node, exp.Join) and node.method:
        raise _refused(
            sql, node, f"{node.method} JOIN is not allowed", next_step="Write ON or USING"
        )
    if isinstance(node, exp.Limit) and not _has_order(node.parent):
        raise _refused(
            sql, node, "LIMIT without ORDER BY takes other rows each time", next_step="Add ORDER BY"
        )
    if isinstance(node, exp.Func) and "start" in node.meta:
        _check_order(sql, node)


def _has_order(query: exp.Expr | None) -> bool:
    return query is not None and query.args.get("order") is not None


def _check_order(sql: SqlText, node: exp.Func) -> None:
    name = _written_name(sql, node)
    if name not in NEED_ORDER | COLLECT:
        return
    user = node.parent
    while isinstance(user, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.Paren):
        user = user.parent
    if isinstance(user, exp.Window) and _ordered_window(user):
        return
    if name in COLLECT:
        if isinstance(user, exp.Func) and _written_name(sql, user) in ORDER_BLIND:
            return
        step = f"Write sort_array({name}(...)), or use a window with ORDER BY"
    else:
        step = "Use a window with ORDER BY, or min_by and max_by"
    raise _refused(sql, node, f"{name} without an order differs each time", next_step=step)


def _written_name(sql: SqlText, node: exp.Func) -> str:
    if "start" not in node.meta:
        return ""
    return sql.text[int(node.meta["start"]) : int(node.meta["end"]) + 1].lower()


def _ordered_window(window: exp.Window) -> bool:
    if window.args.get("order") is not None:
        return True
    select = window.find_ancestor(exp.Select)
    named = select.args.get("windows") if select is not None else None
    return any(
        candidate.args.get("order") is not None and candidate.name == window.alias
        for candidate in named or ()
    )


def _table_use(
    sql: SqlText, table: exp.Table, inputs: Collection[str], ctes: dict[str, int]
) -> TableUse | None:
    """Return the use of an input; None for a CTE."""
    extra = [
        key for key, value in table.args.items() if value and key not in ("this", "alias", "joins")
    ]
    if extra or not isinstance(table.this, exp.Identifier):
        written = table.sql("spark")[:80]
        raise _refused(
            sql, table, "a table is named only as declared", expected=_listed(inputs), found=written
        )
    name = table.this.name
    span = Span(int(table.this.meta["start"]), int(table.this.meta["end"]) + 1)
    alias = table.args.get("alias")
    if alias is not None and alias.columns:
        raise _refused(sql, alias, "columns are named inside the query, with AS")
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
