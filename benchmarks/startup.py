"""How long looking takes, against the floor of importing Dagster: `python -m benchmarks.startup`.

Each command runs in a process of its own, five times; the table shows medians in seconds and as a
ratio to the floor of the same run. The result is appended to benchmarks/results/startup.jsonl.
"""

import statistics
import subprocess
import sys
from time import perf_counter

from benchmarks.record import ROOT, append_result

RUNS = 5
LOAD = "from mlops_dagster.definitions import defs; defs().get_repository_def()"
TICK = (
    "import dagster as dg; from mlops_dagster.definitions import defs; found = defs(); "
    "sensor = found.resolve_sensor_def('flight_delays_retraining'); "
    "instance = dg.DagsterInstance.ephemeral(); "
    "context = dg.build_sensor_context(instance=instance, definitions=found); "
    "sensor.evaluate_tick(context)"
)
COMMANDS = {
    "floor: import dagster": ["-c", "import dagster"],
    "load definitions": ["-c", LOAD],
    "load and one sensor tick": ["-c", TICK],
    "mlops-dagster check": ["-c", "from mlops_dagster.cli import main; main(['check'])"],
    "mlops-dagster status": ["-c", "from mlops_dagster.cli import main; main(['status'])"],
}


def main() -> None:
    """Measure, print a table, append the result."""
    medians = {name: _median(arguments) for name, arguments in COMMANDS.items()}
    floor = medians["floor: import dagster"]
    for name, seconds in medians.items():
        print(f"{name:28} {seconds:6.2f} s  {seconds / floor:5.2f} x floor")
    append_result("startup", {"runs": RUNS, "median_seconds": medians})


def _median(arguments: list[str]) -> float:
    times = []
    for _ in range(RUNS):
        started = perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
        times.append(perf_counter() - started)
    return round(statistics.median(times), 3)


if __name__ == "__main__":
    main()
