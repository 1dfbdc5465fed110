"""A client in a process of its own: STATE_FOLDER, then what to do."""

import sys
import time
from pathlib import Path

from mlops_dagster.engine.connect import open_engine
from mlops_dagster_tests.engine.small_engine import SMALL


def main() -> None:
    """Count some rows and print the server's pid; with `hold` keep the lease until killed."""
    state_folder, *words = sys.argv[1:]
    engine = open_engine(SMALL, Path(state_folder))
    with engine.step("client") as session:
        print(session.range(7).count(), flush=True)
    if "hold" in words:
        time.sleep(600)
    engine.close()


if __name__ == "__main__":
    main()
