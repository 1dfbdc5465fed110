"""The engine's folder below an environment's state folder, and the records in it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_dagster.engine.locks import is_locked
from mlops_dagster.errors import EngineConfigurationError

Record = TypeVar("Record", bound="EngineRecord")


class EngineRecord(BaseModel):
    """A frozen JSON file that one process writes and others only read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def write(self, path: Path) -> None:
        """Replace the file in one step, so that a reader never sees half of it."""
        write_atomically(path, self.model_dump_json(indent=1))

    @classmethod
    def read(cls: type[Record], path: Path) -> Record | None:
        """Return the record, or None when there is none or it is not one of ours."""
        try:
            return cls.model_validate_json(path.read_text())
        except (FileNotFoundError, ValidationError):
            return None


class ServerState(EngineRecord):
    """A server that answers: written by its supervisor when it is up, removed when it ends."""

    identity: str
    supervisor_pid: int
    server_pid: int
    port: int
    fingerprint: str
    java: str
    heap_megabytes: int
    idle_stop_minutes: float
    started: str


class ServerProcess(EngineRecord):
    """The JVM as spawned; lets the next start find one that lost its supervisor."""

    pid: int
    started: str


class StartFailure(EngineRecord):
    """Why the last start gave no server."""

    problem: str
    next_step: str
    where: str | None = None
    expected: str | None = None
    found: str | None = None

    @classmethod
    def of(cls, error: EngineConfigurationError) -> "StartFailure":
        """Return the record of an error, for the process that asked for the start."""
        return cls(
            problem=error.problem,
            next_step=error.next_step or "",
            where=error.where,
            expected=error.expected,
            found=error.found,
        )

    def error(self, *, where: str) -> EngineConfigurationError:
        """Return the error for whoever asked for the start, at a place unless it has its own."""
        return EngineConfigurationError(
            self.problem,
            where=self.where or where,
            expected=self.expected,
            found=self.found,
            next_step=self.next_step,
        )


class ServerEnd(EngineRecord):
    """How a server ended that nobody had told to end."""

    identity: str
    problem: str
    next_step: str
    out_of_memory: bool


class NamedTables(EngineRecord):
    """The server in whose catalog the warehouse's tables have their names."""

    server_identity: str


@dataclass(frozen=True)
class EngineFiles:
    """Paths of one environment's engine; nothing is created by naming them."""

    folder: Path

    @classmethod
    def of(cls, state_folder: Path) -> "EngineFiles":
        """Return the engine files of the environment that keeps its state in `state_folder`."""
        return cls(Path(os.path.abspath(state_folder)) / "engine")

    @property
    def state(self) -> Path:
        """`ServerState` of a server that answers."""
        return self.folder / "server.json"

    @property
    def process(self) -> Path:
        """`ServerProcess` of the JVM, also while it starts."""
        return self.folder / "process.json"

    @property
    def failure(self) -> Path:
        """`StartFailure` of the last start."""
        return self.folder / "failure.json"

    @property
    def end(self) -> Path:
        """`ServerEnd` of the last server that ended by itself."""
        return self.folder / "ended.json"

    @property
    def end_log(self) -> Path:
        """Output of the last server that ended by itself."""
        return self.folder / "ended.log"

    @property
    def token(self) -> Path:
        """The server's token, readable by its owner only."""
        return self.folder / "token"

    @property
    def log(self) -> Path:
        """Output of the server of this or the last start."""
        return self.folder / "server.log"

    @property
    def supervisor_log(self) -> Path:
        """Output of the supervisor."""
        return self.folder / "supervisor.log"

    @property
    def start_lock(self) -> Path:
        """Held exclusively by the one process that starts or replaces a server."""
        return self.folder / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held exclusively by the supervisor for its whole life."""
        return self.folder / "supervisor.lock"

    @property
    def lease_lock(self) -> Path:
        """Held shared by every session; its time stamp moves when a session comes or goes."""
        return self.folder / "lease.lock"

    @property
    def trust_store(self) -> Path:
        """Certificate authorities of this machine for a Java that does not know them."""
        return self.folder / "trust.p12"

    @property
    def temporary(self) -> Path:
        """The server's temporary folder, emptied at each start."""
        return self.folder / "tmp"

    @property
    def warehouse(self) -> Path:
        """Where the server puts tables that have a name; it outlives the engine's folder."""
        return self.folder.parent / "warehouse"

    @property
    def names(self) -> Path:
        """`NamedTables` of the server of this or the last start."""
        return self.folder / "names.json"

    @property
    def names_lock(self) -> Path:
        """Held exclusively by the one process that gives tables their names."""
        return self.folder / "names.lock"

    @property
    def uploads(self) -> Path:
        """Parquet files on their way from a client to the server, emptied at each start."""
        return self.folder / "uploads"

    def supervisor_alive(self) -> bool:
        """Tell whether a supervisor lives; a lock cannot be mistaken for another process."""
        return is_locked(self.supervisor_lock, against_shared=False)

    def running(self) -> ServerState | None:
        """Return the state of a server that is up and supervised, else None."""
        state = ServerState.read(self.state)
        if state is None or not self.supervisor_alive():
            return None
        # Read again: the first may be what a killed supervisor left and the living one's start
        # removed in between.
        return ServerState.read(self.state)

    def in_use(self) -> bool:
        """Tell whether any process holds a lease."""
        return is_locked(self.lease_lock, against_shared=True)


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file so that it appears complete, with its final rights from the start."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
