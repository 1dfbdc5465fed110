"""Deciding about quarantined rows: fix, discard, reopen; each decision is an event."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.clock import utc_now
from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.data.contracts import known_contract
from mlops_dagster.data.correction_values import check_correction, correctable_types
from mlops_dagster.data.preview import Preview, preview
from mlops_dagster.data.quarantine import TABLE_COLUMN, read_quarantine
from mlops_dagster.data.row_events import (
    CorrectedRow,
    HeldRow,
    RowsDiscarded,
    RowsFixed,
    RowsReopened,
    row_stream,
    row_streams_of,
    slice_of_stream,
)
from mlops_dagster.data.row_ids import KEY_LENGTH
from mlops_dagster.data.row_ledger import Action, RowLedger, RowState, read_rows
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.errors import CorrectionRefused, StateConflict, nearest_name
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.event import Event
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.slices import WINDOW_COLUMN

# More rows than people decide about one by one: such a fault is corrected at its source.
MOST_ROWS = 1_000
_APPEND_ATTEMPTS = 20


@dataclass(frozen=True)
class Change:
    """What is asked for a row: its id, or as many first characters as tell it apart."""

    row: str
    columns: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundRow:
    """A row of the quarantine, or of its past, with the slice that it belongs to."""

    ref: TableRef
    window: str
    row: HeldRow

    def __str__(self) -> str:
        window = "" if self.window == STATIC else f" {self.window}"
        return f"{self.ref}{window} row {self.row.row_id}"


@dataclass(frozen=True)
class DecidedRow:
    """A row about which something was asked.

    Attributes:
        found: The row.
        columns: The values that now stand in place of delivered ones.
        expected: What the present rules would say of a corrected row; None for other actions.
        new: Whether the decision is new; the same one again changes nothing.
    """

    found: FoundRow
    columns: Mapping[str, str | None]
    expected: Preview | None
    new: bool


def decide(
    session: SparkSession,
    action: Action,
    changes: Sequence[Change],
    *,
    workspace: Workspace,
    owner: str,
    who: str,
    why: str,
    store: EventStore,
    locations: Locations,
    run_id: str,
    dry_run: bool = False,
) -> tuple[DecidedRow, ...]:
    """Record a decision about rows of a use case; nothing is published before their slice is built.

    Either all rows are decided about or, where one is refused, none. Costs one read of the
    quarantine.

    Args:
        session: A Spark session.
        action: What to do with the rows.
        changes: The rows, with the columns to correct.
        workspace: The workspace.
        owner: The use case, or `project`.
        who: Who decides.
        why: The reason.
        store: The event store.
        locations: Where tables lie.
        run_id: The run that writes.
        dry_run: Check everything, record nothing.

    Raises:
        CorrectionRefused: A row is not found, or a value does not fit its column.
        TransitionRefused: The action is not allowed in a row's present state.
    """
    _check_request(action, changes, why)
    rows = find_rows(
        session,
        [change.row for change in changes],
        workspace=workspace,
        owner=owner,
        store=store,
        locations=locations,
    )
    asked = [(found, change.columns) for found, change in zip(rows, changes, strict=True)]
    slices = sorted({(found.ref, found.window) for found, _ in asked})
    planned: list[tuple[RowLedger, list[DecidedRow]]] = []
    for ref, window in slices:
        ledger = read_rows(store, ref, window)
        of_slice = [one for one in asked if (one[0].ref, one[0].window) == (ref, window)]
        planned.append((ledger, _plan(action, of_slice, workspace.table(ref), ledger)))
    if not dry_run:
        for ledger, decided in planned:
            _record(store, action, decided, ledger, who=who, why=why, run_id=run_id)
    return tuple(one for _, decided in planned for one in decided)


def find_rows(
    session: SparkSession,
    asked: Sequence[str],
    *,
    workspace: Workspace,
    owner: str,
    store: EventStore,
    locations: Locations,
) -> tuple[FoundRow, ...]:
    """Return the rows with these ids, or beginnings of ids, in their order.

    Raises:
        CorrectionRefused: An id is unknown, or the beginning of several.
    """
    known = {found.row.row_id: found for found in decided_rows(store, owner, workspace)}
    known |= {
        found.row.row_id: found
        for found in _quarantined(
            session, asked, workspace=workspace, owner=owner, store=store, locations=locations
        )
    }
    return tuple(_named(text, known, owner) for text in asked)


def decided_rows(store: EventStore, owner: str, workspace: Workspace) -> Iterable[FoundRow]:
    """Yield every row of a use case that was ever decided about, from events alone."""
    for stream in store.streams(row_streams_of(owner)):
        ref, window = slice_of_stream(stream)
        if ref in workspace.tables:
            for state in read_rows(store, ref, window).rows.values():
                if state.held is not None:
                    yield FoundRow(ref, window, state.held)


def _check_request(action: Action, changes: Sequence[Change], why: str) -> None:
    if not changes:
        raise CorrectionRefused("no row is named")
    if len(changes) > MOST_ROWS:
        raise CorrectionRefused(
            "these are too many rows to decide about one by one",
            expected=f"at most {MOST_ROWS}",
            found=f"{len(changes)}",
            next_step="Correct the source and build the window again",
        )
    if action is Action.DISCARD and not why.strip():
        raise CorrectionRefused("a row is discarded for a reason", next_step="Say why")
    for change in changes:
        if action is Action.FIX and not change.columns:
            raise CorrectionRefused("no column is to be corrected", where=f"row {change.row}")
        if change.row != change.row.strip() or len(change.row) < 4:
            raise CorrectionRefused(
                "this is no row id",
                expected=f"{KEY_LENGTH} characters, or the first of them, at least 4",
                found=f"'{change.row}'",
            )


def _quarantined(
    session: SparkSession,
    asked: Sequence[str],
    *,
    workspace: Workspace,
    owner: str,
    store: EventStore,
    locations: Locations,
) -> Iterable[FoundRow]:
    tables = [ref for ref in workspace.tables if ref.owner == owner]
    rows = read_quarantine(session, owner, tables=tables, store=store, locations=locations)
    beginnings = sorted({text[:KEY_LENGTH] for text in asked})
    lengths = sorted({len(text) for text in beginnings})
    named = F.lit(False)
    for length in lengths:
        texts = [text for text in beginnings if len(text) == length]
        named = named | F.substring("row_id", 1, length).isin(texts)
    for row in few_rows(
        rows.where(named).select(TABLE_COLUMN, WINDOW_COLUMN, "row_id", "reasons", "payload"),
        what="rows of the quarantine",
    ):
        held = HeldRow(row_id=row["row_id"], reasons=tuple(row["reasons"]), payload=row["payload"])
        yield FoundRow(TableRef.parse(row[TABLE_COLUMN]), row[WINDOW_COLUMN], held)


def _named(text: str, known: Mapping[str, FoundRow], owner: str) -> FoundRow:
    if text in known:
        return known[text]
    found = [identity for identity in known if identity.startswith(text)]
    if len(found) == 1:
        return known[found[0]]
    if found:
        raise CorrectionRefused(
            "several rows begin like this",
            where=f"the quarantine of {owner}",
            expected=", ".join(sorted(found)[:5]),
            found=f"'{text}'",
        )
    raise CorrectionRefused(
        "no row of this id is in quarantine or was",
        where=f"the quarantine of {owner}",
        found=f"'{text}'",
        nearest=nearest_name(text, known),
        next_step="`mlops-dagster quarantine list` shows the rows; a build may have let it go",
    )


def _plan(
    action: Action,
    asked: Sequence[tuple[FoundRow, Mapping[str, str | None]]],
    table: ResolvedTable,
    ledger: RowLedger,
) -> list[DecidedRow]:
    contract = known_contract(table)
    if contract is None:
        raise CorrectionRefused("the table has no contract yet", where=str(table.ref))
    types = correctable_types(table, contract)
    planned: dict[str, DecidedRow] = {}
    for found, columns in asked:
        row_id = found.row.row_id
        if row_id in planned:
            raise CorrectionRefused("the row is named twice", where=str(found))
        ledger.check(row_id, action)
        state = ledger.state(row_id)
        given = check_correction(columns, types, where=str(found))
        standing = {**(state.columns if state.action is Action.FIX else {}), **given}
        expected = None
        if action is Action.FIX:
            expected = preview(
                table,
                contract,
                payload=found.row.payload,
                columns=standing,
                window=ledger.window,
                as_of=as_of_slice(table, ledger.window),
            )
        new = _is_new(action, state, standing)
        planned[row_id] = DecidedRow(found, standing if action is Action.FIX else {}, expected, new)
    return list(planned.values())


def as_of_slice(table: ResolvedTable, window: str) -> datetime:
    """Return the instant at which a slice is built again; now for a static table."""
    if table.calendar is None or window == STATIC:
        return utc_now()
    return table.calendar.as_of_close(window)


def _is_new(action: Action, state: RowState, standing: Mapping[str, str | None]) -> bool:
    if action is Action.FIX:
        return state.action is not Action.FIX or state.columns != standing
    if action is Action.REOPEN:
        return state.action in (Action.FIX, Action.DISCARD)
    return state.action is not Action.DISCARD


def _record(
    store: EventStore,
    action: Action,
    decided: Sequence[DecidedRow],
    ledger: RowLedger,
    *,
    who: str,
    why: str,
    run_id: str,
) -> None:
    new = [one for one in decided if one.new]
    if not new:
        return
    stream = row_stream(ledger.ref, ledger.window)
    event = _event(action, new, who=who, why=why)
    for attempt in range(1, _APPEND_ATTEMPTS + 1):
        try:
            store.append(stream, ledger.seq, event, as_of=utc_now(), run_id=run_id)
            crash_point(CrashPoint.ROWS_DECIDED, stream)
            return
        except StateConflict:
            if attempt == _APPEND_ATTEMPTS:
                raise
            ledger = read_rows(store, ledger.ref, ledger.window)
            for one in new:
                ledger.check(one.found.row.row_id, action)


def _event(action: Action, rows: Sequence[DecidedRow], *, who: str, why: str) -> Event:
    if action is Action.FIX:
        fixed = (CorrectedRow(row=one.found.row, columns=one.columns) for one in rows)
        return RowsFixed(rows=tuple(fixed), who=who, why=why)
    if action is Action.DISCARD:
        return RowsDiscarded(rows=tuple(one.found.row for one in rows), who=who, why=why)
    row_ids = tuple(one.found.row.row_id for one in rows)
    return RowsReopened(row_ids=row_ids, who=who, why=why)
