"""From the kind of a rule to how its answer is found, with what cannot be told at its place."""

from collections.abc import Callable, Mapping

from mlops_dagster.rules import parse_relative, parse_rule
from mlops_dagster.spec.check_texts import Drafts, Path, check_expression, grouped, parsed
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.resolve_batches import (
    resolve_columns,
    resolve_distribution,
    resolve_statistic,
)
from mlops_dagster.spec.resolve_history import (
    resolve_failures,
    resolve_forecast,
    resolve_history,
)
from mlops_dagster.spec.resolve_references import (
    resolve_agreement,
    resolve_cover,
    resolve_reference,
    resolve_same_rows,
)
from mlops_dagster.spec.rule_checks import Check, Entropy, FullSlots, Relative, Rising, Unique
from mlops_dagster.spec.rule_texts import rule_text
from mlops_dagster.spec.table_columns import TIME_TYPES, check_column, check_ordered
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


def _rising(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    if rule.rising is None or len(rule.rising) != 1:
        draft.source.report(
            *path,
            kind,
            expected="one column and the one it follows",
            found=f"{len(rule.rising or ())}",
        )
        return None
    ((name, order),) = rule.rising.items()
    check_ordered(draft, name, *path, kind, name, at_key=True)
    check_ordered(draft, order, *path, kind, name)
    by = tuple(rule.by or ())
    for number, one in enumerate(by):
        check_column(draft, one, *path, "by", number)
    if len({name, order, *by}) < len(by) + 2:
        draft.source.report(
            *path, kind, problem="a column stands twice in what rises and its order"
        )
        return None
    within = f" by {', '.join(by)}" if by else ""
    return f"{name} does not fall in the order of {order}{within}", Rising(name, order, by)


def _slots(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    demand = rule.rows_each
    if demand is None:
        raise TypeError("no slots")
    found = check_column(draft, demand.column, *path, kind, "column")
    if found is not None and found not in TIME_TYPES:
        draft.source.report(
            *path, kind, "column", expected="a column of type timestamp or date", found=found
        )
    by = tuple(demand.by or ())
    for number, name in enumerate(by):
        check_column(draft, name, *path, kind, "by", number)
    if draft.windowed_known and not draft.windowed:
        draft.source.report(
            *path, kind, problem=f"{draft.ref} has no windows, so there are no slots in them"
        )
    seconds = int(demand.every.elapsed.total_seconds())
    if seconds == 0:
        draft.source.report(
            *path, kind, "every", expected="a span above 0", found=f"'{demand.every}'"
        )
        return None
    rows = "a row" if demand.at_least == 1 else f"{demand.at_least} rows"
    each = f" for each {', '.join(by)}" if by else ""
    text = f"every {demand.every} of {demand.column} has {rows}{each}"
    return text, FullSlots(demand.column, seconds, demand.at_least, by)


def _entropy(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    if rule.entropy is None or len(rule.entropy) != 1:
        found = f"{len(rule.entropy or ())}"
        draft.source.report(*path, kind, expected="one column with its bounds", found=found)
        return None
    ((name, (low, high)),) = rule.entropy.items()
    check_column(draft, name, *path, kind, name, at_key=True)
    if not 0 <= low <= high:
        draft.source.report(
            *path,
            kind,
            name,
            expected="two rising numbers of at least 0",
            found=f"{low:g}, {high:g}",
        )
    return f"entropy of {name} between {low:g} and {high:g} bits", Entropy(name, low, high)


_Resolve = Callable[[Draft, Drafts, Rule, str, Path], tuple[str, Check] | None]
_RESOLVE: Mapping[str, _Resolve] = {
    "outliers": _outliers,
    "unique": _unique,
    "distinct_rows": _unique,
    "references": resolve_reference,
    "absent_from": resolve_reference,
    "statistic": resolve_statistic,
    "distribution": resolve_distribution,
    "columns": resolve_columns,
    "change": resolve_history,
    "usual": resolve_history,
    "forecast": resolve_forecast,
    "fails_as_usual": resolve_failures,
    "agrees": resolve_agreement,
    "same_rows": resolve_same_rows,
    "covers": resolve_cover,
    "same_values": resolve_cover,
    "rising": _rising,
    "rows_each": _slots,
    "entropy": _entropy,
}
