"""The workspace as a resource: the resolved YAML, the event store and the tables' locations."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ConfigDict

from mlops_dagster.spec.root import (
    DEFAULT_ENVIRONMENT,
    ENVIRONMENT_VARIABLE,
    ROOT_VARIABLE,
    environment_name,
    project_root,
)
from mlops_dagster.spec.workspace import Workspace

if TYPE_CHECKING:
    from mlops_dagster.state import EventStore
    from mlops_dagster.tables.locations import Locations

__all__ = [
    "DEFAULT_ENVIRONMENT",
    "ENVIRONMENT_VARIABLE",
    "ROOT_VARIABLE",
    "WorkspaceResource",
    "cached_workspace",
    "environment_name",
    "event_store",
    "project_root",
]


@lru_cache(maxsize=8)
def cached_workspace(root: Path, environment: str) -> Workspace:
    """Load a workspace once a process: definitions, resources and sensors share it."""
    from mlops_dagster.spec.loader import load_workspace

    return load_workspace(root, environment)


class WorkspaceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The project in one environment. Nothing is opened before it is used."""

    model_config = ConfigDict(extra="forbid")

    root: str
    environment: str = DEFAULT_ENVIRONMENT

    @property
    def workspace(self) -> Workspace:
        """The resolved YAML files."""
        return cached_workspace(Path(self.root), self.environment)

    @property
    def store(self) -> "EventStore":
        """The event store of the environment."""
        return event_store(self.workspace)

    @property
    def locations(self) -> "Locations":
        """Where the environment keeps its tables."""
        from mlops_dagster.tables.locations import Locations

        return Locations(self.workspace.environment, self.workspace.root)


@lru_cache(maxsize=8)
def _open_store(root: Path, environment: str) -> "EventStore":
    from mlops_dagster.state.store import open_environment_store

    workspace = cached_workspace(root, environment)
    return open_environment_store(workspace.environment, workspace.state_folder)


def event_store(workspace: Workspace) -> "EventStore":
    """Return the event store that the environment names; opening it is left to its first use."""
    return _open_store(workspace.root, workspace.environment.name)
