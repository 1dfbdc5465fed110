"""Copies the customers that ship with this example to the landing folder, unless they are there."""

import argparse
import shutil
from pathlib import Path

SOURCE = Path(__file__).parent / "data" / "telco_customer_churn.csv"
LANDED = Path("customer_churn") / "customers.csv"


def fetch(landing: Path) -> list[Path]:
    """Write the landing file if it is missing and return what was written."""
    path = landing / LANDED
    if path.exists():
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    shutil.copyfile(SOURCE, unfinished)
    unfinished.replace(path)
    return [path]


def main() -> None:
    """Fetch into the folder given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("landing", type=Path, nargs="?", default=Path("landing"))
    landing = parser.parse_args().landing
    print(f"{len(fetch(landing))} files written to {landing}")


if __name__ == "__main__":
    main()
