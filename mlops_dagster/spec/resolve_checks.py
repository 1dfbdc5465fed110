"""From the kind of a rule to how its answer is found, with what cannot be told at its place."""

from collections.abc import Callable, Mapping

from mlops_dagster.rules import parse_relative, parse_rule
from mlops_dagster.spec.check_texts import Drafts, Path, check_expression, grouped, parsed
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.resolve_batches import (
    resolve_columns,
    resolve_distribution,
    resolve_history,
)
from mlops_dagster.spec.resolve_references import resolve_agreement, resolve_reference
from mlops_dagster.spec.rule_checks import Check, Relative, Unique
from mlops_dagster.spec.rule_texts import rule_text
from mlops_dagster.spec.table_columns import check_column
from mlops_dagster.spec.tables import Rule


def resolve_check(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return what a rule demands in words, and its check; None after telling why there is none."""
    resolve = _RESOLVE.get(kind, _condition)
    return resolve(draft, drafts, rule, kind, path)


def _condition(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    text = rule_text(kind, rule)
    if text is None:
        raise TypeError(f"nothing says what a rule of kind {kind} demands")
    # A text of the user's own stands in the entry itself where that is a bare text.
    expression = parsed(draft, (*path, kind), text, parse_rule)
    if expression is None:
        return None
    check_expression(draft, expression, (*path, kind))
    return grouped(draft, rule, expression, text, path)


def _outliers(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    text = rule_text(kind, rule) or ""
    expression = parsed(draft, (*path, kind), text, parse_relative)
    if expression is None:
        return None
    check_expression(draft, expression, (*path, kind))
    return text, Relative(expression)


def _unique(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    if rule.unique is None:
        return "no two rows are equal", Unique(())
    for number, name in enumerate(rule.unique):
        check_column(draft, name, *path, kind, number)
        if name in rule.unique[:number]:
            draft.source.report(*path, kind, number, problem=f"the column '{name}' stands twice")
    return f"one row for each {', '.join(rule.unique)}", Unique(tuple(rule.unique))


_Resolve = Callable[[Draft, Drafts, Rule, str, Path], tuple[str, Check] | None]
_RESOLVE: Mapping[str, _Resolve] = {
    "outliers": _outliers,
    "unique": _unique,
    "distinct_rows": _unique,
    "references": resolve_reference,
    "absent_from": resolve_reference,
    "distribution": resolve_distribution,
    "columns": resolve_columns,
    "change": resolve_history,
    "usual": resolve_history,
    "agrees": resolve_agreement,
}
