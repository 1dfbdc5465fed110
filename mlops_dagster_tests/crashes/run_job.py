"""Does one thing of a project's life in a process of its own: ROOT JOB WINDOW, or ROOT sensor."""

import sys
from pathlib import Path

from mlops_dagster.automation.replay import run_requested
from mlops_dagster_tests.end_to_end.live_project import live_project, step_failure

SENSOR = "sensor"


def main() -> None:
    """Run the job, or what the retraining sensor asks for; say why it fails and exit with 1."""
    root, job, *window = sys.argv[1:]
    with live_project(Path(root)) as project:
        if job == SENSOR:
            list(run_requested(project.definitions, project.instance, project.use_case))
            return
        result = project.run(job, window[0])
        if not result.success:
            print(step_failure(result))
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    main()
