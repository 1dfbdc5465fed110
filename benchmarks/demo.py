"""The whole demo, from cold to done: `python -m benchmarks.demo [--months 4-12] [--keep FOLDER]`.

In a copy of the project without state: the seconds and the peak memory of `mlops-dagster demo`;
then of the same command again, which finds everything done; then of one more close of the last
month in a process of its own, from its start to its first plan in Spark and to its end, with the
server stopped before it and with the server running. Set-up and jars are there beforehand.

The reference for launches is `import dagster` in a bare process of the same run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.memory import peak_of
from benchmarks.record import ROOT, append_result, copy_project
from mlops_dagster.clock import utc_now
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.server import stop_server

LAUNCHES = 3
# Runs a job as `dagster job execute` does and tells when the first plan leaves for Spark.
LAUNCH = """
import json, sys, time
started = time.perf_counter() - (time.time() - float(sys.argv[2]))
from pyspark.sql.connect.client import SparkConnectClient
first = []
for name in ("_execute", "_execute_and_fetch", "_execute_and_fetch_as_iterator"):
    def timed(self, *args, _call=getattr(SparkConnectClient, name), **kwargs):
        first.append(time.perf_counter() - started)
        return _call(self, *args, **kwargs)
    setattr(SparkConnectClient, name, timed)
import dagster as dg
from mlops_dagster.definitions import defs
job = defs().resolve_job_def("flight_delays_close")
quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
with dg.DagsterInstance.get() as instance:
    result = job.execute_in_process(
        instance=instance, partition_key=sys.argv[1], run_config=quiet
    )
assert result.success
print(json.dumps({"first_plan": first[0], "end": time.perf_counter() - started}))
"""


def main() -> None:
    """Measure, print, append the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", default="4-12", help="the months to replay")
    parser.add_argument("--keep", type=Path, help="a new folder, to look at the project afterwards")
    arguments = parser.parse_args()
    months: str = arguments.months
    with tempfile.TemporaryDirectory() as folder:
        root = copy_project(arguments.keep or Path(folder))
        state = root / ".mlops" / "dev"
        try:
            result = _measure(root, state, months)
        finally:
            stop_server(EngineFiles.of(state), force=True)
    for name, value in result.items():
        print(f"{name:24} {value}")
    append_result("demo", {"months": months, **result})


def _measure(root: Path, state: Path, months: str) -> dict[str, object]:
    command = [sys.executable, "-c", "from mlops_dagster.cli import main; main()", "demo"]
    command += ["--months", months]
    environment = _environment(root, state)
    started = perf_counter()
    process = subprocess.Popen(command, cwd=root, env=environment)
    with peak_of(process.pid, state) as peak:
        code = process.wait()
    wall = perf_counter() - started
    assert code == 0, f"the demo ended with {code}"
    started = perf_counter()
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    again = perf_counter() - started
    floor = statistics.median(_import_dagster(environment) for _ in range(LAUNCHES))
    last = f"2013-{int(months.rpartition('-')[2]):02d}"
    warm = [_launch(root, environment, last) for _ in range(LAUNCHES)]
    stop_server(EngineFiles.of(state), force=True)
    cold = _launch(root, environment, last)
    return {
        "demo_seconds": round(wall, 1),
        "again_seconds": round(again, 2),
        "peak_megabytes": peak.megabytes,
        "peak_parts": peak.parts,
        "import_dagster_seconds": round(floor, 2),
        "first_plan_seconds": round(statistics.median(run["first_plan"] for run in warm), 2),
        "close_seconds": round(statistics.median(run["end"] for run in warm), 2),
        "first_plan_cold_seconds": round(cold["first_plan"], 2),
        "close_cold_seconds": round(cold["end"], 2),
    }


def _environment(root: Path, state: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MLOPS_DAGSTER_ROOT": str(root),
        "DAGSTER_HOME": str(state / "dagster"),
    }


def _import_dagster(environment: dict[str, str]) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, "-c", "import dagster"], env=environment, check=True)
    return perf_counter() - started


def _launch(root: Path, environment: dict[str, str], window: str) -> dict[str, float]:
    program = [sys.executable, "-c", LAUNCH, window]
    done = subprocess.run(
        [*program, str(utc_now().timestamp())],
        cwd=root,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main()
