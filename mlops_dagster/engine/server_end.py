"""Why a server ended that nobody had told to end, and what its users are told."""

import signal
from pathlib import Path
from time import sleep

from mlops_dagster.clock import monotonic_seconds
from mlops_dagster.engine.failures import MORE_MEMORY
from mlops_dagster.engine.files import EngineFiles, ServerEnd, ServerState
from mlops_dagster.errors import EngineOutOfMemory, TransientEngineError

# Spark's exit code after an OutOfMemoryError in a task (SparkExitCode.OOM).
_SPARK_OUT_OF_MEMORY = 52
_OUT_OF_MEMORY = b"java.lang.OutOfMemoryError"
_TAIL_BYTES = 1024 * 1024
# A server out of memory closes its port some seconds before its process ends.
_NOTICED_SECONDS = 5.0
_POLL_SECONDS = 0.05


def record_end(files: EngineFiles, state: ServerState, code: int) -> None:
    """Keep the log of a server that ended by itself and write down why it did.

    Args:
        files: The engine's files.
        state: The server.
        code: Its exit code; negative for a signal.
    """
    if files.log.exists():
        files.log.replace(files.end_log)
    full = code == _SPARK_OUT_OF_MEMORY or _OUT_OF_MEMORY in _tail(files.end_log)
    if full:
        problem = f"The Spark server ran out of memory (heap {state.heap_megabytes} MB) and ended"
        next_step = MORE_MEMORY
    elif code == -signal.SIGKILL:
        problem = "The Spark server was killed (signal 9)"
        next_step = (
            "The step is tried again. If nobody killed it, this machine is short of memory: lower "
            "`engine.memory` or free memory"
        )
    else:
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        problem = f"The Spark server ended by itself ({cause})"
        next_step = "The step is tried again"
    ServerEnd(
        identity=state.identity,
        problem=problem,
        next_step=f"{next_step}. Log: {files.end_log}",
        out_of_memory=full,
    ).write(files.end)


def told_end(files: EngineFiles, state: ServerState, where: str) -> TransientEngineError | None:
    """Return the error that says why a server has ended, or None when it lives on or was stopped.

    Args:
        files: The engine's files.
        state: The server that a call went to.
        where: What was being done.
    """
    deadline = monotonic_seconds() + _NOTICED_SECONDS
    while True:
        end = ServerEnd.read(files.end)
        if end is not None and end.identity == state.identity:
            kind = EngineOutOfMemory if end.out_of_memory else TransientEngineError
            return kind(end.problem, where=where, next_step=end.next_step)
        if ServerState.read(files.state) != state or monotonic_seconds() > deadline:
            return None
        sleep(_POLL_SECONDS)


def _tail(path: Path) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read()
