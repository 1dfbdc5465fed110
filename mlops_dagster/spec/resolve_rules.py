"""The rules of a table: parsed, checked against its columns, defaults applied."""

import re
from collections.abc import Callable
from typing import Literal, TypeVar

from mlops_dagster.errors import ExpressionError, nearest_name
from mlops_dagster.rules import Expression, Limit, check_columns, parse_limit, parse_rule
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import show
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.source import Source
from mlops_dagster.spec.tables import OnFail, Rule
from mlops_dagster.spec.use_case import Project, UseCase
from mlops_dagster.spec.workspace import ResolvedRule

Parsed = TypeVar("Parsed")

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


def resolve_rules(draft: Draft) -> None:
    """Parse the rules of a table into its draft, reporting what is wrong with any of them."""
    taken = {rule.name for rule in draft.spec.rules if rule.name is not None}
    explicit: dict[str, int] = {}
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
        resolved = _resolve(draft, rule, number, taken)
        if resolved is not None:
            taken.add(resolved.name)
            draft.rules.append(resolved)


def parse_text(
    source: Source[UseCase] | Source[Project],
    path: tuple[Key, ...],
    text: str,
    parse: Callable[[str], Parsed],
) -> Parsed | None:
    """Parse a text that stands in YAML; report why it cannot be, at its line and character."""
    try:
        return parse(text)
    except ExpressionError as error:
        source.report(
            *path,
            problem=f"{error.problem} at character {error.column} of {show(text)}",
            expected=error.expected,
            found=error.found,
            names=() if error.nearest is None else (error.nearest,),
            nearest_to=error.nearest,
            next_step=error.next_step,
        )
        return None


def _resolve(draft: Draft, rule: Rule, number: int, taken: set[str]) -> ResolvedRule | None:
    path = draft.path("rules", number)
    source = draft.source

    def parse(text: str) -> Expression:
        return parse_rule(text, table=draft.ref.name)

    expression = parse_text(source, (*path, "rule"), rule.rule, parse)
    when = None if rule.when is None else parse_text(source, (*path, "when"), rule.when, parse)
    warn_if = _limit(source, (*path, "warn_if"), rule.warn_if)
    fail_if = _limit(source, (*path, "fail_if"), rule.fail_if)
    for key, parsed in (("rule", expression), ("when", when)):
        if parsed is not None:
            _check_columns(draft, parsed, (*path, key))
    if when is not None and when.aggregates:
        source.report(*path, "when", problem="'when' chooses rows, it cannot be about the data set")
    if expression is None:
        return None
    about: Literal["rows", "data_set"] = "data_set" if expression.aggregates else "rows"
    _check_combination(draft, rule, about, path)
    if warn_if is not None and fail_if is not None:
        _check_limits(source, path, warn_if, fail_if)
    return ResolvedRule(
        name=rule.name or _name(rule.rule, taken),
        spec=rule,
        expression=expression,
        when=when,
        about=about,
        on_fail=_on_fail(rule, about),
        warn_if=warn_if,
        fail_if=fail_if,
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
        for key, text in (
            ("when", rule.when),
            ("warn_if", rule.warn_if),
            ("fail_if", rule.fail_if),
        ):
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


def _check_columns(draft: Draft, expression: Expression, path: tuple[Key, ...]) -> None:
    columns = draft.columns
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
