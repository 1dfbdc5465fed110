"""Writes to a small disk until it is full, frees it, writes again: DISK ELSEWHERE.

Prints the error of each store as JSON. Fails where something half-written is left, or where the
same call does not work once there is room.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.registry.mlflow_facts import RunFacts
from mlops_dagster.registry.tracking import MlflowTracker
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state import fence
from mlops_dagster.state.store import open_store
from mlops_dagster_tests.faults.conftest import AS_OF, finished_training

DISK, ELSEWHERE = (Path(name) for name in sys.argv[1:])
TABLE = TableRef("shop", "silver", "visits")


def full(call: Callable[[], object], *, leave_bytes: int = 0) -> MlopsDagsterError:
    """Fill the disk but for some bytes, make a call, free the disk; return how the call failed."""
    filler = DISK / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            file.truncate(max(0, file.tell() - leave_bytes))
    try:
        call()
    except MlopsDagsterError as error:
        return error
    finally:
        filler.unlink()
    raise AssertionError("there was room")


def event_store() -> MlopsDagsterError:
    """Fill the disk under an event store."""
    store = open_store(DISK / "events.db")

    def claim() -> fence.Claim:
        return fence.claim(store, TABLE, "2024-01", token="t" * 100_000, as_of=AS_OF, run_id="run")

    first = claim()
    told = full(claim, leave_bytes=8192)
    assert [stored.seq for stored in store.read(first.stream)] == [1]
    assert claim().seq == 2
    return told


def bundle() -> MlopsDagsterError:
    """Fill the disk under a bundle."""
    folder = DISK / "bundles" / "b"
    told = full(lambda: finished_training(folder), leave_bytes=16384)
    assert list(folder.parent.iterdir()) == []
    finished_training(folder)
    return told


def mlflow() -> MlopsDagsterError:
    """Fill the disk under MLflow's files."""
    training = finished_training(ELSEWHERE / "bundle")
    tracker = MlflowTracker(f"sqlite:///{ELSEWHERE}/mlflow.db", artifacts=DISK / "artifacts")

    def log() -> str:
        return tracker.log_training(training.bundle, RunFacts()).version

    told = full(log, leave_bytes=16384)
    assert tracker.find_version(training.bundle.info.model, training.bundle.digest) is None
    assert log() == log() == "1"
    return told


def main() -> None:
    """Fill the disk under each store."""
    told = {}
    for store in (event_store, bundle, mlflow):
        error = store()
        told[store.__name__] = {
            "class": type(error).__name__,
            "problem": error.problem,
            "where": error.where,
            "next_step": error.next_step,
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
