"""Memory of a process, of all that it started and of a Spark server, from /proc (Linux)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from mlops_dagster.engine.files import EngineFiles

_SAMPLE_SECONDS = 0.5


@dataclass
class Peak:
    """The largest sample: proportional set size in binary megabytes, in all and by part."""

    megabytes: int = 0
    parts: dict[str, int] = field(default_factory=dict)


@contextmanager
def peak_of(pid: int, state_folder: Path) -> Iterator[Peak]:
    """Sample a process and its descendants, and the server of a state folder, until the block ends.

    Pages that processes share count once: PSS divides them among those that map them.
    """
    peak, done = Peak(), threading.Event()

    def sample() -> None:
        while not done.is_set():
            started = monotonic()
            parts = _parts(pid, state_folder)
            if sum(parts.values()) > peak.megabytes:
                peak.megabytes, peak.parts = sum(parts.values()), parts
            sleep(max(0.0, _SAMPLE_SECONDS - (monotonic() - started)))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        done.set()
        sampler.join()


def _parts(pid: int, state_folder: Path) -> dict[str, int]:
    parents = _parents()
    client = _below(pid, parents)
    server = EngineFiles.of(state_folder).running()
    held = {} if server is None else {"server": {server.server_pid}}
    if server is not None:
        engine = _below(server.supervisor_pid, parents)
        held["workers"] = _below(server.server_pid, parents) - {server.server_pid}
        held["supervisor"] = engine - held["workers"] - held["server"]
        client -= engine
    held["client"] = client
    return {name: sum(map(_pss_megabytes, pids)) for name, pids in held.items()}


def _parents() -> dict[int, int]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(stat.parent.name)] = int(fields[1])
    return found


def _below(pid: int, parents: dict[int, int]) -> set[int]:
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def _pss_megabytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("Pss:")), 0)
