"""Rules about a batch as a whole: its statistics, its distributions, its columns."""

import math

from mlops_dagster.rules import parse_rule, parse_statistic
from mlops_dagster.rules.kinds import Kind, kind_of_type
from mlops_dagster.rules.patterns import regex_problem
from mlops_dagster.spec.check_texts import Drafts, Path, check_expression, grouped, parsed
from mlops_dagster.spec.distribution_text import distribution_text
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import show
from mlops_dagster.spec.resolve_references import check_pointed, find_input
from mlops_dagster.spec.rule_checks import Check, ColumnsMatch, SpreadAsIn
from mlops_dagster.spec.rule_demands import Bounded, ColumnsDemand, Distribution
from mlops_dagster.spec.rule_texts import number_text
from mlops_dagster.spec.rule_values import Distance
from mlops_dagster.spec.spark_types import TYPE_NAMES, is_spark_type
from mlops_dagster.spec.table_columns import check_column
from mlops_dagster.spec.tables import Rule

# What the chain of additions of a distribution's text may be.
MOST_SHARES = 20


def resolve_statistic(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return the bounds of a statistic as a text, and its check; None after telling why not."""
    demand = rule.statistic
    if demand is None:
        raise TypeError("no statistic")
    low, high = demand.at_least, demand.at_most
    if low is None and high is None:
        draft.source.report(
            *path, kind, expected="one of the keys at_least, at_most", found="none of them"
        )
        return None
    if low is not None and high is not None and low > high:
        draft.source.report(
            *path, kind, "at_least", expected=f"no more than at_most, {high:g}", found=f"{low:g}"
        )
    # On its own first, so that a mistake is told with its place in what was written.
    if parsed(draft, (*path, kind, "of"), demand.of, parse_statistic) is None:
        return None
    text = _bounds_text(demand)
    expression = parsed(draft, (*path, kind), text, parse_rule)
    if expression is None:
        return None
    check_expression(draft, expression, (*path, kind, "of"))
    return grouped(draft, rule, expression, text, path)


def _bounds_text(demand: Bounded) -> str:
    low, high = (
        None if bound is None else number_text(bound) for bound in (demand.at_least, demand.at_most)
    )
    if low is None:
        return f"{demand.of} <= {high}"
    return f"{demand.of} >= {low}" if high is None else f"{demand.of} between {low} and {high}"


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
    check_column(draft, demand.column, *path, kind, "column")
    if draft.columns is not None and demand.column not in draft.columns:
        return None
    if demand.as_in is not None:
        return _spread_as_in(draft, drafts, demand, demand.as_in, (*path, kind))
    text = distribution_text(demand)
    expression = parsed(draft, (*path, kind), text, parse_rule)
    if expression is None:
        return None
    check_expression(draft, expression, (*path, kind))
    return grouped(draft, rule, expression, text, path)


def _spread_as_in(
    draft: Draft, drafts: Drafts, demand: Distribution, as_in: str, path: Path
) -> tuple[str, Check] | None:
    source, _, other = as_in.partition(".")
    if not source or not other:
        draft.source.report(
            *path, "as_in", expected="a column of an input: 'input.column'", found=show(as_in)
        )
        return None
    read = find_input(draft, drafts, source, (*path, "as_in"))
    if read is None:
        return None
    check_pointed(draft, read, other, (*path, "as_in"), mine=demand.column)
    mine = (draft.columns or {}).get(demand.column)
    kind = None if mine is None else kind_of_type(mine)
    wanted = (Kind.NUMBER,) if demand.distance is Distance.KS else (Kind.NUMBER, Kind.TEXT)
    if kind is not None and kind not in wanted:
        draft.source.report(
            *path,
            "column",
            expected=f"a column of {' or '.join(one.value[2:] + 's' for one in wanted)}",
            found=f"{demand.column}, {mine}",
        )
        return None
    text = f"{demand.column} is spread as {as_in}, {demand.distance.value} at most"
    return f"{text} {demand.at_most:g}", SpreadAsIn(demand, source, other)


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
    given = (demand.have, demand.lack, demand.are, demand.match, demand.types, demand.fits)
    if not any(given):
        keys = "have, lack, are, match, types, fits"
        draft.source.report(*path, kind, expected=f"one of the keys {keys}", found="none of them")
        return None
    for key, types in (("types", demand.types), ("fits", demand.fits)):
        for name, wanted in (types or {}).items():
            if not is_spark_type(wanted):
                draft.source.report(
                    *path,
                    kind,
                    key,
                    name,
                    expected="a Spark type such as bigint or decimal(10,2)",
                    found=show(wanted),
                    names=TYPE_NAMES,
                    nearest_to=wanted,
                )
    return _columns_text(demand), ColumnsMatch(demand)


def _distribution_problem(demand: Distribution) -> str | None:
    bounded = demand.distance in (Distance.TOTAL_VARIATION, Distance.KS)
    if bounded and demand.at_most >= 1:
        return f"{demand.distance.value} is at most 1, so 'at_most' must be below that"
    if demand.as_in is not None:
        written = bool(demand.expected or demand.edges or demand.shares)
        return "'as_in' says what is expected; nothing else can" if written else None
    return _written_problem(demand)


def _written_problem(demand: Distribution) -> str | None:
    """Return what is wrong with shares that are written out, or None."""
    if demand.bins is not None:
        return "'bins' is about 'as_in'; here what is expected has its own bins"
    if demand.distance is Distance.KS and demand.expected:
        return "ks compares numbers, so it needs 'edges' with 'shares', or 'as_in'"
    if bool(demand.expected) == bool(demand.edges or demand.shares):
        return (
            "either 'expected' (texts), 'edges' with 'shares' (numbers) or 'as_in' says what is "
            "expected"
        )
    return _shares_problem(demand)


def _shares_problem(demand: Distribution) -> str | None:
    shares = list(demand.expected.values()) or demand.shares
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
    if demand.are:
        parts.append("has just " + ", ".join(demand.are))
    for word, types in (("is", demand.types), ("fits into", demand.fits)):
        parts += [f"{name} {word} {wanted}" for name, wanted in (types or {}).items()]
    if demand.lack:
        parts.append("has no " + ", ".join(demand.lack))
    if demand.match is not None:
        parts.append(f"names match '{demand.match}'")
    return "the table " + "; ".join(parts)
