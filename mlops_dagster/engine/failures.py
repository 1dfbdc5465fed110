"""Turns what Spark Connect raises into the product's errors: worth a retry, or not."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_dagster.errors import (
    DeltaConflict,
    EngineConfigurationError,
    EngineLost,
    EngineOutOfMemory,
    MlopsDagsterError,
    StorageFull,
    TransientEngineError,
)

if TYPE_CHECKING:
    from pyspark.errors import PySparkException

# Classes of Delta's optimistic concurrency control; Connect delivers them as text.
_DELTA_CONFLICT = re.compile(
    r"Concurrent(?:Append|DeleteRead|DeleteDelete|Transaction|Write)Exception"
    r"|(?:MetadataChanged|ProtocolChanged)Exception|DELTA_CONCURRENT_\w+"
    r"|DELTA_(?:METADATA|PROTOCOL)_CHANGED"
)
_SESSION_LOST = re.compile(r"INVALID_HANDLE\.(?:SESSION|OPERATION)_\w+|NO_ACTIVE_SESSION")
_SERVER_LOST = re.compile(
    r"StatusCode\.UNAVAILABLE|[Cc]onnection refused|[Ff]ailed to connect to all addresses"
    r"|Socket closed|Connection reset|Cannot invoke RPC(?: on| method on)? closed channel"
    r"|SparkContext (?:was|has been) (?:shut ?down|stopped)|stopped SparkContext"
)
_REFUSED = re.compile(r"StatusCode\.(?:UNAUTHENTICATED|PERMISSION_DENIED)")
_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|: File too large")
# Spark's own refusals of memory and those of Java; a heap that was used up ends the server as well.
_MEMORY_FULL = re.compile(
    r"Java heap space|GC overhead limit exceeded|OutOfMemoryError|UNABLE_TO_ACQUIRE_MEMORY"
    r"|Not enough memory to build and broadcast"
)
# The last: it ended before it took its work, which Java tells as a bare EOFException.
_WORKER_LOST = re.compile(
    r"Python worker (?:exited unexpectedly|failed to connect back)"
    r"|org\.apache\.spark\.api\.python\.PythonWorkerFactory\.create"
)
_LONGEST_DETAIL = 600
MORE_MEMORY = (
    "The step is tried again. If it happens each time, raise `engine.memory` in the environment "
    "file, or let fewer runs go at once"
)


@contextmanager
def engine_errors(where: str) -> Iterator[None]:
    """Raise the product's errors for failures of server, session, worker, memory, disk or token.

    Other errors pass unchanged: a wrong query stays Spark's AnalysisException.

    Args:
        where: What was being done, such as a step or a table; it begins the message.

    Raises:
        EngineLost: The server went away.
        TransientEngineError: The session or a Python worker went away.
        EngineOutOfMemory: Spark ran out of memory.
        StorageFull: A disk that Spark writes to is full.
        DeltaConflict: Another writer committed to the same Delta files first.
        EngineConfigurationError: The server refuses the token.
    """
    import grpc
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, grpc.RpcError, ConnectionError, ValueError) as error:
        known = classify(error, where)
        if known is None:
            raise
        raise known from error


def classify(error: Exception, where: str) -> MlopsDagsterError | None:
    """Return the product's error for what Spark Connect raised, or None when it is none of ours."""
    text = _text(error)
    if _DELTA_CONFLICT.search(text):
        return DeltaConflict(
            "Another writer committed to the same files of a Delta table first",
            where=where,
            found=_DELTA_CONFLICT.findall(text)[0],
            next_step="Nothing was written; the same write can be made again",
        )
    if isinstance(error, ValueError) and "closed channel" not in text:
        return None
    if _REFUSED.search(text):
        return EngineConfigurationError(
            "The Spark server refuses the token",
            where=where,
            next_step="For a local engine run `mlops-dagster down` and try again; for a remote "
            "one correct the token in the variable that the environment names",
        )
    if _SESSION_LOST.search(text):
        return TransientEngineError(
            "The Spark session was closed",
            where=where,
            found=_short(text),
            next_step="The step is tried again in a new session",
        )
    if isinstance(error, ConnectionError) or _SERVER_LOST.search(text):
        return EngineLost(
            "The Spark server went away",
            where=where,
            found=_short(text),
            next_step="The step is tried again, with a new server if it is ours. If it fails "
            "each time, see whether the server runs and its address is right",
        )
    return _used_up(text, where)


def _used_up(text: str, where: str) -> MlopsDagsterError | None:
    """Return the error for a disk, memory or worker that gave out, or None."""
    disk = _DISK_FULL.search(text)
    if disk is not None:
        return StorageFull(
            "A disk that Spark writes to is full",
            where=where,
            found=disk[0].lstrip(": "),
            next_step="Nothing was published. Free space where the tables and the engine's folder "
            "lie, then run the same again",
        )
    memory = _MEMORY_FULL.search(text)
    if memory is not None:
        return EngineOutOfMemory(
            "Spark ran out of memory", where=where, found=memory[0], next_step=MORE_MEMORY
        )
    if _WORKER_LOST.search(text):
        return TransientEngineError(
            "A Python worker of Spark ended before its work was done",
            where=where,
            next_step="The step is tried again. If it happens each time, the machine is short of "
            "memory, or a hook's code ends its process",
        )
    return None


def _text(error: Exception) -> str:
    """Return all that tells errors apart: gRPC status, error class and message."""
    parts = [str(error)]
    code = getattr(error, "_grpc_status_code", None)
    if code is not None:
        parts.append(str(code))
    condition = _condition(error)
    if condition is not None:
        parts.append(condition)
    return "\n".join(parts)


def _condition(error: "Exception | PySparkException") -> str | None:
    from pyspark.errors import PySparkException

    return error.getCondition() if isinstance(error, PySparkException) else None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_DETAIL else line[:_LONGEST_DETAIL] + "..."
