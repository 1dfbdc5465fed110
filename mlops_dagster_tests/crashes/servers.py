"""Real servers that a test starts, kills by signal 9 and starts again."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from mlops_dagster.automation.instance import dagster_home, process_environment
from mlops_dagster.spec.workspace import Workspace

# A run that was killed before its first sign of life is waited for five minutes.
_PATIENCE_SECONDS = 1500.0


def wait_until(what: Callable[[], bool], *, told: str, every_seconds: float = 1.0) -> None:
    """Return once something is so.

    Raises:
        AssertionError: It takes too long.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, f"never happened: {told}"
        time.sleep(every_seconds)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process with all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


class MlflowServer:
    """An MLflow server on SQLite; what it holds outlives it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it answers while it runs."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def database(self) -> Path:
        """Its database."""
        return self._folder / "mlflow.db"

    def start(self) -> None:
        """Start it and return once it answers."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                    *("--host", "127.0.0.1", "--port", str(self._port)),
                    *("--backend-store-uri", f"sqlite:///{self.database}"),
                    *("--artifacts-destination", str(self._folder / "artifacts")),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, told="MLflow answers")

    def kill(self) -> None:
        """Kill it by signal 9, if it runs."""
        if self._process is not None:
            kill_group(self._process)
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def start_daemon(workspace: Workspace) -> "subprocess.Popen[bytes]":
    """Start Dagster's daemon with the code of a project, as `dagster dev` does."""
    home = dagster_home(workspace)
    with (home / "daemon.log").open("ab") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "dagster._daemon", "run"),
                *("--module-name", "mlops_dagster.definitions"),
            ],
            cwd=home,
            env=process_environment(workspace),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
