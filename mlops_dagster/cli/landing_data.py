"""Bringing the data of an example to the landing folder, by the use case's own script."""

import subprocess
import sys
from pathlib import Path

from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.spec.workspace import Workspace

# A use case that ships or downloads its data has this file; it leaves alone what is there.
FETCH_SCRIPT = "fetch_data.py"


def land_data(workspace: Workspace, script: Path, *arguments: str) -> None:
    """Run a script of a use case with the landing folder as its first argument.

    Raises:
        MlopsDagsterError: The script failed.
    """
    done = subprocess.run(  # noqa: S603 - a file of the project, run by this Python
        [sys.executable, str(script), str(workspace.landing), *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise MlopsDagsterError(
            "the data could not be unpacked", where=str(script), found=done.stderr.strip()
        )
