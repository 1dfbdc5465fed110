"""The state of rows by decisions and builds, against a plain model that remembers what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster.data.checks import DROP, QUARANTINE, VALID
from mlops_dagster.data.followed import Followed
from mlops_dagster.data.row_events import (
    CorrectedRow,
    HeldRow,
    RowsDiscarded,
    RowsFixed,
    RowsReopened,
    RowsSettled,
    row_stream,
)
from mlops_dagster.data.row_ledger import ALLOWED, Action, RowLedger, RowStatus, fold_rows
from mlops_dagster.data.settling import outcomes_of, settlement
from mlops_dagster.data.slice_counts import count_statuses
from mlops_dagster.data.whereabouts import unmoved_rows
from mlops_dagster.errors import TransitionRefused
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.event import Event
from mlops_dagster.state.fence import new_token
from mlops_dagster.state.store import StoredEvent

REF, WINDOW = TableRef("shop", "bronze", "sales"), "2013-01"
NOW = datetime(2013, 6, 1, tzinfo=timezone.utc)
ROWS = ("aaaa", "aaaa-2", "bbbb")
Place = str  # a route of a build, or "discarded" or "gone"
Content = tuple[str, ...]  # what a row is once it is corrected


@dataclass
class Remembered:
    """One row: what stands, whether a build knows it, where the published batch has the row."""

    values: dict[str, str] = field(default_factory=dict)
    action: Action | None = None
    waits: bool = False
    place: Place = QUARANTINE

    def decide(self, action: Action, column: str, value: str) -> None:
        kept = self.values if self.action is Action.FIX else {}
        self.values = {**kept, column: value} if action is Action.FIX else {}
        self.action, self.waits = action, True

    @property
    def status(self) -> RowStatus:
        if self.waits and self.action is not None:
            return {
                Action.FIX: RowStatus.FIXED,
                Action.DISCARD: RowStatus.DISCARDED,
                Action.REOPEN: RowStatus.OPEN,
            }[self.action]
        return {
            QUARANTINE: RowStatus.OPEN,
            VALID: RowStatus.RELEASED,
            DROP: RowStatus.DROPPED,
            "discarded": RowStatus.DISCARDED,
            "gone": RowStatus.GONE,
        }[self.place]


class Stream:
    """The events of a slice's rows and which batches were published, without a store."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.published: set[str] = set()
        self.contents: Mapping[str, Content] = {row: content_of(row, {}) for row in ROWS}

    def append(self, event: Event) -> None:
        self.events.append(
            StoredEvent(
                stream=row_stream(REF, WINDOW),
                seq=len(self.events) + 1,
                kind=event.kind,
                event=event,
                as_of=NOW,
                at=NOW,
                run_id="run",
            )
        )

    def ledger(self) -> RowLedger:
        rows = fold_rows(self.events, frozenset(self.published))
        return RowLedger(REF, WINDOW, rows, len(self.events))


def decide(stream: Stream, row: str, action: Action, column: str, value: str) -> None:
    held = HeldRow(row_id=row, reasons=("r",), payload="{}")
    event: RowsFixed | RowsDiscarded | RowsReopened
    if action is Action.FIX:
        corrected = CorrectedRow(row=held, columns={column: value})
        event = RowsFixed(rows=(corrected,), who="kim", why="")
    elif action is Action.DISCARD:
        event = RowsDiscarded(rows=(held,), who="kim", why="")
    else:
        event = RowsReopened(row_ids=(row,), who="kim", why="")
    stream.append(event)


def content_of(row: str, values: Mapping[str, str | None]) -> Content:
    """One of the corrections makes every row what another one is as delivered."""
    return (ROWS[-1],) if values.get("x") == "1" else (row, *map(str, sorted(values.items())))


def digest(places: Mapping[str, Place], contents: Mapping[str, Content]) -> str:
    """Stands for the digest of the valid rows: what they are, not which."""
    return repr(sorted(contents[row] for row, place in places.items() if place == VALID))


class Build:
    """A build in two halves, between which others may decide."""

    def __init__(self, stream: Stream, model: Mapping[str, Remembered]) -> None:
        self.stream = stream
        ledger = stream.ledger()
        in_quarantine = {row for row, known in model.items() if known.place == QUARANTINE}
        self.followed = Followed(
            ledger,
            frozenset(ledger.rows) | in_quarantine,
            digest=digest({row: known.place for row, known in model.items()}, stream.contents),
        )
        self.contents = {row: content_of(row, ledger.corrections.get(row, {})) for row in ROWS}
        self.discards = frozenset(row for row, k in model.items() if k.action is Action.DISCARD)
        assert ledger.discards == self.discards

    def end(self, places: Mapping[str, Place], *, published: bool) -> None:
        routes = {
            route: frozenset(row for row, place in places.items() if place == route)
            for route in (VALID, QUARANTINE, DROP)
        }
        discarded = frozenset(row for row, place in places.items() if place == "discarded")
        told = settlement(self.followed, discarded=discarded, routes=routes)
        self._check_unmoved(places, discarded, routes)
        token = new_token()
        if told:
            seen = self.followed.ledger.seq
            self.stream.append(RowsSettled(token=token, seen=seen, outcomes=told))
        if published:
            self.stream.published.add(token)
            self.stream.contents = self.contents

    def _check_unmoved(
        self,
        places: Mapping[str, Place],
        discarded: frozenset[str],
        routes: Mapping[str, frozenset[str]],
    ) -> None:
        """What needs no look at the delivered rows is where it would be found."""
        found = outcomes_of(self.followed.row_ids, discarded=discarded, routes=routes)
        unmoved = unmoved_rows(
            self.followed,
            self.followed.watched - routes[QUARANTINE],
            digest=digest({**dict.fromkeys(ROWS, "gone"), **places}, self.contents),
            dropped=len(routes[DROP]),
            discarded=discarded,
            routes=routes,
        )
        assert unmoved == {row: found[row] for row in unmoved}


decisions = st.tuples(
    st.sampled_from(ROWS), st.sampled_from(Action), st.sampled_from("xy"), st.sampled_from("12")
)
builds = st.tuples(
    st.tuples(*(st.sampled_from([VALID, QUARANTINE, DROP, "gone"]) for _ in ROWS)),
    st.lists(decisions, max_size=2),
    st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(decisions, builds), max_size=12))
def test_a_row_stands_where_its_decisions_and_the_published_builds_leave_it(
    steps: list[tuple[object, ...]],
) -> None:
    model = {row: Remembered() for row in ROWS}
    stream = Stream()
    for step in steps:
        if len(step) == 4:
            _decide(stream, model, step)
        else:
            _build(stream, model, step)
    ledger = stream.ledger()
    for row, known in model.items():
        assert ledger.state(row).status is known.status, row
        assert ledger.state(row).in_quarantine is (known.place == QUARANTINE)
    fixed = {row: known.values for row, known in model.items() if known.action is Action.FIX}
    assert ledger.corrections == fixed
    assert ledger.discards == {r for r, known in model.items() if known.action is Action.DISCARD}
    quarantined = sum(known.place == QUARANTINE for known in model.values())
    counts = count_statuses(ledger, quarantined)
    for status in RowStatus:
        assert counts[status] == sum(known.status is status for known in model.values())


def _decide(stream: Stream, model: Mapping[str, Remembered], step: tuple[object, ...]) -> bool:
    """Decide what is allowed; return whether it was."""
    row, action, column, value = step
    assert isinstance(action, Action)
    if action not in ALLOWED[model[str(row)].status]:
        return False
    decide(stream, str(row), action, str(column), str(value))
    model[str(row)].decide(action, str(column), str(value))
    return True


def _build(stream: Stream, model: Mapping[str, Remembered], step: tuple[object, ...]) -> None:
    asked, meanwhile, published = step
    assert isinstance(asked, tuple)
    assert isinstance(meanwhile, list)
    build = Build(stream, model)
    # Where nobody holds a row back, it is where the rules or its source put it.
    places = {
        row: "discarded" if row in build.discards and place != "gone" else place
        for row, place in zip(ROWS, asked, strict=True)
    }
    # A row that was never in quarantine stays where it is and is not looked for.
    places = {row: place for row, place in places.items() if row in build.followed.row_ids}
    decided_since = {late[0] for late in meanwhile if _decide(stream, model, late)}
    build.end(places, published=bool(published))
    if published:
        for row, place in places.items():
            model[row].place = place
            model[row].waits = model[row].waits and row in decided_since


@pytest.mark.parametrize("status", RowStatus)
def test_every_state_says_what_may_be_decided(status: RowStatus) -> None:
    assert ALLOWED[status] >= {Action.REOPEN}


def test_an_action_that_is_not_allowed_is_refused_with_those_that_are() -> None:
    stream = Stream()
    decide(stream, "aaaa", Action.DISCARD, "", "")
    ledger = stream.ledger()
    message = r"2013-01 row aaaa: 'fix' is not .* is discarded; expected discard or reopen"
    with pytest.raises(TransitionRefused, match=message):
        ledger.check("aaaa", Action.FIX)
    ledger.check("bbbb", Action.FIX)
