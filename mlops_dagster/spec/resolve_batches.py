"""Rules about a batch as a whole: its distributions, its columns, its place in history."""

import math

from mlops_dagster.rules import parse_rule, parse_statistic
from mlops_dagster.rules.patterns import regex_problem
from mlops_dagster.spec.check_texts import Drafts, Path, check_expression, grouped, parsed
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.rule_checks import Check, ColumnsMatch, History
from mlops_dagster.spec.rule_kinds import Change, ColumnsDemand, Distribution, Usual
from mlops_dagster.spec.rule_texts import distribution_text
from mlops_dagster.spec.table_columns import check_column
from mlops_dagster.spec.tables import Rule
from mlops_dagster.windows import Grain

# What the chain of additions of a distribution's text may be.
MOST_SHARES = 20


def resolve_distribution(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return a distribution as a text, and its check; None after telling why there is none."""
    demand = rule.distribution
    if demand is None:
        raise TypeError("no distribution")
    problem = _distribution_problem(demand)
    if problem is not None:
        draft.source.report(*path, kind, problem=problem, at_key=True)
        return None
    if check_column(draft, demand.column, *path, kind, "column") is None and draft.columns:
        return None
    text = distribution_text(demand)
    expression = parsed(draft, (*path, kind), text, parse_rule)
    if expression is None:
        return None
    check_expression(draft, expression, (*path, kind))
    return grouped(draft, rule, expression, text, path)


def resolve_columns(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return a demand on columns in words, and its check; None after telling why not."""
    demand = rule.columns
    if demand is None:
        raise TypeError("no demand on columns")
    if demand.match is not None:
        problem = regex_problem(demand.match)
        if problem is not None:
            draft.source.report(*path, kind, "match", problem=f"the pattern is refused: {problem}")
            return None
    if not (demand.have or demand.lack or demand.match):
        draft.source.report(
            *path, kind, expected="one of the keys have, lack, match", found="none of them"
        )
        return None
    return _columns_text(demand), ColumnsMatch(demand)


def resolve_history(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return what is held against history, in words, and its check; None after telling why not."""
    demand = rule.change or rule.usual
    if demand is None:
        raise TypeError("no statistic to compare with earlier ones")
    statistic = parsed(draft, (*path, kind, "of"), demand.of, parse_statistic)
    if statistic is None:
        return None
    check_expression(draft, statistic, (*path, kind, "of"))
    _check_same(draft, demand, (*path, kind, "same"))
    if rule.usual is not None and rule.usual.at_least.count > rule.usual.last.count:
        draft.source.report(
            *path,
            kind,
            "at_least",
            expected=f"no more than last, '{rule.usual.last}'",
            found=f"'{rule.usual.at_least}'",
        )
    if rule.change is not None:
        of_week = "" if demand.same is None else f" in a week, on the same {demand.same}"
        text = f"{demand.of} changes by at most {rule.change.at_most}{of_week}"
        return text, History(statistic, rule.change)
    usual = rule.usual
    if usual is None:
        raise TypeError("no statistic to compare with earlier ones")
    alike = "" if usual.same is None else f" of the same {usual.same}"
    text = f"{demand.of} lies within {usual.sigma:g} sigma of the last {usual.last}{alike}"
    return text, History(statistic, usual)


def _check_same(draft: Draft, demand: Change | Usual, path: Path) -> None:
    """Report a weekday where windows have none: they are days or hours."""
    if demand.same is None or not draft.calendar_known or not draft.windowed_known:
        return
    grain = draft.calendar.grain if draft.windowed and draft.calendar is not None else None
    if grain not in (Grain.DAY, Grain.HOUR):
        draft.source.report(
            *path,
            expected="windows of a day or an hour, which have a weekday",
            found="no windows" if grain is None else f"windows of a {grain.value}",
        )


def _distribution_problem(demand: Distribution) -> str | None:
    shares = list(demand.expected.values()) or demand.shares
    if bool(demand.expected) == bool(demand.edges or demand.shares):
        return "either 'expected' (texts) or 'edges' with 'shares' (numbers) says what is expected"
    if not demand.expected and len(demand.shares) != len(demand.edges) + 1:
        return (
            f"{len(demand.edges)} edges make {len(demand.edges) + 1} bins, "
            f"but there are {len(demand.shares)} shares"
        )
    if sorted(set(demand.edges)) != demand.edges:
        return "the edges must rise"
    if len(shares) > MOST_SHARES:
        return f"{len(shares)} shares are more than the {MOST_SHARES} allowed"
    if any(share < 0 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-6):
        return f"shares are at least 0 and add up to 1, these to {sum(shares):.6g}"
    return None


def _columns_text(demand: ColumnsDemand) -> str:
    """Return a demand on columns in words."""
    parts = []
    if demand.have:
        parts.append(("is " if demand.in_order else "has ") + ", ".join(demand.have))
    if demand.lack:
        parts.append("has no " + ", ".join(demand.lack))
    if demand.match is not None:
        parts.append(f"names match '{demand.match}'")
    return "the table " + "; ".join(parts)
