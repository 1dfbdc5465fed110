"""Where the columns of a query come from: the inputs' columns that each one is computed from.

Only what a column's value is computed from counts, not what filters, joins or groups rows.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

Source = tuple[str, str]
Sources = frozenset[Source]


@dataclass
class Relation:
    """A table, CTE or subquery: its known columns, and inputs whose columns pass by unknown."""

    columns: dict[str, Sources] = field(default_factory=dict)
    passes_on: tuple[str, ...] = ()

    def find(self, column: str) -> Sources | None:
        """Return the sources of a column by its name in any case; None when there is none."""
        for name, sources in self.columns.items():
            if name.lower() == column.lower():
                return sources
        if self.passes_on:
            return frozenset((table, column) for table in self.passes_on)
        return None


def query_relation(
    query: exp.Query, inputs: Iterable[str], columns: Mapping[str, Collection[str]]
) -> Relation:
    """Return the output of a query as a relation.

    Args:
        query: A checked query.
        inputs: Names of the inputs.
        columns: Their columns, where known.
    """
    relations = {
        name: Relation({column: frozenset({(name, column)}) for column in columns[name]})
        if name in columns
        else Relation(passes_on=(name,))
        for name in inputs
    }
    with_ = query.args.get("with_")
    for cte in with_.expressions if with_ is not None else ():
        relations[cte.alias] = _output(cte.this, relations, {})
    return _output(query, relations, {})


def _output(
    query: exp.Expr, relations: Mapping[str, Relation], outer: Mapping[str, Relation]
) -> Relation:
    if isinstance(query, exp.Subquery):
        return _output(query.this, relations, outer)
    if isinstance(query, exp.SetOperation):
        return _union(
            _output(query.this, relations, outer), _output(query.expression, relations, outer)
        )
    if not isinstance(query, exp.Select):
        return Relation()
    return _Select(query, relations, outer).output()


def _union(left: Relation, right: Relation) -> Relation:
    """Columns of a set operation meet by position and bear the left side's names."""
    sides = list(right.columns.values())
    merged = {
        name: sources | (sides[index] if index < len(sides) else frozenset())
        for index, (name, sources) in enumerate(left.columns.items())
    }
    return Relation(merged, (*left.passes_on, *right.passes_on))


class _Select:
    """Resolves the names of one SELECT."""

    def __init__(
        self, select: exp.Select, relations: Mapping[str, Relation], outer: Mapping[str, Relation]
    ) -> None:
        self._select = select
        self._relations = relations
        self._scope: dict[str, Relation] = {}
        self._outer = outer
        self._earlier: dict[str, Sources] = {}
        from_ = select.args.get("from_")
        for part in (from_, *(select.args.get("joins") or ())):
            if part is not None:
                self._enter(part.this)

    def _enter(self, table: exp.Expr) -> None:
        if isinstance(table, exp.Table):
            found = self._relations.get(table.name, Relation())
            self._scope[table.alias_or_name] = found
        elif isinstance(table, exp.Subquery):
            name = table.alias or f"\0{len(self._scope)}"
            self._scope[name] = _output(table.this, self._relations, self._outer)
        for join in table.args.get("joins") or ():
            self._enter(join.this)

    def output(self) -> Relation:
        result = Relation()
        for projection in self._select.expressions:
            if projection.is_star:
                self._star(projection, result)
            elif isinstance(projection, exp.Aliases):
                sources = self._sources(projection.this)
                result.columns.update({name.name: sources for name in projection.expressions})
            else:
                sources = self._sources(projection)
                result.columns[projection.alias_or_name] = sources
                self._earlier[projection.alias_or_name.lower()] = sources
        return result

    def _star(self, projection: exp.Expr, result: Relation) -> None:
        star = projection.this if isinstance(projection, exp.Column) else projection
        left_out = {name.name.lower() for name in star.args.get("except_") or ()}
        table = projection.table if isinstance(projection, exp.Column) else ""
        chosen = [self._scope[table]] if table in self._scope else list(self._scope.values())
        for relation in chosen:
            for name, sources in relation.columns.items():
                if name.lower() not in left_out:
                    result.columns[name] = sources
            result.passes_on += relation.passes_on

    def _sources(self, node: exp.Expr, bound: frozenset[str] = frozenset()) -> Sources:
        """Return the sources of an expression; `bound` are the parameters of lambdas around it."""
        if isinstance(node, exp.Column):
            return frozenset() if node.name in bound else self._column(node)
        if isinstance(node, exp.Query):
            inside = _output(node, self._relations, {**self._outer, **self._scope})
            return _joined(inside.columns.values())
        if isinstance(node, exp.Lambda):
            bound |= {parameter.name for parameter in node.expressions}
            return self._sources(node.this, bound)
        if isinstance(node, exp.Window):
            # What partitions and orders a window chooses rows; only its function computes.
            return self._sources(node.this, bound)
        return _joined(self._sources(child, bound) for child in node.iter_expressions())

    def _column(self, column: exp.Column) -> Sources:
        # `t.column` or, when no relation bears the first name, a field of a struct column.
        first = column.parts[0].name
        for scope in (self._scope, self._outer):
            if len(column.parts) > 1 and first in scope:
                return scope[first].find(column.parts[1].name) or frozenset()
        for scope in (self._scope, self._outer):
            known = [relation for relation in scope.values() if not relation.passes_on]
            found = [sources for relation in known if (sources := relation.find(first)) is not None]
            if found:
                return _joined(found)
            if first.lower() in self._earlier:
                return self._earlier[first.lower()]
            passing = [relation.find(first) for relation in scope.values() if relation.passes_on]
            if passing:
                return _joined(filter(None, passing))
        return frozenset()


def _joined(found: Iterable[Sources]) -> Sources:
    return frozenset().union(*found)
