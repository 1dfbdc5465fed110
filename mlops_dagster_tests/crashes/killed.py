"""A module in a process of its own that is killed at a named point."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mlops_dagster.crash_points import AT_VARIABLE, HIT_VARIABLE, CrashPoint


def run_killed(
    module: str,
    *arguments: str,
    root: Path,
    point: CrashPoint,
    about: object = "",
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a module until `kill -9` ends it at a point; one that does not come there is a failure.

    Args:
        module: What is run.
        arguments: Its arguments.
        root: A folder of the test, where the hit is written.
        point: Where it is killed.
        about: Part of the name of what the point is about.
        environment: Further variables.
    """
    hit = root / "hit"
    hit.unlink(missing_ok=True)
    asked = {AT_VARIABLE: f"{point.value}@{about}", HIT_VARIABLE: str(hit)}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **(environment or {}), **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    told = f"{module} {arguments}: exit {done.returncode}\n{done.stderr[-3000:]}"
    assert hit.exists(), f"the point was not reached: {told}"
    assert hit.read_text("utf-8").startswith(point.value)
    assert done.returncode == -signal.SIGKILL, told
