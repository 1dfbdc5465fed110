"""Says what the local engine does, from files alone: it opens no socket and starts nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlops_dagster.engine.files import EngineFiles, ServerState, StartFailure
from mlops_dagster.engine.processes import resident_megabytes


@dataclass(frozen=True)
class EngineStatus:
    """The local server of one environment.

    `phase` is `starting` while a supervisor lives without a server that answers.
    """

    phase: Literal["stopped", "starting", "running"]
    server: ServerState | None
    memory_megabytes: int | None
    in_use: bool
    last_failure: str | None


def read_status(state_folder: Path) -> EngineStatus:
    """Return the status of the engine that keeps its files below `state_folder`."""
    files = EngineFiles.of(state_folder)
    server = files.running()
    failure = StartFailure.read(files.failure)
    alive = server is not None or files.supervisor_alive()
    return EngineStatus(
        phase="running" if server else "starting" if alive else "stopped",
        server=server,
        memory_megabytes=resident_megabytes(server.server_pid) if server else None,
        in_use=alive and files.in_use(),
        last_failure=None if alive or failure is None else failure.problem,
    )
