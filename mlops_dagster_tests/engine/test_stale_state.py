"""What a killed supervisor left is never taken for a server of the next one."""

import subprocess
from pathlib import Path

import pytest

from mlops_dagster.engine import server
from mlops_dagster.engine.files import EngineFiles, ServerState
from mlops_dagster.engine.locks import FileLock
from mlops_dagster.engine.settings import ServerSettings
from mlops_dagster.errors import EngineConfigurationError
from mlops_dagster.spec.environment import LocalEngine
from mlops_dagster_tests.engine.small_engine import SMALL

assert isinstance(SMALL.engine, LocalEngine)
SETTINGS = ServerSettings.of(SMALL.engine)
LEFT = ServerState(
    identity="left",
    supervisor_pid=1,
    server_pid=1,
    port=1,
    fingerprint=SETTINGS.fingerprint,
    java="21",
    heap_megabytes=700,
    idle_stop_minutes=1.0,
    started="2026-01-01T00:00:00+00:00",
)


@pytest.fixture
def files(tmp_path: Path) -> EngineFiles:
    """The files of an engine whose supervisor was killed."""
    files = EngineFiles.of(tmp_path)
    files.folder.mkdir(parents=True)
    LEFT.write(files.state)
    return files


def test_a_state_without_a_supervisor_is_no_server(files: EngineFiles) -> None:
    assert files.running() is None


def test_a_supervisor_that_starts_finds_no_state_to_be_asked_for(
    files: EngineFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def started(*_: object, **__: object) -> "subprocess.CompletedProcess[bytes]":
        seen.append(files.state.exists())
        return subprocess.CompletedProcess([], 1)

    monkeypatch.setattr(subprocess, "run", started)
    with pytest.raises(EngineConfigurationError, match="supervisor did not start"):
        server.lease_server(files, SETTINGS)
    assert seen == [False]


def test_a_state_that_goes_while_its_supervisor_is_looked_at_is_no_server(
    files: EngineFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def next_one_starts(_: EngineFiles) -> bool:
        files.state.unlink()
        return True

    monkeypatch.setattr(EngineFiles, "supervisor_alive", next_one_starts)
    assert files.running() is None


def test_a_supervised_state_is_a_server(files: EngineFiles) -> None:
    lock = FileLock.try_take(files.supervisor_lock, exclusive=True)
    assert lock is not None
    assert files.running() == LEFT
    lock.release()
