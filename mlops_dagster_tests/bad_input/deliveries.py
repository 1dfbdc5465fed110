"""Four orders a day in every form that files may have, and the project that reads them."""

import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DAY = "2024-01-01"
HEADER = "number,at,amount,city\n"
NAMES = ("number", "at", "amount", "city")


@dataclass(frozen=True)
class Source:
    """A table of files: where its files are and what a day without faults looks like."""

    files: str
    form: str

    def place(self, landing: Path, day: str) -> Path:
        """Return the file of a day."""
        path = landing / self.files.replace("{window}", day)
        return path if path.suffix else path / "orders.csv"

    def whole(self, day: str) -> bytes:
        """Return the content of a day's file."""
        return {
            "csv": csv_text(day).encode(),
            "gzip": gzip.compress(csv_text(day).encode(), mtime=0),
            "lines": json_lines(day).encode(),
            "array": json_array(day).encode(),
            "parquet": parquet(orders(day)),
        }[self.form]


# Several tables of the form with most faults, so that one run of the job meets several of them.
SOURCES: Mapping[str, Source] = {
    "csv_1": Source("csv_1/{window}.csv", "csv"),
    "csv_2": Source("csv_2/{window}.csv", "csv"),
    "folder": Source("folder/{window}", "csv"),
    "gzip": Source("gzip/{window}.csv.gz", "gzip"),
    "lines": Source("lines/{window}.jsonl", "lines"),
    "array": Source("array/{window}.json", "array"),
    "parquet": Source("parquet/{window}.parquet", "parquet"),
}


def use_case() -> str:
    """Return the use case that reads every source."""
    tables = "".join(
        f'  bronze.{name}:\n    files: "{source.files}"\n    key: [number]\n    event_time: at\n'
        for name, source in SOURCES.items()
    )
    return (
        "spec_version: 1\nname: shop\n"
        "windows: {every: day, first: 2024-01-01, time_zone: America/New_York}\n"
        f"tables:\n{tables}"
    )


def csv_text(day: str) -> str:
    """Return a day's orders, at 10 o'clock in New York, as CSV."""
    rows = (f"{n},{day}T10:00:00-05:00,{n}.5,town {n}\n" for n in range(1, 5))
    return HEADER + "".join(rows)


def json_lines(day: str) -> str:
    """Return the same orders, an object a line."""
    return "".join(
        f'{{"number": {n}, "at": "{day}T10:00:00-05:00", "amount": {n}.5, "city": "town {n}"}}\n'
        for n in range(1, 5)
    )


def json_array(day: str) -> str:
    """Return the same orders as one array over several lines."""
    return "[\n" + ",\n".join(json_lines(day).splitlines()) + "\n]\n"


def orders(day: str) -> pd.DataFrame:
    """Return the same orders as pandas, in UTC."""
    at = pd.Series(pd.to_datetime([f"{day}T15:00:00"] * 4)).astype("datetime64[us]")
    numbers = range(1, 5)
    return pd.DataFrame(
        {
            "number": list(numbers),
            "at": at,
            "amount": [n + 0.5 for n in numbers],
            "city": [f"town {n}" for n in numbers],
        }
    )


def parquet(rows: pd.DataFrame) -> bytes:
    """Return rows as a Parquet file with checksums of its pages, as Spark writes them."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="none", write_page_checksum=True)
    return buffer.getvalue()
