"""Holds an environment's daemon as `mlops-dagster ui` does, then becomes another program: ROOT."""

import os
import sys
from pathlib import Path

from mlops_dagster.automation.instance import hold_instance, prepare_instance
from mlops_dagster.resources.workspace import cached_workspace

_OTHER_PROGRAM = "import time; print('held', flush=True); time.sleep(600)"


def main() -> None:
    """Hold it; the program that this process becomes says so."""
    workspace = cached_workspace(Path(sys.argv[1]), "dev")
    prepare_instance(workspace)
    hold_instance(workspace).keep_over_exec()
    os.execv(sys.executable, [sys.executable, "-c", _OTHER_PROGRAM])


if __name__ == "__main__":
    main()
