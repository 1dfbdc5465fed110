"""MLflow as a resource: the environment's tracking store and registry, opened by its first user."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ConfigDict

from mlops_dagster.resources.workspace import cached_workspace

if TYPE_CHECKING:
    from mlops_dagster.registry.tracking import MlflowTracker


class MlflowResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where trainings are logged and models registered: SQLite in the state folder, or a server."""

    model_config = ConfigDict(extra="forbid")

    root: str
    environment: str

    @property
    def tracker(self) -> "MlflowTracker":
        """The tracker of the environment.

        Raises:
            TrackingRefused: The environment names a variable that is not set.
        """
        from mlops_dagster.registry.tracking import open_tracker

        workspace = cached_workspace(Path(self.root), self.environment)
        return open_tracker(workspace.environment, workspace.state_folder)
