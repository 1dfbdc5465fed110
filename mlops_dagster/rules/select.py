"""SQL files: one SELECT over declared inputs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_dagster.rules.places import Span, error_at

if TYPE_CHECKING:
    from sqlglot import exp

    from mlops_dagster.rules.sql_tokens import SqlText
    from mlops_dagster.rules.sql_tree import TableUse


@dataclass(frozen=True)
class SelectStatement:
    """A checked SELECT. Two statements of the same text over the same inputs are equal.

    Args:
        text: The file's text.
        tables: The inputs that it reads.
        output_columns: Its columns in order; None where a `*` hides them.
    """

    text: str
    tables: frozenset[str]
    output_columns: tuple[str, ...] | None
    _sql: "SqlText" = field(repr=False, compare=False)
    _query: "exp.Query" = field(repr=False, compare=False)
    _uses: "tuple[TableUse, ...]" = field(repr=False, compare=False)
    _columns: Mapping[str, Collection[str]] = field(repr=False, compare=False)

    @cached_property
    def normalised(self) -> str:
        """The statement without comments and layout: equal for texts that differ only in these."""
        return self._sql.normalised

    @cached_property
    def column_lineage(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Output column -> the sorted (input, column) pairs that its value is computed from.

        A column that no table is written before, and that several inputs of unknown columns may
        have, is attributed to each of them.
        """
        from mlops_dagster.rules.lineage import query_relation

        relation = query_relation(self._query, self.tables, self._columns)
        return {name: tuple(sorted(sources)) for name, sources in relation.columns.items()}

    @cached_property
    def unique_by(self) -> frozenset[str] | None:
        """Columns (in lower case) by which its rows differ whatever the inputs hold, or None."""
        from mlops_dagster.rules.unique_rows import unique_rows

        return unique_rows(self._query)

    def render(self, names: Mapping[str, str]) -> str:
        """Return Spark SQL that reads the view `names[input]` wherever the text reads `input`.

        Columns qualified by the input's name stay valid, comments are left out, lines are kept.

        Raises:
            KeyError: an input without a view.
        """
        replacements: dict[int, str] = {}
        for use in self._uses:
            view = _quoted(names[use.table])
            alias = "" if use.has_alias else f" AS {_quoted(use.table)}"
            replacements[use.span.start] = view + alias
        return self._sql.replaced(replacements)


def parse_select(
    text: str, inputs: Collection[str], *, columns: Mapping[str, Collection[str]] | None = None
) -> SelectStatement:
    """Parse a SQL file and refuse whatever is not a plain, repeatable SELECT over `inputs`.

    Allowed are joins, subqueries, set operations, grouping, windows, one WITH at the beginning, and
    the functions listed in `rules.spark_functions`.

    Args:
        text: The file's text.
        inputs: Names of the tables that it may read.
        columns: Columns of inputs, where known; they let `*` and unqualified columns be resolved.

    Raises:
        ExpressionError: with the line and column of the first thing that is not allowed.
    """
    # Imported here: loading the SQL parser takes a tenth of a second, and rules do not need it.
    from mlops_dagster.rules.lineage import query_relation
    from mlops_dagster.rules.sql_tokens import tokenise_sql
    from mlops_dagster.rules.sql_tree import check_tree, parse_tree

    sql = tokenise_sql(text)
    known = dict(columns or {})
    try:
        query = parse_tree(sql)
        uses = check_tree(sql, query, inputs)
        tables = frozenset(use.table for use in uses)
        hidden = _check_outputs(sql, query)
        relation = query_relation(query, tables, known) if hidden else None
    except RecursionError as error:
        raise error_at(text, Span(0, 1), "the text is nested too deeply") from error
    if relation is None:
        outputs: tuple[str, ...] | None = tuple(query.named_selects)
    else:
        outputs = None if relation.passes_on else tuple(relation.columns)
    return SelectStatement(
        text=text,
        tables=tables,
        output_columns=outputs,
        _sql=sql,
        _query=query,
        _uses=uses,
        _columns=known,
    )


def _check_outputs(sql: "SqlText", query: "exp.Query") -> bool:
    """Refuse columns without a name or of one name; tell whether a `*` or generator hides some."""
    from sqlglot import exp

    from mlops_dagster.rules.sql_places import place_of

    if not query.selects:
        raise error_at(sql.text, place_of(sql, query), "a SELECT without columns")
    seen: set[str] = set()
    hidden = False
    for projection in query.selects:
        name = _output_name(projection)
        if isinstance(projection, exp.Star | exp.Aliases) or name == "*":
            hidden = True
        elif name is None:
            raise error_at(
                sql.text,
                place_of(sql, projection),
                "an output column without a name",
                next_step="Add AS and a name",
            )
        elif name.lower() in seen:
            raise error_at(
                sql.text, place_of(sql, projection), f"two output columns are called {name}"
            )
        seen.add(str(name).lower())
    return hidden


def _output_name(projection: "exp.Expr") -> str | None:
    """Return the name of an output column: its alias, or the column or field that it repeats."""
    from sqlglot import exp

    if isinstance(projection, exp.Alias | exp.Subquery):
        return projection.alias or None
    if isinstance(projection, exp.Column):
        return projection.name
    if isinstance(projection, exp.Dot):
        return projection.expression.name or None
    return None


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
