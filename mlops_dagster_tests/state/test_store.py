import os
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlops_dagster_tests.state.swap_in_process as swap_in_process
from mlops_dagster.errors import StateConflict, StateUnusable, TransientStateError
from mlops_dagster.state import EventStore, RawEvent, database, open_store
from mlops_dagster_tests.state.events import AS_OF, Counted, Noted

ROOT = Path(__file__).parents[2]


def test_events_are_numbered_from_one_and_read_back_in_order(store: EventStore) -> None:
    for value in (10, 20, 30):
        store.append_next("counter", Counted(value=value), as_of=AS_OF, run_id="r")

    assert [(s.seq, s.event) for s in store.read("counter")] == [
        (1, Counted(value=10)),
        (2, Counted(value=20)),
        (3, Counted(value=30)),
    ]
    assert [s.seq for s in store.read("counter", after=2)] == [3]


def test_a_swap_at_an_old_number_is_refused_and_says_what_is_last(store: EventStore) -> None:
    store.append("counter", 0, Counted(value=1), as_of=AS_OF, run_id="first")
    with pytest.raises(StateConflict, match=r"counter: .*expected event #0 .*found event #1"):
        store.append("counter", 0, Counted(value=2), as_of=AS_OF, run_id="second")


def test_a_swap_cannot_leave_a_gap(store: EventStore) -> None:
    with pytest.raises(StateConflict, match=r"expected event #4 .*found event #0"):
        store.append("counter", 4, Counted(value=1), as_of=AS_OF, run_id="r")
    assert store.read("counter") == ()


def test_instants_keep_their_meaning_and_are_stored_as_utc_text(
    store: EventStore, tmp_path: Path
) -> None:
    new_york = timezone(timedelta(hours=-4))
    as_of = datetime(2013, 4, 30, 20, 0, 0, 7, tzinfo=new_york)
    store.append_next("counter", Counted(value=1), as_of=as_of, run_id="r", at=as_of)

    stored = store.last("counter")
    assert stored is not None
    assert stored.as_of == as_of
    with sqlite3.connect(tmp_path / "state" / "events.db") as connection:
        texts = connection.execute("SELECT as_of, at FROM events").fetchall()
    assert texts == [("2013-05-01T00:00:00.000007+00:00",) * 2]


def test_an_instant_without_a_zone_is_refused(store: EventStore) -> None:
    with pytest.raises(ValueError, match="as_of must carry a time zone"):
        store.append_next("counter", Counted(value=1), as_of=datetime(2013, 5, 1), run_id="r")


def test_reading_a_missing_file_gives_nothing_and_creates_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state" / "events.db")

    assert store.read("counter") == ()
    assert store.last("counter") is None
    assert store.last_seq("counter") == 0
    assert store.last_of_kind("", "test_counted") == {}
    assert store.streams() == ()
    assert list(tmp_path.iterdir()) == []


def test_reading_changes_no_file(store: EventStore, tmp_path: Path) -> None:
    store.append_next("counter", Counted(value=1), as_of=AS_OF, run_id="r")
    folder = tmp_path / "state"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    store.read("counter")
    store.streams()

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_empty_file_that_another_process_is_about_to_fill_reads_as_empty(
    tmp_path: Path,
) -> None:
    (tmp_path / "events.db").touch()
    assert open_store(tmp_path / "events.db").read("counter") == ()


def test_the_last_of_a_kind_is_found_in_each_stream_below_a_prefix(store: EventStore) -> None:
    for stream in ("model/a", "model/b", "model/Z", "models/c", "other"):
        store.append_next(stream, Counted(value=1), as_of=AS_OF, run_id="r")
        store.append_next(stream, Counted(value=2), as_of=AS_OF, run_id="r")
        store.append_next(stream, Noted(text="later, of another kind"), as_of=AS_OF, run_id="r")
    store.append_next("model/empty_of_it", Noted(text="only this"), as_of=AS_OF, run_id="r")

    found = store.last_of_kind("model/", Counted.kind)

    assert {stream: stored.event for stream, stored in found.items()} == {
        name: Counted(value=2) for name in ("model/a", "model/b", "model/Z")
    }
    assert store.last("model/a", Counted.kind) == found["model/a"]


def test_prefixes_tell_case_apart_and_know_no_wildcards(store: EventStore) -> None:
    for stream in ("slice/a_b", "slice/aXb", "SLICE/a_b", "slice/a%"):
        store.append_next(stream, Counted(value=1), as_of=AS_OF, run_id="r")
    assert store.streams("slice/a_") == ("slice/a_b",)
    assert store.streams("slice/a%") == ("slice/a%",)
    assert store.streams("SLICE") == ("SLICE/a_b",)


def test_an_unknown_kind_is_read_as_it_is(store: EventStore, tmp_path: Path) -> None:
    store.append_next("counter", Counted(value=1), as_of=AS_OF, run_id="r")
    with sqlite3.connect(tmp_path / "state" / "events.db") as connection:
        connection.execute("""UPDATE events SET kind = 'from_the_future'""")
        connection.execute("""UPDATE events SET payload = '{"version": 3, "data": {"x": 1}}'""")
    stored = store.last("counter")
    assert stored is not None
    assert stored.kind == "from_the_future"
    assert stored.event == RawEvent(raw_kind="from_the_future", raw_version=3, data={"x": 1})
    with pytest.raises(TypeError, match="cannot be written"):
        store.append_next("counter", stored.event, as_of=AS_OF, run_id="r")


def test_a_payload_that_does_not_fit_its_kind_is_an_error_with_its_place(
    store: EventStore, tmp_path: Path
) -> None:
    store.append_next("counter", Counted(value=1), as_of=AS_OF, run_id="r")
    with sqlite3.connect(tmp_path / "state" / "events.db") as connection:
        connection.execute("""UPDATE events SET payload = '{"version": 1, "data": {"x": 1}}'""")
    with pytest.raises(StateUnusable, match=r"counter #1: the stored event 'test_counted'"):
        store.read("counter")


def test_a_locked_database_is_a_transient_error(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append_next("counter", Counted(value=1), as_of=AS_OF, run_id="r")
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.05)
    holder = sqlite3.connect(tmp_path / "state" / "events.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(TransientStateError, match=r"events\.db: .*database is locked"):
            store.append("counter", 1, Counted(value=2), as_of=AS_OF, run_id="r")
        assert store.last_seq("counter") == 1
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def test_addresses_of_other_databases_are_refused_without_showing_them() -> None:
    with pytest.raises(StateUnusable, match=r"found an address that starts with 'mysql://'") as e:
        open_store("mysql://user:hush@host/db")
    assert "hush" not in str(e.value)


def test_a_missing_postgres_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    store = open_store("postgresql://user:hush@localhost/db")
    with pytest.raises(StateUnusable, match=r"mlops-dagster\[postgres\]") as e:
        store.read("counter")
    assert "hush" not in str(e.value)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "b/c"]), st.integers(0, 3)), max_size=25))
def test_the_store_behaves_as_a_dictionary_of_lists(steps: list[tuple[str, int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "events.db")
        model: dict[str, list[int]] = {}
        for value, (stream, expected) in enumerate(steps):
            present = model.get(stream, [])
            if expected == len(present):
                store.append(stream, expected, Counted(value=value), as_of=AS_OF, run_id="r")
                model.setdefault(stream, []).append(value)
            else:
                with pytest.raises(StateConflict):
                    store.append(stream, expected, Counted(value=value), as_of=AS_OF, run_id="r")
        assert store.streams() == tuple(sorted(model))
        for stream, values in model.items():
            read = store.read(stream)
            assert [s.event for s in read] == [Counted(value=v) for v in values]
            assert [s.seq for s in read] == list(accumulate([1] * len(values)))


def race(address: str, writers: int, wins: int) -> list[list[int]]:
    """Let processes race for the numbers of one stream; return what each won."""
    processes = [
        subprocess.Popen(
            [sys.executable, swap_in_process.__file__, address, str(writer), str(wins)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        )
        for writer in range(writers)
    ]
    outputs = [process.communicate(timeout=240) for process in processes]
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors
    return [[int(number) for number in out.split()] for out, _ in outputs]


def test_eight_processes_of_a_hundred_swaps_have_one_winner_for_each_number(
    store: EventStore,
) -> None:
    won = race(store.name, writers=8, wins=100)

    assert sorted(number for numbers in won for number in numbers) == list(range(1, 801))
    for stored in store.read("counter"):
        assert isinstance(stored.event, Counted)
        assert stored.seq in won[stored.event.writer]
        assert stored.event.value == stored.seq


def test_the_same_race_on_postgresql(postgres_address: str) -> None:
    won = race(postgres_address, writers=4, wins=50)

    assert sorted(number for numbers in won for number in numbers) == list(range(1, 201))


def test_a_postgresql_store_answers_like_a_file(postgres_address: str) -> None:
    store = open_store(postgres_address)
    assert store.read("counter") == ()
    assert store.streams() == ()
    for stream in ("model/a", "model/Z", "models/c"):
        store.append_next(stream, Counted(value=1), as_of=AS_OF, run_id="r")
        store.append_next(stream, Noted(text="x"), as_of=AS_OF, run_id="r")
    with pytest.raises(StateConflict, match="expected event #1"):
        store.append("model/a", 1, Counted(value=2), as_of=AS_OF, run_id="r")
    assert store.streams("model/") == ("model/Z", "model/a")
    assert {s: e.seq for s, e in store.last_of_kind("model/", Counted.kind).items()} == {
        "model/a": 1,
        "model/Z": 1,
    }


def test_a_postgresql_server_that_is_away_is_a_transient_error(postgres_server: str) -> None:
    store = open_store("postgresql://user:hush@127.0.0.1:1/events")
    with pytest.raises(TransientStateError, match="did not answer") as e:
        store.read("counter")
    assert "hush" not in str(e.value)
