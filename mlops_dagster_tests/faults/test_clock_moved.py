"""A clock that is set back or ahead: order comes from numbers, decisions from windows."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from mlops_dagster.automation.due import next_due
from mlops_dagster.errors import SupersededWrite
from mlops_dagster.monitoring.decision import Decision, DecisionKind
from mlops_dagster.monitoring.events import history, record_decision
from mlops_dagster.resources.workspace import cached_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state import fence, store
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster.windows import WindowCalendar
from mlops_dagster_tests.crashes.trials import tell_trial

TABLE = TableRef("shop", "silver", "visits")
MODEL = "shop.buys"
NOON = datetime(2024, 1, 3, 12, tzinfo=timezone.utc)


class Clock:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.now = NOON

    def set(self, **ahead: float) -> None:
        """Set it from what it shows now."""
        self.now += timedelta(**ahead)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(store, "utc_now", lambda: moved.now)
    return moved


@pytest.fixture
def events(tmp_path: Path) -> EventStore:
    return open_store(tmp_path / "events.db")


def claim(events: EventStore, token: str) -> fence.Claim:
    return fence.claim(events, TABLE, "2024-01-01", token=token, as_of=NOON, run_id=token)


def publication(token: str) -> fence.SlicePublished:
    return fence.SlicePublished(
        token=token, batch=token, digest=token, rows=1, delta_version=1, bytes=1, code_version="1"
    )


@pytest.mark.parametrize("step", [timedelta(days=-400), timedelta(hours=-1), timedelta(days=400)])
def test_the_newest_claim_publishes_however_the_clock_was_set_in_between(
    events: EventStore, clock: Clock, step: timedelta
) -> None:
    first = claim(events, "first")
    clock.now += step
    second = claim(events, "second")
    with pytest.raises(SupersededWrite):
        fence.record_published(events, first, publication("first"))
    fence.record_published(events, second, publication("second"))
    assert fence.published(events, TABLE, "2024-01-01") == publication("second")
    written = [stored.at for stored in events.read(second.stream)]
    assert written == [NOON, NOON + step, NOON + step]


def test_the_last_decision_of_a_window_is_the_last_written_not_the_one_of_the_latest_hour(
    events: EventStore, clock: Clock
) -> None:
    for kind in (DecisionKind.HOLD, DecisionKind.RETRAIN):
        decision = Decision(window="2024-01-01", kind=kind, reason="because")
        record_decision(events, MODEL, decision, as_of=NOON, run_id="run")
        clock.set(days=-30)
    told = history(events, MODEL)
    assert told.decisions["2024-01-01"].kind is DecisionKind.RETRAIN
    assert [request.request for request in told.requests] == [f"{MODEL}|2024-01-01"]


@pytest.fixture
def calendar(project_root: Path) -> WindowCalendar:
    found = cached_workspace(project_root, "dev").use_cases["energy_demand"].calendar
    assert found is not None
    return found


def test_a_clock_set_back_brings_no_window_twice_and_one_set_ahead_leaves_none_out(
    calendar: WindowCalendar,
) -> None:
    done: list[str] = []
    now = NOON
    for step in (0, 1, -2, 0, 3, -5, 2):
        now += timedelta(days=step)
        while True:
            window = next_due(calendar, done=done, now=now, opens=False)
            if window is None:
                break
            assert calendar.as_of_close(window) <= now
            done.append(window)
    assert done == [w.key for w in calendar.between(calendar.first, done[-1])]
    assert len(set(done)) == len(done) == 4
    tell_trial(
        "fault",
        "clock moved",
        about="days back and ahead between the looks of a schedule, a year between claims",
        then="no window twice or left out; the newest claim publishes",
    )
