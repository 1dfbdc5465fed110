"""By which columns the rows of a query differ, whatever its inputs hold: what it groups them by.

Read from the text alone: a GROUP BY of plain expressions that all stand in the column list, or a
DISTINCT, passed on by selects of one relation. Nothing else is known to keep rows apart.
"""

from collections.abc import Mapping

from sqlglot import exp

# Lower-case names of output columns that no two rows share; None where nothing is known.
Keys = frozenset[str] | None


def unique_rows(query: exp.Query) -> Keys:
    """Return output columns (in lower case) that tell all rows of a checked query apart, or None.

    Nulls count as equal values. Rows may be told apart by fewer columns, or by others, too.
    """
    known: dict[str, Keys] = {}
    with_ = query.args.get("with_")
    for cte in with_.expressions if with_ is not None else ():
        # Columns that are renamed in the head of a CTE are not followed.
        renamed = bool(cte.args["alias"].args.get("columns"))
        known[cte.alias.lower()] = None if renamed else _keys(cte.this, known)
    return _keys(query, known)


def _keys(query: exp.Expr, known: Mapping[str, Keys]) -> Keys:
    if not isinstance(query, exp.Select) or _makes_rows(query):
        return None
    outputs = _outputs(query)
    if query.args.get("distinct") is not None:
        plain = query.args["distinct"].args.get("on") is None and not _has_star(query)
        return frozenset(outputs) if plain else None
    group = query.args.get("group")
    if group is not None:
        return _grouped(group, outputs)
    return _passed_on(query, outputs, known)


def _grouped(group: exp.Group, outputs: Mapping[str, exp.Expr]) -> Keys:
    """Return the names of what rows are grouped by, if each part stands among the outputs."""
    if any(value for name, value in group.args.items() if name != "expressions"):
        return None
    found: set[str] = set()
    for part in group.expressions:
        if not isinstance(part, exp.Column | exp.Func | exp.Binary | exp.Cast):
            # A number means a place, and cubes and tuples group by several sets.
            return None
        names = [name for name, expression in outputs.items() if expression == part]
        if not names:
            return None
        found.add(names[0])
    return frozenset(found) or None


def _passed_on(
    query: exp.Select, outputs: Mapping[str, exp.Expr], known: Mapping[str, Keys]
) -> Keys:
    """Return the names that the keys of the one relation have in the output."""
    from_ = query.args.get("from_")
    if from_ is None or query.args.get("joins") or from_.this.args.get("joins"):
        return None
    source = from_.this
    if isinstance(source, exp.Table):
        keys = known.get(source.name.lower())
    elif isinstance(source, exp.Subquery) and not source.args.get("sample"):
        keys = _keys(source.this, known)
    else:
        return None
    if keys is None or _has_star(query):
        return None
    names = {
        expression.name.lower(): name
        for name, expression in outputs.items()
        if isinstance(expression, exp.Column)
        and (not expression.table or expression.table.lower() == source.alias_or_name.lower())
        and len(expression.parts) <= 2
    }
    return frozenset(names[key] for key in keys) if keys <= names.keys() else None


def _outputs(query: exp.Select) -> dict[str, exp.Expr]:
    return {
        projection.alias_or_name.lower(): projection.unalias() for projection in query.expressions
    }


def _has_star(query: exp.Select) -> bool:
    return any(projection.is_star for projection in query.expressions)


def _makes_rows(query: exp.Select) -> bool:
    """Tell whether a generator or `window` in the column list makes several rows of one."""
    return any(
        isinstance(node, exp.Aliases | exp.UDTF | exp.Explode | exp.Posexplode)
        or (isinstance(node, exp.Anonymous) and node.name.lower() == "window")
        for projection in query.expressions
        for node in projection.walk()
    )
