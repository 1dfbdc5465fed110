"""The staging tests themselves, run in a process of their own: `python -I -m ... FOLDER DIGEST`.

Prints one JSON object. The process has no secret in its environment and loads nothing but the bundle.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.bundle import LoadedModel, load_bundle
from mlops_dagster.registry.golden import golden_differences

_REPEATS = 20


def main() -> None:
    """Test the bundle that the command line names and print what was found."""
    folder, digest = Path(sys.argv[1]), sys.argv[2]
    try:
        found = test_bundle(folder, digest)
    except ModelRefused as error:
        found = {"passed": "false", "load": str(error)}
    sys.stdout.write(json.dumps(found) + "\n")


def test_bundle(folder: Path, digest: str) -> dict[str, str]:
    """Return what the tests of a bundle found; `passed` is `true` or `false`.

    Loads it against its digest, predicts the golden rows and compares, predicts a row of nulls and
    one of categories nobody has seen, and measures size and the latency of one row (not judged).
    """
    started = perf_counter()
    loaded = load_bundle(folder, expected_digest=digest)
    load_seconds = perf_counter() - started
    golden = loaded.golden
    differences = (
        ("the bundle holds no golden rows",)
        if golden is None
        else golden_differences(loaded.estimator, loaded.info, golden)
    )
    odd = _odd_rows(loaded)
    return {
        "passed": "false" if differences or odd else "true",
        "load": "as registered",
        "golden_rows": "; ".join(differences) or "as when trained",
        "odd_rows": odd or "null and unseen values give predictions in range",
        "load_seconds": f"{load_seconds:.2f}",
        "one_row_milliseconds": f"{_latency_milliseconds(loaded):.2f}",
        "bundle_bytes": str(sum(len(data) for data in loaded.files.values())),
        "warnings": "; ".join(loaded.warnings),
    }


def _odd_rows(loaded: LoadedModel) -> str:
    """Return what is wrong with predictions of rows that no training saw, empty when nothing is."""
    import pandas as pd

    columns = loaded.info.columns
    rows = pd.DataFrame(
        {
            column.name: (
                pd.Series([None, "never seen before"], dtype=object)
                if column.kind == "category"
                else pd.Series([np.nan, 1e6])
            )
            for column in columns
        }
    )
    predicted = loaded.predict(rows)
    for name in ("score", "prediction"):
        if name not in predicted or predicted[name].dtype == object:
            continue
        values = predicted[name].to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            return f"{name} of a row of nulls or unseen values is not a number"
        if name == "score" and ((values < 0) | (values > 1)).any():
            return "score of a row of nulls or unseen values is not between 0 and 1"
    return ""


def _latency_milliseconds(loaded: LoadedModel) -> float:
    """Return the median time of one row's prediction."""
    import pandas as pd

    golden = loaded.golden
    if golden is None:
        return 0.0
    row = pd.DataFrame({name: list(values[:1]) for name, values in golden.rows.items()})
    times = []
    for _ in range(_REPEATS):
        started = perf_counter()
        loaded.predict(row)
        times.append(perf_counter() - started)
    return float(np.median(times)) * 1000


if __name__ == "__main__":
    main()
