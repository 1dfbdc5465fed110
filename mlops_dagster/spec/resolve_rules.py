"""The rules of a table: parsed, checked against its columns, defaults applied."""

import re
from collections.abc import Mapping
from typing import Literal

from mlops_dagster.rules import Limit, parse_limit, parse_rule
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.check_texts import check_expression
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import show
from mlops_dagster.spec.parse_text import parse_text
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.resolve_checks import resolve_check
from mlops_dagster.spec.rule_checks import (
    Check,
    ColumnsMatch,
    Condition,
    FailsAsUsual,
    Grouped,
    KeyCheck,
    Relative,
    Rising,
)
from mlops_dagster.spec.source import Source
from mlops_dagster.spec.tables import OnFail, Rule
from mlops_dagster.spec.use_case import Project, UseCase
from mlops_dagster.spec.workspace import ResolvedRule

_WORDS = {
    "=>": " ",
    "<=": " at most ",
    ">=": " at least ",
    "!=": " is not ",
    "<>": " is not ",
    "==": " is ",
    "=": " is ",
    "<": " below ",
    ">": " above ",
    "+": " plus ",
    "-": " minus ",
    "*": " times ",
    "/": " by ",
    "%": " modulo ",
}
_SIGNS = re.compile("|".join(map(re.escape, _WORDS)))
_NAME_LENGTH = 60


def resolve_rules(draft: Draft, drafts: Mapping[TableRef, Draft]) -> None:
    """Parse the rules of a table into its draft, reporting what is wrong with any of them.

    Args:
        draft: The table.
        drafts: All tables; those that it reads know their columns already.
    """
    taken = {rule.name for rule in draft.spec.rules if rule.name is not None}
    explicit: dict[str, int] = {}
    places: dict[str, tuple[Key, ...]] = {}
    for number, rule in enumerate(draft.spec.rules):
        if rule.name is not None:
            if rule.name in explicit:
                draft.source.report(
                    *draft.path("rules", number, "name"),
                    problem=(
                        f"the name '{rule.name}' stands twice, first in line {explicit[rule.name]}"
                    ),
                )
            explicit.setdefault(rule.name, draft.source.line(*draft.path("rules", number)))
        resolved = _resolve(draft, drafts, rule, number, taken)
        if resolved is not None:
            taken.add(resolved.name)
            draft.rules.append(resolved)
            places[resolved.name] = draft.path("rules", number)
    _check_named_rules(draft, places)


def _check_named_rules(draft: Draft, places: Mapping[str, tuple[Key, ...]]) -> None:
    """Report rules that name one that the table does not have, or one that counts no rows."""
    if len(places) < len(draft.spec.rules):
        # Something is wrong with one of them, perhaps with the one that is named.
        return
    about_rows = [rule.name for rule in draft.rules if rule.about == "rows"]
    for rule in draft.rules:
        if isinstance(rule.check, FailsAsUsual) and rule.check.demand.rule not in about_rows:
            draft.source.report(
                *places[rule.name],
                rule.kind,
                "rule",
                expected="the name of a rule about rows of this table",
                found=f"'{rule.check.demand.rule}'",
                names=about_rows,
                nearest_to=rule.check.demand.rule,
            )


def _resolve(
    draft: Draft, drafts: Mapping[TableRef, Draft], rule: Rule, number: int, taken: set[str]
) -> ResolvedRule | None:
    path = draft.path("rules", number)
    source = draft.source
    kind = _kind(draft, rule, path)
    found = None
    if kind is not None and source.sound(*path, kind):
        found = resolve_check(draft, drafts, rule, kind, path)
    when = None
    if rule.when is not None:
        when = parse_text(
            source, (*path, "when"), rule.when, lambda one: parse_rule(one, table=draft.ref.name)
        )
    if when is not None:
        check_expression(draft, when, (*path, "when"))
        if when.aggregates:
            source.report(
                *path, "when", problem="'when' chooses rows, it cannot be about the data set"
            )
    warn_if = _limit(source, (*path, "warn_if"), rule.warn_if)
    fail_if = _limit(source, (*path, "fail_if"), rule.fail_if)
    if kind is None or found is None:
        return None
    text, check = found
    about = _about(check)
    _check_combination(draft, rule, about, path)
    _check_keys(draft, rule, kind, check, path)
    if warn_if is not None and fail_if is not None:
        _check_limits(source, path, warn_if, fail_if)
    return ResolvedRule(
        name=rule.name or _name(rule.title(kind), taken),
        spec=rule,
        kind=kind,
        text=text,
        check=check,
        when=when,
        about=about,
        on_fail=_on_fail(rule, about),
        warn_if=warn_if,
        fail_if=fail_if,
    )


def _kind(draft: Draft, rule: Rule, path: tuple[Key, ...]) -> str | None:
    kinds = rule.kinds
    if len(kinds) == 1:
        return kinds[0]
    if not draft.source.sound(*path):
        # What it was to be is wrong and has been told.
        return None
    draft.source.report(
        *path,
        expected="one key that says what must hold, such as rule, not_null or unique",
        found=" and ".join(kinds) or "none",
        at_key=True,
    )
    return None


def _about(check: Check) -> Literal["rows", "data_set"]:
    if isinstance(check, Condition):
        return "data_set" if check.expression.aggregates else "rows"
    return "rows" if isinstance(check, Relative | KeyCheck) else "data_set"


def _check_keys(draft: Draft, rule: Rule, kind: str, check: Check, path: tuple[Key, ...]) -> None:
    """Refuse keys that have no meaning for this kind of rule."""
    reads_none = {ColumnsMatch: "a rule about columns", FailsAsUsual: "a rule about another rule"}
    if type(check) in reads_none and rule.when is not None:
        draft.source.report(
            *path,
            "when",
            problem=f"'when' chooses rows, and {reads_none[type(check)]} reads none",
            at_key=True,
        )
    if rule.by is not None and not isinstance(check, Grouped | Rising):
        draft.source.report(
            *path,
            "by",
            problem=f"'by' groups rows for a statistic, which {kind} does not compute by group",
            at_key=True,
        )


def _on_fail(rule: Rule, about: Literal["rows", "data_set"]) -> OnFail:
    if rule.severity is Severity.CRITICAL:
        return OnFail.STOP
    if rule.on_fail is not None:
        return rule.on_fail
    return OnFail.QUARANTINE if about == "rows" else OnFail.STOP


def _check_combination(
    draft: Draft, rule: Rule, about: Literal["rows", "data_set"], path: tuple[Key, ...]
) -> None:
    source = draft.source
    if about == "data_set":
        if rule.on_fail in (OnFail.DROP, OnFail.QUARANTINE):
            source.report(
                *path,
                "on_fail",
                expected="'stop' or 'record': the rule is about the data set, not about rows",
                found=f"'{rule.on_fail.value}'",
            )
        for key, text in (("warn_if", rule.warn_if), ("fail_if", rule.fail_if)):
            if text is not None:
                source.report(
                    *path,
                    key,
                    problem=f"'{key}' is about failing rows, the rule is about the data set",
                    at_key=True,
                )
        return
    if rule.severity is Severity.CRITICAL and rule.on_fail not in (None, OnFail.STOP):
        source.report(
            *path,
            "on_fail",
            expected="'stop', which severity critical means",
            found=show(None if rule.on_fail is None else rule.on_fail.value),
        )
    if rule.on_fail is OnFail.STOP and rule.severity.rank < Severity.ERROR.rank:
        source.report(
            *path,
            "severity",
            expected="'error' or 'critical': the rule stops the batch",
            found=f"'{rule.severity.value}'",
        )
    if _on_fail(rule, about) is OnFail.STOP:
        for key, text in (("warn_if", rule.warn_if), ("fail_if", rule.fail_if)):
            if text is not None:
                source.report(
                    *path,
                    key,
                    problem=f"'{key}' has no effect: the first failing row stops the batch",
                    at_key=True,
                )


def _limit(
    source: Source[UseCase] | Source[Project], path: tuple[Key, ...], text: str | None
) -> Limit | None:
    return None if text is None else parse_text(source, path, text, parse_limit)


def _check_limits(
    source: Source[UseCase] | Source[Project], path: tuple[Key, ...], warn: Limit, fail: Limit
) -> None:
    if warn.kind == fail.kind and warn.value >= fail.value:
        source.report(
            *path,
            "warn_if",
            expected=f"less than fail_if, '{fail}'",
            found=f"'{warn}'",
        )


def _name(text: str, taken: set[str]) -> str:
    """Return a name for a rule without one: its text in words, numbered where that is taken."""
    words = _SIGNS.sub(lambda sign: _WORDS[sign[0]], text.lower())
    name = re.sub(r"[^a-z0-9]+", "_", words).strip("_")[:_NAME_LENGTH].rstrip("_")
    name = name if name[:1].isalpha() else f"rule_{name}".rstrip("_")
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
