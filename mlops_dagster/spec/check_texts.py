"""Texts of rules, parsed and held against the columns of their table."""

from collections.abc import Callable, Mapping

from mlops_dagster.errors import nearest_name
from mlops_dagster.rules import Expression, check_columns
from mlops_dagster.rules.nodes import MomentName
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.parse_text import parse_text
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.rule_checks import Check, Condition, Grouped
from mlops_dagster.spec.table_columns import check_column
from mlops_dagster.spec.tables import Rule

Path = tuple[Key, ...]
Drafts = Mapping[TableRef, Draft]


def parsed(
    draft: Draft,
    path: Path,
    text: str,
    parse: Callable[..., Expression],
    *,
    table: str | None = None,
) -> Expression | None:
    """Return a text parsed, or None after telling why it cannot be.

    Args:
        draft: The table whose file the text stands in.
        path: Its place there.
        text: The text.
        parse: What reads it: parse_rule, parse_relative or parse_statistic.
        table: What may stand before its columns, if not the table's own name.
    """
    return parse_text(
        draft.source, path, text, lambda one: parse(one, table=table or draft.ref.name)
    )


def check_expression(draft: Draft, expression: Expression, path: Path) -> None:
    """Report columns that a text names and the table does not have, and clashes of kinds."""
    check_names(draft, draft, expression, path)
    bounds = expression.moments & {MomentName.WINDOW_START, MomentName.WINDOW_END}
    if bounds and draft.windowed_known and not draft.windowed:
        draft.source.report(
            *path,
            problem=f"{draft.ref} has no windows, so there is no {sorted(bounds)[0].value}()",
        )


def grouped(
    draft: Draft, rule: Rule, expression: Expression, text: str, path: Path
) -> tuple[str, Check] | None:
    """Return the check of a condition, by groups where the rule says so; None after telling."""
    if rule.by is None:
        return text, Condition(expression)
    for number, name in enumerate(rule.by):
        check_column(draft, name, *path, "by", number)
    if not expression.aggregates:
        draft.source.report(
            *path,
            "by",
            problem="'by' groups rows for a statistic, and the rule has none",
            at_key=True,
        )
        return None
    return f"{text} by {', '.join(rule.by)}", Grouped(expression, tuple(rule.by))


def check_names(draft: Draft, looked_into: Draft, expression: Expression, path: Path) -> None:
    """Report, in a table's file, what a text has wrong about the columns of a table."""
    columns = looked_into.columns
    if columns is None:
        return
    types = {name: kind for name, kind in columns.items() if kind is not None}
    if len(types) == len(columns):
        for problem in check_columns(expression, types):
            draft.source.report(*path, problem=problem)
        return
    for name in sorted(expression.columns - columns.keys()):
        near = nearest_name(name, columns)
        draft.source.report(
            *path,
            problem=f"unknown column {name}" + (f" (did you mean {near}?)" if near else ""),
        )
