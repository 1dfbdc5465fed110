"""The staging tests themselves, run in a process of their own: `python -I -m ... FOLDER DIGEST`.

Prints the result as JSON. The process has no secret in its environment and loads nothing but the
bundle.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_dagster.clock import monotonic_seconds
from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.bundle import LoadedModel, load_bundle
from mlops_dagster.registry.golden import golden_differences
from mlops_dagster.registry.staging import StagingResult, StagingTest
from mlops_dagster.spec.models import Task

_REPEATS = 20
_SHOWN_DIFFERENCES = 3


def main() -> None:
    """Test the bundle that the command line names and print what was found."""
    result = examine(Path(sys.argv[1]), sys.argv[2])
    sys.stdout.write(result.model_dump_json() + "\n")


def examine(folder: Path, digest: str) -> StagingResult:
    """Return what the tests of a bundle found. What cannot be loaded is not tested further."""
    started = monotonic_seconds()
    try:
        loaded = load_bundle(folder, expected_digest=digest)
    except ModelRefused as error:
        return StagingResult(tests=(StagingTest(name="load", passed=False, found=str(error)),))
    load_seconds = monotonic_seconds() - started
    warnings = {"warnings": "; ".join(loaded.warnings)} if loaded.warnings else {}
    return StagingResult(
        tests=(
            StagingTest(name="load", passed=True, found="as registered"),
            _golden_rows(loaded),
            _odd_rows(loaded),
        ),
        measured={
            "load_seconds": f"{load_seconds:.2f}",
            "one_row_milliseconds": f"{_latency_milliseconds(loaded):.2f}",
            "bundle_bytes": str(sum(len(data) for data in loaded.files.values())),
            **warnings,
        },
    )


def _golden_rows(loaded: LoadedModel) -> StagingTest:
    name = "golden_rows"
    golden = loaded.golden
    if golden is None:
        return StagingTest(name=name, passed=False, found="the bundle holds no golden rows")
    differences = golden_differences(loaded.estimator, loaded.info, golden)
    if differences:
        shown = "; ".join(differences[:_SHOWN_DIFFERENCES])
        return StagingTest(name=name, passed=False, found=f"{len(differences)} differ: {shown}")
    return StagingTest(name=name, passed=True, found="predicted as when trained")


def _odd_rows(loaded: LoadedModel) -> StagingTest:
    """Predict rows that no training saw: nulls, unseen categories, far numbers, and no row."""
    name = "odd_rows"
    rows = pd.DataFrame(
        {
            column.name: pd.Series([None, "(never seen before)", "", "x" * 10_000], dtype=object)
            if column.kind == "category"
            else pd.Series([np.nan, 1e6, -1e6, 0.0])
            for column in loaded.info.columns
        }
    )
    try:
        loaded.predict(rows.iloc[:0])
        problem = _out_of_range(loaded.info.task, loaded.predict(rows))
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    if problem is not None:
        return StagingTest(name=name, passed=False, found=problem)
    return StagingTest(
        name=name, passed=True, found="nulls, unseen categories and far numbers are predicted"
    )


def _out_of_range(task: Task, predicted: pd.DataFrame) -> str | None:
    if task is Task.REGRESSION:
        finite = np.isfinite(predicted["prediction"].to_numpy(np.float64)).all()
        return None if finite else "a prediction is not a finite number"
    scores = predicted["score"].to_numpy(np.float64)
    # NaN compares false, so it is out of range as well.
    return None if ((scores >= 0) & (scores <= 1)).all() else "a score is not between 0 and 1"


def _latency_milliseconds(loaded: LoadedModel) -> float:
    """Return the median time of one row's prediction."""
    row = pd.DataFrame(
        {c.name: [None if c.kind == "category" else np.nan] for c in loaded.info.columns}
    )
    times = []
    for _ in range(_REPEATS):
        started = monotonic_seconds()
        try:
            loaded.predict(row)
        except Exception:
            return float("nan")
        times.append(monotonic_seconds() - started)
    return float(np.median(times)) * 1000


if __name__ == "__main__":
    main()
