"""The rows in quarantine and those that were decided about, with one small read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession

from mlops_dagster.data.quarantine import TABLE_COLUMN, read_quarantine
from mlops_dagster.data.row_events import row_streams_of, slice_of_stream
from mlops_dagster.data.row_ledger import Entry, RowLedger, RowStatus, read_rows
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster.state.fence import SliceClaimed, SlicePublished, slice_stream
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.slices import WINDOW_COLUMN

# A list of more rows is not read by people; filters make it shorter.
MOST_LISTED = 10_000


@dataclass(frozen=True)
class ListedRow:
    """A row of the quarantine or of its past.

    Attributes:
        ref: Its table.
        window: Its window.
        row_id: Its id.
        status: Where it stands.
        reasons: The rules it failed, by the last batch that held it.
        payload: Its content as delivered.
        corrected: The content that failed again where a correction stood.
        columns: The corrections that stand.
        first_seen: When the first of the batches began that held it without a break; None where the
            quarantine no longer holds it.
        last_seen: When the last of them began.
        attempts: How many batches it has failed since then.
        rule_set: The version of the rules that it failed last.
        history: What was decided about it and what became of that.
    """

    ref: TableRef
    window: str
    row_id: str
    status: RowStatus
    reasons: tuple[str, ...]
    payload: str
    corrected: str | None
    columns: Mapping[str, str | None]
    first_seen: datetime | None
    last_seen: datetime | None
    attempts: int
    rule_set: str | None
    history: tuple[Entry, ...]


def list_rows(
    session: SparkSession,
    *,
    workspace: Workspace,
    owner: str,
    store: EventStore,
    locations: Locations,
) -> tuple[ListedRow, ...]:
    """Return all rows in quarantine of a use case and those that decisions tell of, by slice.

    Costs one read of the quarantine.

    Raises:
        TransferTooLarge: The quarantine holds more than 10,000 rows.
    """
    tables = [ref for ref in workspace.tables if ref.owner == owner]
    held = few_rows(
        read_quarantine(session, owner, tables=tables, store=store, locations=locations),
        what=f"the quarantine of {owner}",
        at_most=MOST_LISTED,
    )
    slices = {(TableRef.parse(row[TABLE_COLUMN]), str(row[WINDOW_COLUMN])) for row in held}
    decided = {slice_of_stream(stream) for stream in store.streams(row_streams_of(owner))}
    ledgers = {
        (ref, window): read_rows(store, ref, window)
        for ref, window in sorted(slices | decided)
        if ref in workspace.tables
    }
    batches = {(ref, window): _batches(store, ref, window) for ref, window in slices}
    found: dict[str, ListedRow] = {}
    for row in held:
        ref, window = TableRef.parse(row[TABLE_COLUMN]), str(row[WINDOW_COLUMN])
        state = ledgers[ref, window].state(str(row["row_id"]))
        times = batches[ref, window]
        first = times.get(str(row["first_batch"]))
        found[state.row_id] = ListedRow(
            ref=ref,
            window=window,
            row_id=state.row_id,
            status=state.status,
            reasons=tuple(row["reasons"]),
            payload=str(row["payload"]),
            corrected=row["corrected"],
            columns=state.columns,
            first_seen=first,
            last_seen=times.get(str(row["batch"])),
            attempts=sum(first is not None and time >= first for time in times.values()),
            rule_set=row["rule_set"],
            history=state.history,
        )
    for ledger in ledgers.values():
        for past in _past(ledger):
            found.setdefault(past.row_id, past)
    return tuple(
        sorted(found.values(), key=lambda one: (one.ref, one.window, one.reasons, one.row_id))
    )


def _batches(store: EventStore, ref: TableRef, window: str) -> Mapping[str, datetime]:
    """Return when each published batch of a slice began, by its token."""
    events = store.read(slice_stream(ref, window))
    begun = {one.event.token: one.at for one in events if isinstance(one.event, SliceClaimed)}
    counted = (one.event.batch for one in events if isinstance(one.event, SlicePublished))
    return {token: begun[token] for token in counted if token in begun}


def _past(ledger: RowLedger) -> Iterable[ListedRow]:
    """Yield the rows of which events tell and which the quarantine does not hold."""
    for state in ledger.rows.values():
        yield ListedRow(
            ref=ledger.ref,
            window=ledger.window,
            row_id=state.row_id,
            status=state.status,
            reasons=() if state.held is None else state.held.reasons,
            payload="" if state.held is None else state.held.payload,
            corrected=None,
            columns=state.columns,
            first_seen=None,
            last_seen=None,
            attempts=0,
            rule_set=None,
            history=state.history,
        )
