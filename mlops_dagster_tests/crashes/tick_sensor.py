"""Lets Dagster's sensor daemon look once, in a process of its own: ROOT [POINT].

With a point, Dagster ends the process there by signal 9, in the midst of launching.
"""

import logging
import os
import signal
import sys
from pathlib import Path

import dagster as dg
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.sensor import execute_sensor_iteration

from mlops_dagster.automation.instance import process_environment
from mlops_dagster.automation.sensors import retraining_sensor_name
from mlops_dagster.resources.workspace import cached_workspace


def main() -> None:
    """Look once."""
    root, *point = sys.argv[1:]
    workspace = cached_workspace(Path(root), "dev")
    os.environ.update(process_environment(workspace))
    (use_case,) = workspace.use_cases
    flags = {retraining_sensor_name(use_case): dict.fromkeys(point, signal.SIGKILL)}
    target = ModuleTarget("mlops_dagster.definitions", None, None, None)
    with (
        dg.DagsterInstance.get() as instance,
        create_test_daemon_workspace_context(target, instance) as context,
    ):
        looks = execute_sensor_iteration(
            context, logging.getLogger("tick"), None, None, debug_crash_flags=flags
        )
        errors = [error for error in looks if error is not None]
        sys.exit(str(errors[0]) if errors else 0)


if __name__ == "__main__":
    main()
