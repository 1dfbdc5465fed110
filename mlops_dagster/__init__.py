"""A machine-learning use case as one Dagster asset graph on Spark, Delta Lake and MLflow."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_dagster.notebook.workspace import OpenedWorkspace

__version__ = "0.1.0"


def open_workspace(
    environment: str | None = None, root: Path | str | None = None
) -> "OpenedWorkspace":
    """Return a project to be looked at in a notebook; nothing starts before rows are asked for.

    Args:
        environment: A name below environments/; by default that of the variable
            `MLOPS_DAGSTER_ENVIRONMENT`, else `dev`.
        root: The project's folder or one below it; by default that of the variable
            `MLOPS_DAGSTER_ROOT`, else the working folder.

    Raises:
        SpecError: There is no project, or its files have mistakes; the message lists them all.
    """
    from mlops_dagster.notebook.workspace import opened

    return opened(environment, root)
