"""Turns what Spark Connect raises into the product's errors: worth a retry, or not."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_dagster.errors import (
    DeltaConflict,
    EngineConfigurationError,
    MlopsDagsterError,
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
_LONGEST_DETAIL = 600


@contextmanager
def engine_errors(where: str) -> Iterator[None]:
    """Raise the product's errors for failures of the server, session, token or a Delta conflict.

    Other errors pass unchanged: a wrong query stays Spark's AnalysisException.

    Args:
        where: What was being done, such as a step or a table; it begins the message.

    Raises:
        TransientEngineError: The server or session went away.
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
            next_step="The step is tried again with a new session",
        )
    if isinstance(error, ConnectionError) or _SERVER_LOST.search(text):
        return TransientEngineError(
            "The Spark server went away",
            where=where,
            found=_short(text),
            next_step="The step is tried again. If it fails each time, see whether the server runs "
            "and its address is right",
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
