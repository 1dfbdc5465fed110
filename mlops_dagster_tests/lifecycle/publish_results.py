"""Publishing the rules' results of a small project, also in a process of its own: ROOT."""

import os
import sys
from datetime import datetime, timezone
from pathlib import Path

from mlops_dagster.engine.local import new_session
from mlops_dagster.lifecycle.quality_results import ResultsPublished, publish_quality_results
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.data.worlds import USE_CASE, Project

WINDOW = "2013-02"
AS_OF = datetime(2013, 3, 1, tzinfo=timezone.utc)


def publish(project: Project, *, window: str = WINDOW, run_id: str = "run") -> ResultsPublished:
    """Publish the results of a window."""
    workspace = project.workspace()
    return publish_quality_results(
        project.session,
        workspace.use_cases[USE_CASE],
        workspace=workspace,
        window=window,
        as_of=AS_OF,
        store=project.store,
        locations=project.locations,
        run_id=run_id,
    )


if __name__ == "__main__":
    publish(Project(new_session(os.environ[REMOTE_VARIABLE]), Path(sys.argv[1])))
