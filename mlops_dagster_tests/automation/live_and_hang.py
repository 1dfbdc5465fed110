"""A process that shows the sign of life of a run until it is killed: HOME RUN_ID."""

import sys
import time

import dagster as dg

from mlops_dagster.resources.run_lease import RunLease


def main() -> None:
    """Show it and wait."""
    home, run_id = sys.argv[1:]
    with dg.DagsterInstance.local_temp(home) as instance:
        assert RunLease.show(instance, run_id) is not None
        print("lives", flush=True)
        time.sleep(600)


if __name__ == "__main__":
    main()
