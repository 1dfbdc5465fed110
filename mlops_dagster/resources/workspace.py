"""The workspace as a resource: the resolved YAML, the event store and the tables' locations."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ConfigDict, PrivateAttr

from mlops_dagster.resources.run_lease import RunLease
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
    """The project in one environment. Nothing is opened before it is used.

    While a run goes on its process shows a sign of life, so that a run that was killed is told from
    one that takes long.
    """

    model_config = ConfigDict(extra="forbid")

    root: str
    environment: str = DEFAULT_ENVIRONMENT

    _lease: RunLease | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Show that the run lives."""
        if context.run is not None and context.instance is not None:
            self._lease = RunLease.show(context.instance, context.run.run_id)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """End the sign of life: the run ends by itself."""
        if self._lease is not None:
            self._lease.release()
            self._lease = None

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
