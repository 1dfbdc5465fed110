"""What kills and faults cost, for real: `python -m benchmarks.reliability`.

Runs the tests that kill runs, servers, workers and daemons and that break the world around them,
also those which `make test` leaves out; half an hour on two quiet cores, as root (it mounts a small
disk). Every trial that the tests make is written to benchmarks/results/reliability.json with the
date, and the tables of docs/reliability.md are made from that file. A test that fails leaves both
as they were.

With `--trials FILE ...` it takes trials that were written before instead: set
MLOPS_DAGSTER_TRIALS to a file, run the tests, name the file here.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mlops_dagster.clock import utc_now
from mlops_dagster_tests.crashes.trials import TRIALS_VARIABLE, Kind, Trial

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
TESTS = ("mlops_dagster_tests/crashes", "mlops_dagster_tests/faults")
BEGIN = "<!-- Made by `python -m benchmarks.reliability`; do not edit. -->\n"
END = "<!-- End of what is made. -->\n"
_HEADINGS: dict[Kind, tuple[str, str]] = {
    "killed run": ("Runs killed by `kill -9`", "killed right after"),
    "killed process": ("Other processes killed by `kill -9`", "killed"),
    "fault": ("Faults", "fault"),
}


class Results(BaseModel):
    """The trials of one day on one machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: str
    machine: str
    trials: tuple[Trial, ...]


def main() -> None:
    """Run the tests, or take what they wrote; write the results and the page."""
    parser = argparse.ArgumentParser(description="What kills and faults cost.")
    parser.add_argument("--trials", nargs="+", type=Path, help="files of trials made before")
    files = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        if files is None:
            files = [Path(folder) / "trials.jsonl"]
            _run_tests(files[0])
        results = Results(
            date=utc_now().date().isoformat(), machine=_machine(), trials=tuple(_trials(files))
        )
    RESULTS.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text("utf-8"), results), encoding="utf-8")
    print(f"{len(results.trials)} trials; {RESULTS.relative_to(ROOT)}, {PAGE.relative_to(ROOT)}")


def read_results() -> Results:
    """Return the results that are committed."""
    return Results.model_validate_json(RESULTS.read_bytes())


def with_tables(page: str, results: Results) -> str:
    """Return the page with its tables made from the results."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + tables(results) + END + after


def tables(results: Results) -> str:
    """Return the tables as Markdown."""
    lost = sum(trial.lost for trial in results.trials)
    duplicated = sum(trial.duplicated for trial in results.trials)
    changed = sum(trial.changed for trial in results.trials)
    summary = (
        f"{len(results.trials)} trials on {results.date} ({results.machine}): lost {lost}, "
        f"duplicated {duplicated}, changed {changed}."
    )
    lines = ["", summary]
    for kind, (heading, first) in _HEADINGS.items():
        of_kind = [trial for trial in results.trials if trial.kind == kind]
        lines += [
            "",
            f"### {heading}",
            "",
            f"| {first} | about | then | trials | lost | duplicated |",
            "|---|---|---|---|---|---|",
            *_rows(of_kind),
        ]
    return "\n".join([*lines, "", ""])


def _rows(trials: list[Trial]) -> Iterator[str]:
    for what, about, then in dict.fromkeys((t.what, t.about, t.then) for t in trials):
        same = [t for t in trials if (t.what, t.about, t.then) == (what, about, then)]
        lost, duplicated = sum(t.lost for t in same), sum(t.duplicated for t in same)
        yield f"| {what} | {about} | {then} | {len(same)} | {lost} | {duplicated} |"


def _run_tests(trials: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *TESTS],
        cwd=ROOT,
        env={**os.environ, TRIALS_VARIABLE: str(trials)},
        check=False,
    )
    if done.returncode != 0:
        sys.exit("a test failed: results and page stay as they were")


def _trials(files: Iterable[Path]) -> Iterator[Trial]:
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            yield Trial.model_validate_json(line)


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    names = ("pyspark", "delta-spark", "dagster", "mlflow")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{cores} cores, Python {platform.python_version()}, {packages}"


if __name__ == "__main__":
    main()
