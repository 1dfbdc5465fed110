"""Finding the root of a project: the folder that holds project.yaml."""

from pathlib import Path

from mlops_dagster.errors import SpecError

PROJECT_FILE = "project.yaml"


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
        next_step="Change into a project's folder, or name it with --root",
    )
