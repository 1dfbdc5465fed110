"""What the present rules would say of one row: rules in plain Python, nothing is read or written.

A guess for people, before a build decides: rules that look at other rows are left open.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

from mlops_dagster.data import builtin
from mlops_dagster.data.correction_values import correctable_types, is_correctable, read
from mlops_dagster.data.moments import moments_of
from mlops_dagster.rules.nodes import MomentName
from mlops_dagster.rules.oracle import evaluate
from mlops_dagster.rules.values import Value
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.rule_checks import Condition
from mlops_dagster.spec.tables import OnFail, UnknownPolicy
from mlops_dagster.spec.workspace import ResolvedRule, ResolvedTable


@dataclass(frozen=True)
class Preview:
    """How a row would fare.

    Attributes:
        failing: Rules that it would fail, those that only record left out.
        untried: Rules that one row does not decide.
        unreadable: Columns without a readable value; all of them where the record is malformed.
    """

    failing: tuple[str, ...]
    untried: tuple[str, ...]
    unreadable: tuple[str, ...]


def preview(
    table: ResolvedTable,
    contract: Contract,
    *,
    payload: str,
    columns: Mapping[str, str | None],
    window: str,
    as_of: datetime,
) -> Preview:
    """Return what the rules of a table would say of a row with corrected columns.

    Args:
        table: The table.
        contract: Its columns.
        payload: The row as delivered.
        columns: The corrected values as texts.
        window: Its window.
        as_of: The instant at which the window is built.
    """
    types = correctable_types(table, contract)
    known = {**(payload_texts(payload, contract.types) or {}), **columns}
    row, unreadable = _row(known, types)
    if unreadable and table.kind == "files":
        return Preview((builtin.UNREADABLE_REASON,), (), unreadable)
    failing, untried = [], []
    for facts in builtin.builtin_rules(table):
        if facts.about == "rows" and facts.name != builtin.READABLE:
            said = _builtin(facts.name, table, row, window=window, as_of=as_of)
            untried += [facts.name] if said is None else []
            failing += [facts.name] if said else []
    for rule in table.rules:
        if rule.about == "rows" and rule.on_fail is not OnFail.RECORD:
            said = _declared(rule, row, moments_of(table, window, as_of))
            untried += [rule.name] if said is None else []
            failing += [rule.name] if said else []
    return Preview(tuple(failing), tuple(untried), unreadable)


def payload_texts(payload: str, types: Mapping[str, str]) -> Mapping[str, str | None] | None:
    """Return a payload's values as texts by column; None where it is a malformed record."""
    try:
        # Numbers stay the text they are.
        found = json.loads(payload, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        return None
    if not isinstance(found, dict) or set(found) != set(types):
        return None
    return {name: _text(value) for name, value in found.items()}


def _row(
    texts: Mapping[str, str | None], types: Mapping[str, str]
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Return the values that can be read, and the columns whose value cannot."""
    row: dict[str, Value] = {}
    unreadable = [name for name in types if name not in texts]
    for name, kind in types.items():
        text = texts.get(name)
        if name not in texts:
            continue
        if text is None:
            row[name] = None
        elif is_correctable(kind):
            try:
                row[name] = read(text, kind)
            except ValueError:
                unreadable.append(name)
    return row, tuple(unreadable)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _builtin(
    name: str, table: ResolvedTable, row: Mapping[str, Value], *, window: str, as_of: datetime
) -> bool | None:
    """Return whether a row fails a built-in rule; None when other rows decide."""
    if name == builtin.NOT_NULL_IN_CONTRACT:
        required = builtin.required_columns(table)
        return any(row.get(one) is None for one in required if one != table.spec.row_number)
    if name == builtin.KEY_NOT_NULL:
        return any(row.get(one) is None for one in table.spec.key if one != table.spec.row_number)
    calendar = table.calendar
    if calendar is None or name not in (
        builtin.EVENT_TIME_INSIDE_WINDOW,
        builtin.KNOWN_AT_NOT_AFTER_AS_OF,
    ):
        return None
    column = table.event_time if name == builtin.EVENT_TIME_INSIDE_WINDOW else table.spec.known_at
    moment = _moment(row.get(column or ""), calendar.time_zone)
    if moment is None:
        return True
    if name == builtin.KNOWN_AT_NOT_AFTER_AS_OF:
        return moment > as_of
    bounds = calendar.window(window)
    return not bounds.start <= moment < bounds.end


def _moment(value: Value, zone: str) -> datetime | None:
    if isinstance(value, datetime):
        local = value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))
        return local.astimezone(timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(zone))
    return None


def _declared(
    rule: ResolvedRule, row: Mapping[str, Value], moments: Mapping[MomentName, datetime]
) -> bool | None:
    """Return whether a row fails a rule; None when other rows or tables decide."""
    try:
        if rule.when is not None and not evaluate(rule.when, row, moments=moments):
            return False
        if not isinstance(rule.check, Condition):
            return None
        truth = evaluate(rule.check.expression, row, moments=moments)
    except (KeyError, TypeError):
        # A column without a value in plain Python, such as an array.
        return None
    return rule.spec.unknown is UnknownPolicy.FAIL if truth is None else not truth
