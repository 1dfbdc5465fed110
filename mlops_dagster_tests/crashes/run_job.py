"""Runs one job of a project in a process of its own: ROOT JOB WINDOW."""

import sys
from pathlib import Path

from mlops_dagster_tests.end_to_end.live_project import live_project


def main() -> None:
    """Run it; exit with 1 when it fails."""
    root, job, window = sys.argv[1:]
    with live_project(Path(root)) as project:
        succeeded = project.run(job, window).success
    sys.exit(0 if succeeded else 1)


if __name__ == "__main__":
    main()
