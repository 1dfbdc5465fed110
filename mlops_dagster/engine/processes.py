"""What the operating system says about a process, read from files where it has them."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

from mlops_dagster.clock import monotonic_seconds

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.05


def started_at(pid: int) -> str | None:
    """Return an opaque text naming when the process started, or None when it does not run.

    A pid together with this text names one process for ever; a pid alone is used again.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else fields[19]
    return _ps(pid, "lstart=") or None


def resident_megabytes(pid: int) -> int | None:
    """Return the physical memory of a process in binary megabytes, or None when it does not run."""
    if sys.platform == "linux":
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return None
        kilobytes = next((line.split()[1] for line in lines if line.startswith("VmRSS:")), None)
    else:
        kilobytes = _ps(pid, "rss=")
    return int(kilobytes) // 1024 if kilobytes else None


def end_process(pid: int, *, started: str, grace_seconds: float) -> None:
    """End the process that started then: politely, and by force after the grace."""
    for number, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        if started_at(pid) != started:
            return
        os.kill(pid, number)
        deadline = monotonic_seconds() + patience
        while started_at(pid) == started and monotonic_seconds() < deadline:
            sleep(_POLL_SECONDS)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends; elsewhere this does nothing.

    Meant to run in a child between fork and exec. Other systems have no such request: there the
    next start ends a server that lost its supervisor.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ps(pid: int, column: str) -> str:
    result = subprocess.run(  # noqa: S603 - fixed program, numeric argument
        ["/bin/ps", "-o", column, "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return result.stdout.strip()
