"""The state of every row of a slice that somebody decided about: a pure fold over its events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from mlops_dagster.data.row_events import (
    HeldRow,
    Outcome,
    RowsDiscarded,
    RowsFixed,
    RowsReopened,
    RowsSettled,
    row_stream,
)
from mlops_dagster.errors import TransitionRefused
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import SlicePublished, slice_stream
from mlops_dagster.state.store import EventStore, StoredEvent


class RowStatus(str, Enum):
    """Where a row stands: open until decided, then until a published batch has settled it."""

    OPEN = "open"
    FIXED = "fixed"
    RELEASED = "released"
    DISCARDED = "discarded"
    DROPPED = "dropped"
    GONE = "gone"


class Action(str, Enum):
    """What can be decided about a row."""

    FIX = "fix"
    DISCARD = "discard"
    REOPEN = "reopen"


# A wrong correction can be corrected, a wrong decision withdrawn. A row that is no longer delivered
# keeps its decisions, in case it comes back.
ALLOWED: Mapping[RowStatus, frozenset[Action]] = {
    RowStatus.OPEN: frozenset(Action),
    RowStatus.FIXED: frozenset(Action),
    RowStatus.DROPPED: frozenset(Action),
    RowStatus.RELEASED: frozenset({Action.FIX, Action.REOPEN}),
    RowStatus.DISCARDED: frozenset({Action.DISCARD, Action.REOPEN}),
    RowStatus.GONE: frozenset({Action.REOPEN}),
}
_SETTLED = {
    Outcome.RELEASED: RowStatus.RELEASED,
    Outcome.FAILING: RowStatus.OPEN,
    Outcome.DROPPED: RowStatus.DROPPED,
    Outcome.DISCARDED: RowStatus.DISCARDED,
    Outcome.GONE: RowStatus.GONE,
}
_DECIDED = {
    Action.FIX: RowStatus.FIXED,
    Action.DISCARD: RowStatus.DISCARDED,
    Action.REOPEN: RowStatus.OPEN,
}


@dataclass(frozen=True)
class Entry:
    """A line of a row's history; `who` and `why` are empty where a build speaks."""

    what: str
    at: datetime
    run_id: str
    who: str = ""
    why: str = ""


@dataclass(frozen=True)
class RowState:
    """What is known of a row from events.

    Attributes:
        row_id: Its id.
        action: What was decided last; None when nothing was, as for a row that changed rules let
            through.
        columns: The values that stand in place of delivered ones.
        held: The row as it was when it was last decided about.
        outcome: What the last published batch that looked for it made of it.
        settled: Whether that batch knew the last decision.
        history: Decisions and changes of the outcome, oldest first.
    """

    row_id: str
    action: Action | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    held: HeldRow | None = None
    outcome: Outcome | None = None
    settled: bool = False
    history: tuple[Entry, ...] = ()

    @property
    def status(self) -> RowStatus:
        """Where the row stands."""
        if self.outcome is not None and self.settled:
            return _SETTLED[self.outcome]
        return RowStatus.OPEN if self.action is None else _DECIDED[self.action]

    @property
    def in_quarantine(self) -> bool:
        """Whether the quarantine of the published batch holds the row."""
        return self.outcome in (None, Outcome.FAILING)

    @property
    def waits(self) -> bool:
        """Whether something was decided that no published batch has taken into account."""
        return self.action is not None and not self.settled


@dataclass(frozen=True)
class RowLedger:
    """The rows of a slice that events tell of; `seq` is the last event of their stream."""

    ref: TableRef
    window: str
    rows: Mapping[str, RowState]
    seq: int

    @property
    def corrections(self) -> Mapping[str, Mapping[str, str | None]]:
        """The values that stand, by row id and column."""
        return {row.row_id: row.columns for row in self.rows.values() if row.action is Action.FIX}

    @property
    def discards(self) -> frozenset[str]:
        """The rows that are to be left out."""
        return frozenset(row.row_id for row in self.rows.values() if row.action is Action.DISCARD)

    def state(self, row_id: str) -> RowState:
        """Return what is known of a row; a row that no event names is open."""
        return self.rows.get(row_id, RowState(row_id))

    def check(self, row_id: str, action: Action) -> None:
        """Return if an action is allowed in the row's present state.

        Raises:
            TransitionRefused: It is not; the message names those that are.
        """
        status = self.state(row_id).status
        if action not in ALLOWED[status]:
            raise TransitionRefused(
                f"'{action.value}' is not allowed while the row is {status.value}",
                where=f"{self.ref} {self.window} row {row_id}",
                expected=" or ".join(sorted(one.value for one in ALLOWED[status])),
            )


def read_rows(store: EventStore, ref: TableRef, window: str) -> RowLedger:
    """Return the ledger of a slice's rows; asks the event store only."""
    events = store.read(row_stream(ref, window))
    if not events:
        return RowLedger(ref, window, {}, 0)
    published = frozenset(
        stored.event.batch
        for stored in store.read(slice_stream(ref, window))
        if isinstance(stored.event, SlicePublished)
    )
    return RowLedger(ref, window, fold_rows(events, published), events[-1].seq)


def fold_rows(events: Iterable[StoredEvent], published: frozenset[str]) -> Mapping[str, RowState]:
    """Return the state of each row after all events of its slice.

    A later correction adds to an earlier one, column by column. An outcome counts when its batch
    was published, whenever that was; it settles a decision only if the batch had seen it.

    Args:
        events: Of one stream, in order.
        published: The batches of the slice that were published.
    """
    rows: dict[str, RowState] = {}
    decided_at: dict[str, int] = {}
    for stored in events:
        match stored.event:
            case RowsFixed(rows=fixed):
                for one in fixed:
                    before = rows.get(one.row.row_id, RowState(one.row.row_id))
                    kept = before.columns if before.action is Action.FIX else {}
                    after = replace(before, columns={**kept, **one.columns}, held=one.row)
                    rows[one.row.row_id] = _decided(after, Action.FIX, stored)
                    decided_at[one.row.row_id] = stored.seq
            case RowsDiscarded(rows=discarded):
                for row in discarded:
                    before = rows.get(row.row_id, RowState(row.row_id))
                    after = replace(before, columns={}, held=row)
                    rows[row.row_id] = _decided(after, Action.DISCARD, stored)
                    decided_at[row.row_id] = stored.seq
            case RowsReopened(row_ids=row_ids):
                for row_id in row_ids:
                    before = rows.get(row_id, RowState(row_id))
                    rows[row_id] = _decided(replace(before, columns={}), Action.REOPEN, stored)
                    decided_at[row_id] = stored.seq
            case RowsSettled(token=token, outcomes=outcomes, seen=seen) if token in published:
                for row_id, outcome in outcomes.items():
                    before = rows.get(row_id, RowState(row_id))
                    settled = decided_at.get(row_id, 0) <= seen
                    rows[row_id] = _settled(before, outcome, stored, settled=settled)
    return rows


def _decided(row: RowState, action: Action, stored: StoredEvent) -> RowState:
    event = stored.event
    if not isinstance(event, RowsFixed | RowsDiscarded | RowsReopened):
        raise TypeError(f"{stored.stream} #{stored.seq} is no decision")
    what = _DECIDED[action].value if action is not Action.REOPEN else "reopened"
    if action is Action.FIX:
        shown = (f"{name} = {_shown(value)}" for name, value in sorted(row.columns.items()))
        what = f"fixed: {', '.join(shown)}"
    entry = Entry(what, stored.at, stored.run_id, who=event.who, why=event.why)
    return replace(row, action=action, settled=False, history=(*row.history, entry))


def _settled(row: RowState, outcome: Outcome, stored: StoredEvent, *, settled: bool) -> RowState:
    told = row.outcome is outcome and row.settled
    entry = Entry(outcome.value, stored.at, stored.run_id)
    history = row.history if told else (*row.history, entry)
    return replace(row, outcome=outcome, settled=settled, history=history)


def _shown(value: str | None) -> str:
    return "null" if value is None else value
