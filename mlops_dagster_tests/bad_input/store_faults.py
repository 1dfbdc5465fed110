"""What may be wrong with the places of state and models, and what is said of it."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops_dagster.errors import (
    MlopsDagsterError,
    StateUnusable,
    TrackingRefused,
    TrackingUnavailable,
    TransientStateError,
)

VARIABLE = "BAD_ADDRESS"


@dataclass(frozen=True)
class StoreFault:
    """An address or folder that cannot be used.

    Attributes:
        name: What is wrong, for the page.
        store: Which store it is the place of: `state`, `instance` or `mlflow`.
        prepare: What makes the state folder wrong, if that is the fault.
        address: What the variable holds, if that is the fault.
        error: The error.
        says: A part of the message.
        cure: What to do, for the page.
    """

    name: str
    store: str
    error: type[MlopsDagsterError]
    says: str
    cure: str
    prepare: Callable[[Path], None] | None = None
    address: Callable[[], str] | None = None


def a_file_instead_of_the_folder(state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text("not a folder")


def a_folder_instead_of_the_file(state: Path) -> None:
    (state / "events.db").mkdir(parents=True)


def another_file(state: Path) -> None:
    state.mkdir(parents=True)
    (state / "events.db").write_bytes(b"this is no database, whatever its name says\n" * 100)


def closed_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_CORRECT = "correct the variable"
_ENCODE = "write its signs percent-encoded"
_FOLDER = "give this user a state folder that it may write to"

STORE_FAULTS = (
    StoreFault(
        "a file where the state folder should be",
        "state",
        StateUnusable,
        "the state folder cannot be made",
        _FOLDER,
        prepare=a_file_instead_of_the_folder,
    ),
    StoreFault(
        "a file where the folder of Dagster's instance should be",
        "instance",
        StateUnusable,
        "the folder of Dagster's instance cannot be made",
        _FOLDER,
        prepare=a_file_instead_of_the_folder,
    ),
    StoreFault(
        "an event store that cannot be opened",
        "state",
        StateUnusable,
        "the event store's file cannot be used",
        _FOLDER,
        prepare=a_folder_instead_of_the_file,
    ),
    StoreFault(
        "an event store that is another file",
        "state",
        StateUnusable,
        "the event store's file is damaged",
        "put back a copy of the state folder",
        prepare=another_file,
    ),
    StoreFault(
        "a variable for the event store that is not set",
        "state",
        StateUnusable,
        f"expected the variable {VARIABLE}",
        "set it",
        address=lambda: "",
    ),
    StoreFault(
        "an address of the event store that is none",
        "state",
        StateUnusable,
        "the event store cannot be at this address",
        _CORRECT,
        address=lambda: "postgres@localhost/events",
    ),
    StoreFault(
        "an event store in another database",
        "state",
        StateUnusable,
        "found an address that starts with 'mysql://'",
        _CORRECT,
        address=lambda: "mysql://localhost/events",
    ),
    StoreFault(
        "a PostgreSQL server that does not answer",
        "state",
        TransientStateError,
        "the event store did not answer",
        "the step is tried twice more; see whether the server runs",
        address=lambda: f"postgresql://me:secret@127.0.0.1:{closed_port()}/events",
    ),
    StoreFault(
        "a variable for MLflow that is not set",
        "mlflow",
        TrackingRefused,
        f"expected the variable {VARIABLE}",
        "set it",
        address=lambda: "",
    ),
    StoreFault(
        "an address of MLflow that is none",
        "mlflow",
        TrackingRefused,
        "MLflow cannot be at this address",
        _CORRECT,
        address=lambda: "localhost:5000",
    ),
    StoreFault(
        "a scheme that MLflow does not know",
        "mlflow",
        TrackingRefused,
        "found an address that starts with 'htp://'",
        _CORRECT,
        address=lambda: "htp://localhost:5000",
    ),
    StoreFault(
        "a password of MLflow with a slash that is not encoded",
        "mlflow",
        TrackingRefused,
        "the address of the MLflow server cannot be read",
        _ENCODE,
        address=lambda: "http://me:1/secret@localhost:5000",
    ),
    StoreFault(
        "an MLflow server that does not answer",
        "mlflow",
        TrackingUnavailable,
        "MLflow did not answer",
        "the step is tried twice more; see whether the server runs",
        address=lambda: f"http://me:secret@127.0.0.1:{closed_port()}",
    ),
)
