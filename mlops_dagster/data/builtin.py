"""The rules that tables have without being asked, and all their rules as facts for the verdict."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from mlops_dagster.rules import Limit
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.rule_checks import Check
from mlops_dagster.spec.tables import OnFail, UnknownPolicy
from mlops_dagster.spec.workspace import ResolvedTable

BUILT_IN = "built_in"
READABLE = "readable"
LINES_END = "lines_end"
UNREADABLE_REASON = "unreadable"
NOT_NULL_IN_CONTRACT = "not_null_in_contract"
EVENT_TIME_INSIDE_WINDOW = "event_time_inside_window"
KEY_NOT_NULL = "key_not_null"
KEY_UNIQUE = "key_unique"
KNOWN_AT_NOT_AFTER_AS_OF = "known_at_not_after_as_of"

# Endings of `files`; none is a folder.
_MAY_BE_CSV = (".csv", ".gz", "")


@dataclass(frozen=True)
class RuleFacts:
    """What the verdict must know of a rule."""

    name: str
    text: str
    about: Literal["rows", "data_set"] = "rows"
    severity: Severity = Severity.ERROR
    on_fail: OnFail = OnFail.QUARANTINE
    warn_if: Limit | None = None
    fail_if: Limit | None = None
    unknown: UnknownPolicy = UnknownPolicy.FAIL
    check: Check | None = None
    kind: str = BUILT_IN

    @property
    def reason(self) -> str:
        """What a quarantined row says about itself."""
        return UNREADABLE_REASON if self.name == READABLE else self.name


def builtin_rules(table: ResolvedTable) -> tuple[RuleFacts, ...]:
    """Return the built-in rules that apply to a table; rows that fail one go to quarantine.

    Tables of files without a key or times have none but `readable`, and `lines_end` for CSV: a file
    that was cut off inside its last field differs from a whole one by its missing line break only,
    which some writers leave out, so it is a warning. A time of knowledge is checked
    only where the table names one: by default it is the event time, which the window bounds
    already, and in tables of the open job lies after as_of. Static tables count as always known.
    """
    spec = table.spec
    found = []
    if table.kind == "files" and PurePosixPath(spec.files or "").suffix != ".parquet":
        found.append(RuleFacts(READABLE, "every record has the columns and types of the contract"))
    if table.kind == "files" and PurePosixPath(spec.files or "").suffix in _MAY_BE_CSV:
        found.append(
            RuleFacts(
                LINES_END,
                "the last line of every CSV file ends with a line break",
                about="data_set",
                severity=Severity.WARNING,
                on_fail=OnFail.RECORD,
            )
        )
    if required_columns(table):
        columns = ", ".join(required_columns(table))
        found.append(RuleFacts(NOT_NULL_IN_CONTRACT, f"not null by contract: {columns}"))
    if table.windowed and table.event_time is not None:
        text = f"{table.event_time} lies in the window"
        found.append(RuleFacts(EVENT_TIME_INSIDE_WINDOW, text))
    if spec.key:
        key = ", ".join(unique_columns(table))
        found.append(RuleFacts(KEY_NOT_NULL, f"no null in {', '.join(spec.key)}"))
        found.append(RuleFacts(KEY_UNIQUE, f"one row for each {key}"))
    if table.windowed and spec.known_at is not None:
        text = f"{spec.known_at} is not after the instant at which the window is built"
        found.append(RuleFacts(KNOWN_AT_NOT_AFTER_AS_OF, text))
    return tuple(found)


def rules_of(table: ResolvedTable) -> tuple[RuleFacts, ...]:
    """Return all rules of a table, built-in ones first."""
    declared = tuple(
        RuleFacts(
            name=rule.name,
            text=rule.text if rule.when is None else f"{rule.text} when {rule.when.text}",
            about=rule.about,
            severity=rule.spec.severity,
            on_fail=rule.on_fail,
            warn_if=rule.warn_if,
            fail_if=rule.fail_if,
            unknown=rule.spec.unknown,
            check=rule.check,
            kind=rule.kind,
        )
        for rule in table.rules
    )
    return builtin_rules(table) + declared


def unique_columns(table: ResolvedTable) -> tuple[str, ...]:
    """Return the columns that tell rows apart: the key, and the event time where there is one.

    A table that keeps the newest row of each key has one for each. The same may be forecast again.
    """
    if table.spec.keep == "latest":
        return tuple(table.spec.key)
    times = [table.event_time, table.known_at if table.spec.forecast else None]
    return tuple(dict.fromkeys((*table.spec.key, *(time for time in times if time is not None))))


def required_columns(table: ResolvedTable) -> tuple[str, ...]:
    """Return the columns that the contract declares as never null."""
    if table.contract is None:
        return ()
    return tuple(column.name for column in table.contract.columns if not column.nullable)
