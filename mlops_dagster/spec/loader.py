"""Reading a workspace: every file, every name, all mistakes at once."""

from pathlib import Path

from mlops_dagster.spec.problems import Problem
from mlops_dagster.spec.workspace import Workspace


def load_workspace(root: Path, environment: str) -> Workspace:
    """Read project.yaml, one environment and all use cases below a folder, and resolve them.

    Args:
        root: The folder that holds project.yaml.
        environment: The name of a file in environments/, without `.yaml`.

    Raises:
        SpecError: Something is wrong; the message lists every mistake of every file, one a line.
    """
    raise NotImplementedError


def find_problems(root: Path, environment: str) -> tuple[Problem, ...]:
    """Return every mistake of every file of a workspace, ordered by file and line; empty when there is none."""
    raise NotImplementedError
