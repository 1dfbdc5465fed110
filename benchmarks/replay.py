"""Where the time of the flagship's months goes: `python -m benchmarks.replay [--last 5]`.

A copy of the project in a temporary folder is replayed in one process, as `make demo` does it. A
call to Spark, to model fitting or to MLflow is timed where it enters that library; what is left of
a run's wall time is the framework's own: Dagster, state, specs and our code. Start-up is not part
of it: the server runs and everything is imported when the clock starts.

The result is appended to benchmarks/results/replay.jsonl.
"""

import argparse
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

import dagster as dg
import mlflow.tracking
from pyspark.sql.connect.client import SparkConnectClient

from benchmarks.record import append_result, copy_project
from mlops_dagster.automation.instance import prepare_instance
from mlops_dagster.automation.replay import replay_window
from mlops_dagster.definitions import build_definitions
from mlops_dagster.engine.connect import open_engine
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.server import stop_server
from mlops_dagster.lifecycle import fitting
from mlops_dagster.resources.workspace import cached_workspace

USE_CASE = "flight_delays"


@dataclass
class Stopwatch:
    """Seconds in which some thread is inside a library.

    A call that begins while another one is open, inside it or in another thread, counts for the one
    that began first: no second counts twice.
    """

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _lock: Lock = field(default_factory=Lock)
    _open: int = 0
    _first: str = ""
    _since: float = 0.0

    @contextmanager
    def within(self, library: str) -> Iterator[None]:
        """Time a block."""
        with self._lock:
            if self._open == 0:
                self._first, self._since = library, perf_counter()
                self.calls[library] += 1
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1
                if self._open == 0:
                    self.seconds[self._first] += perf_counter() - self._since

    def time_method(self, owner: object, name: str, library: str) -> None:
        """Time every call of a method or function."""
        original: Callable[..., Any] = getattr(owner, name)

        @wraps(original)
        def timed(*args: object, **kwargs: object) -> object:
            with self.within(library):
                return original(*args, **kwargs)

        setattr(owner, name, timed)

    def time_iterator(self, owner: object, name: str, library: str) -> None:
        """Time every step of what a method yields, not what its caller does between the steps."""
        original: Callable[..., Any] = getattr(owner, name)

        @wraps(original)
        def timed(*args: object, **kwargs: object) -> Iterator[object]:
            steps = original(*args, **kwargs)
            while True:
                with self.within(library):
                    try:
                        step = next(steps)
                    except StopIteration:
                        return
                yield step

        setattr(owner, name, timed)


def instrument(watch: Stopwatch) -> None:
    """Time the libraries where this process enters them."""
    for name in ("_execute", "_execute_and_fetch", "_analyze", "config", "release_session"):
        watch.time_method(SparkConnectClient, name, "spark")
    watch.time_iterator(SparkConnectClient, "_execute_and_fetch_as_iterator", "spark")
    watch.time_method(fitting, "train_model", "fit")
    watch.time_method(fitting, "compare_with_champion", "fit")
    for name in dir(mlflow.tracking.MlflowClient):
        if not name.startswith("_") and callable(getattr(mlflow.tracking.MlflowClient, name)):
            watch.time_method(mlflow.tracking.MlflowClient, name, "mlflow")


def main() -> None:
    """Replay, print a table, append the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--last", type=int, default=5, help="the last month of 2013")
    last = parser.parse_args().last
    with tempfile.TemporaryDirectory() as folder:
        result = _replay(copy_project(Path(folder)), last)
    append_result("replay", result)


def _replay(root: Path, last: int) -> dict[str, object]:
    workspace = cached_workspace(root, "dev")
    os.environ["DAGSTER_HOME"] = str(prepare_instance(workspace))
    watch = Stopwatch()
    instrument(watch)
    engine = open_engine(workspace.environment, workspace.state_folder)
    runs: list[dict[str, object]] = []
    try:
        engine.session().range(1).count()
        definitions = build_definitions(root, "dev")
        with dg.DagsterInstance.get() as instance:
            use_case = workspace.use_cases[USE_CASE]
            for month in range(1, last + 1):
                started, before = perf_counter(), dict(watch.seconds)
                window = f"2013-{month:02d}"
                for step in replay_window(definitions, instance, use_case, window):
                    now = dict(watch.seconds)
                    wall = perf_counter() - started
                    spent = {k: round(v - before.get(k, 0.0), 2) for k, v in now.items()}
                    runs.append(_run(step.job, window, wall, spent))
                    started, before = perf_counter(), now
    finally:
        engine.close()
        stop_server(EngineFiles.of(workspace.state_folder), force=True)
    # The first month also fills caches of classes and plans; it is shown and not counted.
    counted = [run for run in runs if run["window"] != "2013-01"]
    share = sum(float(str(r["own"])) for r in counted) / sum(float(str(r["wall"])) for r in counted)
    print(f"own share of the wall time after the first month: {share:.0%}")
    return {
        "runs": runs,
        "own_share": round(share, 3),
        "spark_calls": watch.calls["spark"],
    }


def _run(job: str, window: str, wall: float, spent: dict[str, float]) -> dict[str, object]:
    own = wall - sum(spent.values())
    parts = "  ".join(f"{name} {seconds:6.2f}" for name, seconds in sorted(spent.items()))
    print(f"{window}  {job:40} {wall:6.2f} s  own {own:5.2f} ({own / wall:4.0%})  {parts}")
    return {"job": job, "window": window, "wall": round(wall, 2), "own": round(own, 2), **spent}


if __name__ == "__main__":
    main()
