"""An event store that another process holds: waited for, then told; never half-written."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlops_dagster.errors import TransientStateError
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state import database, fence
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.faults import hold_lock
from mlops_dagster_tests.faults.catalogue import assert_catalogued
from mlops_dagster_tests.faults.conftest import AS_OF

TABLE = TableRef("shop", "silver", "visits")
LONG = 600.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def store(file: Path) -> EventStore:
    store = open_store(file)
    claim(store, "first")
    return store


def claim(store: EventStore, token: str) -> fence.Claim:
    return fence.claim(store, TABLE, "2024-01", token=token, as_of=AS_OF, run_id=token)


def publication(token: str) -> fence.SlicePublished:
    return fence.SlicePublished(
        token=token, batch=token, digest="d", rows=1, delta_version=1, bytes=1, code_version="1"
    )


@contextmanager
def held_by_another_process(file: Path, *, seconds: float) -> Iterator[None]:
    command = [sys.executable, hold_lock.__file__, str(file), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.kill()


def test_a_short_lock_is_waited_for(store: EventStore, file: Path) -> None:
    with held_by_another_process(file, seconds=0.5):
        held = claim(store, "second")
    assert held.seq == 2


def test_a_long_lock_is_told_and_the_same_call_works_after_it(
    store: EventStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.2)
    held = claim(store, "second")
    with held_by_another_process(file, seconds=LONG):
        with pytest.raises(TransientStateError, match="database is locked") as told:
            fence.record_published(store, held, publication("second"))
        assert_catalogued(told.value)
        # Who only looks is not held up, and sees no half of it.
        assert fence.published(store, TABLE, "2024-01") is None
        assert [stored.seq for stored in store.read(held.stream)] == [1, 2]
    fence.record_published(store, held, publication("second"))
    assert fence.published(store, TABLE, "2024-01") == publication("second")
    assert [stored.seq for stored in store.read(held.stream)] == [1, 2, 3]
    tell_trial(
        "fault",
        "event store locked",
        about="by another process, for longer than it is waited for",
        then="`TransientStateError`, the step is tried again; readers are not held up",
    )


def test_a_store_locked_while_it_is_made_is_told(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.2)
    with held_by_another_process(file, seconds=LONG):
        with pytest.raises(TransientStateError) as told:
            claim(open_store(file), "first")
        assert_catalogued(told.value)
    assert claim(open_store(file), "first").seq == 1
