"""Finds, starts, replaces and stops the local server of an environment."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep

from mlops_dagster.clock import monotonic_seconds
from mlops_dagster.engine.files import EngineFiles, ServerState, StartFailure
from mlops_dagster.engine.locks import FileLock, exclusively, is_locked
from mlops_dagster.engine.processes import resident_megabytes, started_at
from mlops_dagster.engine.settings import DELTA_PACKAGE, ServerSettings, delta_jars_present
from mlops_dagster.engine.supervisor import ALREADY_SUPERVISED
from mlops_dagster.errors import EngineConfigurationError, TransientEngineError

Announce = Callable[[str], None]

_START_SECONDS = 960.0
_STOP_SECONDS = 45.0
_POLL_SECONDS = 0.1
_FETCHED = re.compile(r"\[SUCCESSFUL \] (\S+?)#(\S+?);(\S+?)!")


def announce_on_stderr(line: str) -> None:
    """Write one line where a person or a run's log sees it."""
    sys.stderr.write(f"mlops-dagster: {line}\n")
    sys.stderr.flush()


class Lease:
    """A hold on the server: while one is held the server does not stop for being idle.

    The kernel frees it when the process ends, also by kill -9.
    """

    def __init__(self, files: EngineFiles, lock: FileLock) -> None:
        self._files = files
        self._lock = lock

    @classmethod
    def take(cls, files: EngineFiles) -> "Lease":
        """Take a lease, waiting while a supervisor that found no lease ends its server."""
        lock = FileLock.try_take(files.lease_lock, exclusive=False, wait_seconds=_STOP_SECONDS)
        if lock is None:
            raise TransientEngineError(
                "The Spark server takes too long to stop", where=str(files.folder)
            )
        os.utime(files.lease_lock)
        return cls(files, lock)

    def release(self) -> None:
        """Give the hold back; the idle time starts now."""
        if self._files.lease_lock.exists():
            os.utime(self._files.lease_lock)
        self._lock.release()


@dataclass(frozen=True)
class LeasedServer:
    """A server that answers and stays while the lease is held."""

    state: ServerState
    lease: Lease


def lease_server(
    files: EngineFiles, settings: ServerSettings, *, announce: Announce = announce_on_stderr
) -> LeasedServer:
    """Return a leased server with these settings, starting or replacing one where needed.

    A server with other settings is replaced only when nobody uses it; until then it serves on,
    and that is announced.

    Raises:
        EngineConfigurationError: When no server can be had: no Java, no jars, no memory.
        TransientEngineError: When a start or stop takes too long.
    """
    lease = Lease.take(files)
    state = files.running()
    if state is not None and state.fingerprint == settings.fingerprint:
        return LeasedServer(state, lease)
    lease.release()
    with exclusively(files.start_lock, wait_seconds=_START_SECONDS) as alone:
        if not alone:
            raise TransientEngineError(
                "Another process takes too long to start the Spark server", where=str(files.folder)
            )
        _stop_outdated(files, settings, announce)
        lease = Lease.take(files)
        try:
            return LeasedServer(_running_or_started(files, settings, announce), lease)
        except BaseException:
            lease.release()
            raise


def stop_server(files: EngineFiles, *, force: bool = False) -> bool:
    """Stop the server and return whether there was one.

    Args:
        files: The engine's files.
        force: Also stop a server that sessions use; their steps then fail as transient.

    Raises:
        EngineConfigurationError: When sessions use it and `force` is not given.
        TransientEngineError: When it does not end in time.
    """
    state = files.running()
    if state is None:
        return False
    if not force and files.in_use():
        raise EngineConfigurationError(
            "Sessions use the Spark server",
            where=str(files.folder),
            next_step="Let their runs end, or stop it anyway with `mlops-dagster down --force`",
        )
    _end_supervisor(files, state)
    return True


def _end_supervisor(files: EngineFiles, state: ServerState) -> None:
    started = started_at(state.supervisor_pid)
    if started is None or not files.supervisor_alive():
        return
    os.kill(state.supervisor_pid, 15)
    deadline = monotonic_seconds() + _STOP_SECONDS
    while files.supervisor_alive():
        if monotonic_seconds() > deadline:
            raise TransientEngineError(
                "The Spark server does not stop",
                where=str(files.folder),
                next_step=f"End the processes {state.supervisor_pid} and {state.server_pid}",
            )
        sleep(_POLL_SECONDS)


def _stop_outdated(files: EngineFiles, settings: ServerSettings, announce: Announce) -> None:
    state = files.running()
    if state is None or state.fingerprint == settings.fingerprint:
        return
    unused = FileLock.try_take(files.lease_lock, exclusive=True)
    if unused is None:
        announce(
            f"the Spark server (pid {state.server_pid}) has other settings or versions but is "
            "in use; it serves on, and the first start after its last session has ended replaces it"
        )
        return
    try:
        announce(f"settings or versions changed: replacing the Spark server ({state.server_pid})")
        _end_supervisor(files, state)
    finally:
        unused.release()


def _running_or_started(
    files: EngineFiles, settings: ServerSettings, announce: Announce
) -> ServerState:
    state = files.running()
    if state is not None:
        return state
    if not files.supervisor_alive():
        _launch(files, settings)
        announce(
            f"starting a Spark server ({settings.versions}, heap {settings.heap_megabytes} MB), "
            "about 5-15 s"
        )
        if not delta_jars_present():
            announce(
                f"fetching Delta's jars ({DELTA_PACKAGE} and what it needs, about 20 MB) to "
                "~/.ivy2.5.2; this happens once and takes about 20-60 s"
            )
    state = _wait_until_running(files, announce)
    announce(
        f"Spark server is up: pid {state.server_pid}, "
        f"{resident_megabytes(state.server_pid) or 0} MB of memory now, "
        f"heap at most {state.heap_megabytes} MB; stops after {state.idle_stop_minutes:g} idle "
        "minutes, or now with `mlops-dagster down`"
    )
    return state


def _launch(files: EngineFiles, settings: ServerSettings) -> None:
    files.folder.mkdir(parents=True, exist_ok=True)
    # A supervisor that was killed left its state: it must be gone before the next one is alive.
    files.state.unlink(missing_ok=True)
    files.failure.unlink(missing_ok=True)
    files.log.unlink(missing_ok=True)
    with files.supervisor_log.open("ab") as log:
        # The supervisor detaches by itself; this waits for the fork, not for the server.
        result = subprocess.run(  # noqa: S603 - a command of our own making
            [
                sys.executable,
                "-m",
                "mlops_dagster.engine.supervisor",
                str(files.folder),
                settings.to_json(),
            ],
            cwd=files.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )
    if result.returncode not in (0, ALREADY_SUPERVISED):
        raise EngineConfigurationError(
            "The Spark server's supervisor did not start",
            where=str(files.folder),
            next_step=f"Log: {files.supervisor_log}",
        )


def _wait_until_running(files: EngineFiles, announce: Announce) -> ServerState:
    deadline = monotonic_seconds() + _START_SECONDS
    fetched = 0
    while monotonic_seconds() < deadline:
        alive = is_locked(files.supervisor_lock, against_shared=False)
        state = ServerState.read(files.state)
        if state is not None and alive:
            return state
        if not alive:
            raise _start_error(files)
        fetched = _announce_fetched(files, announce, fetched)
        sleep(_POLL_SECONDS)
    raise TransientEngineError("The Spark server takes too long to start", where=str(files.log))


def _announce_fetched(files: EngineFiles, announce: Announce, known: int) -> int:
    if not files.log.exists():
        return known
    lines = _FETCHED.findall(files.log.read_text(errors="replace"))
    for organisation, name, version in lines[known:]:
        announce(f"  fetched {organisation}:{name}:{version}")
    return len(lines)


def _start_error(files: EngineFiles) -> EngineConfigurationError:
    failure = StartFailure.read(files.failure)
    if failure is None:
        return EngineConfigurationError(
            "The Spark server's supervisor ended while starting",
            where=str(files.folder),
            next_step=f"Log: {files.supervisor_log}",
        )
    return failure.error(where=str(files.folder))
