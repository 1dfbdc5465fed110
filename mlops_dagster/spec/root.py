"""Which project and environment: an argument, else a variable, else the working folder."""

import os
from pathlib import Path

from mlops_dagster.errors import SpecError

PROJECT_FILE = "project.yaml"
ROOT_VARIABLE = "MLOPS_DAGSTER_ROOT"
ENVIRONMENT_VARIABLE = "MLOPS_DAGSTER_ENVIRONMENT"
USE_CASE_VARIABLE = "MLOPS_DAGSTER_USE_CASE"
DEFAULT_ENVIRONMENT = "dev"


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above `start` that holds project.yaml.

    Raises:
        SpecError: There is none.
    """
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / PROJECT_FILE).is_file():
            return candidate
    raise SpecError(
        "no project found",
        where=str(start),
        expected=f"{PROJECT_FILE} in this folder or one above it",
        next_step="Change into a project's folder, or name it with --root or the variable "
        f"{ROOT_VARIABLE}",
    )


def project_root(start: Path | None = None) -> Path:
    """Return the project's folder: at or above `start`, `MLOPS_DAGSTER_ROOT` or the working folder.

    Raises:
        SpecError: There is no project.yaml there.
    """
    if start is not None:
        return find_root(start)
    named = os.environ.get(ROOT_VARIABLE)
    return find_root(Path(named) if named else Path.cwd())


def environment_name(given: str | None = None) -> str:
    """Return the environment to load: `given`, `MLOPS_DAGSTER_ENVIRONMENT`, else `dev`."""
    return given or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_ENVIRONMENT
