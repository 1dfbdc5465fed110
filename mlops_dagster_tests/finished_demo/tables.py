"""Delta tables as pandas reads their files, without Spark and without the product.

A Delta table is the files that its log has added and not removed again.
"""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

REPOSITORY = Path(__file__).parents[2]
STATE = REPOSITORY / ".mlops" / "dev"
TABLES = STATE / "warehouse" / "flight_delays"
SUMMARY = REPOSITORY / ".mlops" / "demo" / "summary.json"


def read_table(name: str, *, window: str, columns: list[str] | None = None) -> pd.DataFrame:
    """Return a window of a table, with its other partition columns as text."""
    return read_delta(TABLES / name, window=window, columns=columns)


def read_delta(
    folder: Path, *, window: str | None = None, columns: list[str] | None = None
) -> pd.DataFrame:
    """Return a Delta table, or a window of it, with its partition columns as text."""
    live: dict[str, dict[str, str]] = {}
    for commit in sorted((folder / "_delta_log").glob("*.json")):
        for line in commit.read_text("utf-8").splitlines():
            action = json.loads(line)
            if "add" in action:
                live[action["add"]["path"]] = action["add"]["partitionValues"]
            elif "remove" in action:
                live.pop(action["remove"]["path"], None)
    parts: list[pd.DataFrame] = [
        pq.ParquetFile(folder / path).read(columns=columns).to_pandas().assign(**partition)
        for path, partition in live.items()
        if window is None or partition["window"] == window
    ]
    return pd.concat(parts, ignore_index=True)
