"""One step about the rows of a small project in a process of its own: ROOT fix|build ROW."""

import os
import sys
from pathlib import Path

from mlops_dagster.data.decisions import Change
from mlops_dagster.data.row_ledger import Action
from mlops_dagster.engine.local import new_session
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.data.worlds import Project

TABLE, WINDOW = "bronze.sales", "2013-01"


def take(project: Project, step: str, row: str) -> None:
    """Correct a row, or build the slice."""
    if step == "build":
        project.build(TABLE, WINDOW)
        return
    project.decide(Action.FIX, Change(row, {"amount": "5"}), why="a comma too far")


def main() -> None:
    """Take the step; a crash point may end it."""
    root, step, row = sys.argv[1:]
    session = new_session(os.environ[REMOTE_VARIABLE])
    take(Project(session, Path(root)), step, row)


if __name__ == "__main__":
    main()
