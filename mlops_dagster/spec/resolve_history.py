"""Rules about a batch's place in history: statistics and failures against those before."""

from mlops_dagster.rules import parse_statistic
from mlops_dagster.spec.check_texts import Drafts, Path, check_expression, parsed
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.rule_checks import Check, FailsAsUsual, History
from mlops_dagster.spec.rule_demands import Change, Forecast, Usual, UsualFailures
from mlops_dagster.spec.tables import Rule
from mlops_dagster.windows import Grain


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
    if rule.usual is not None:
        _check_reach(draft, rule.usual, (*path, kind))
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


def resolve_forecast(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return what is held against a forecast, in words, and its check; None after telling why."""
    demand = rule.forecast
    if demand is None:
        raise TypeError("no statistic to compare with a forecast")
    statistic = parsed(draft, (*path, kind, "of"), demand.of, parse_statistic)
    if statistic is None:
        return None
    check_expression(draft, statistic, (*path, kind, "of"))
    _check_reach(draft, demand, (*path, kind))
    needed = 3 if demand.season is None else 2 * demand.season.count + 1
    if demand.season is not None and demand.season.count < 2:
        draft.source.report(
            *path, kind, "season", expected="at least 2 windows", found=f"'{demand.season}'"
        )
    elif demand.at_least.count < needed:
        draft.source.report(
            *path,
            kind,
            "at_least",
            expected=f"at least {needed} windows"
            + (", two seasons and one more" if demand.season is not None else ""),
            found=f"'{demand.at_least}'",
            at_key=not draft.source.keys_at(*path, kind).count("at_least"),
        )
    season = "" if demand.season is None else f" with a season of {demand.season}"
    text = f"{demand.of} lies within {demand.sigma:g} sigma of its forecast{season}"
    return text, History(statistic, demand)


def resolve_failures(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return which rule must fail no more than usual, in words, and its check."""
    demand = rule.fails_as_usual
    if demand is None:
        raise TypeError("no rule to compare with earlier batches")
    _check_reach(draft, demand, (*path, kind))
    text = f"{demand.rule} fails within {demand.sigma:g} sigma of the last {demand.last}"
    return text, FailsAsUsual(demand)


def _check_reach(draft: Draft, demand: Usual | Forecast | UsualFailures, path: Path) -> None:
    """Report a rule that needs more batches than it looks at."""
    if demand.at_least.count > demand.last.count:
        draft.source.report(
            *path,
            "at_least",
            expected=f"no more than last, '{demand.last}'",
            found=f"'{demand.at_least}'",
        )
