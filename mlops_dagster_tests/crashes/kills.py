"""Kills a local Spark server or its Python workers by signal 9 at a chosen moment of a write."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from mlops_dagster.engine.files import EngineFiles

_LOOK_SECONDS = 0.001
_PATIENCE_SECONDS = 300.0
# In the midst of its work, or before it took any.
_WORKER_LOST = (b"Python worker exited unexpectedly", b"PythonWorkerFactory.createThroughDaemon")


class Moment(str, Enum):
    """What a table's folder shows when its server is killed."""

    STAGED = "its files are written, its commit is not"
    COMMITTED = "its commit is written, the answer may not be"


@contextmanager
def server_killed(files: EngineFiles, table: Path, moment: Moment) -> Iterator[None]:
    """Kill the server at the moment of the next write to a table inside the block.

    Raises:
        AssertionError: The moment never came, or had passed before the server stood still.
    """
    known = set(table.rglob("*.parquet")) | _commits(table)

    def strike() -> str | None:
        new_files = set(table.rglob("*.parquet")) - known
        if moment is Moment.COMMITTED:
            if not _commits(table) - known:
                return None
            os.kill(_server(files), signal.SIGKILL)
            return "killed"
        if not new_files:
            return None
        # It stands still while the folder is looked at, so that nothing happens in between.
        os.kill(_server(files), signal.SIGSTOP)
        late = bool(_commits(table) - known)
        os.kill(_server(files), signal.SIGCONT if late else signal.SIGKILL)
        return "too late" if late else "killed"

    with _striking(strike):
        yield


@contextmanager
def worker_killed(files: EngineFiles) -> Iterator[None]:
    """Kill Python workers inside the block until the server says that it has lost one.

    Raises:
        AssertionError: The server never lost one.
    """
    seen = _lost_workers(files)

    def strike() -> str | None:
        for daemon in _children(_server(files)):
            for worker in _children(daemon):
                _kill(worker)
        return "killed" if _lost_workers(files) > seen else None

    with _striking(strike):
        yield


def _lost_workers(files: EngineFiles) -> int:
    log = files.log.read_bytes()
    return sum(log.count(words) for words in _WORKER_LOST)


@contextmanager
def _striking(strike: Callable[[], str | None]) -> Iterator[None]:
    """Try a blow again and again beside the block until it says what it did."""
    told: list[str] = []
    over = threading.Event()

    def watch() -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not told and not over.is_set() and time.monotonic() < deadline:
            done = strike()
            if done is not None:
                told.append(done)
            time.sleep(_LOOK_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    assert told == ["killed"], f"the moment was not met: {told}"


def _server(files: EngineFiles) -> int:
    state = files.running()
    assert state is not None
    return state.server_pid


def _commits(table: Path) -> set[Path]:
    return set((table / "_delta_log").glob("[0-9]*.json"))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found.extend(int(child) for child in task.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
