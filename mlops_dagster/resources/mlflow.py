"""MLflow as a resource: the environment's tracking store and registry, reached when a step first needs it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ConfigDict

from mlops_dagster.errors import SpecError
from mlops_dagster.resources.workspace import cached_workspace

if TYPE_CHECKING:
    from mlops_dagster.registry.tracking import MlflowTracker


class MlflowResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where trainings are logged and models registered: SQLite below the state folder, or a server by address."""

    model_config = ConfigDict(extra="forbid")

    root: str
    environment: str

    @property
    def tracker(self) -> "MlflowTracker":
        """The tracker of the environment.

        Raises:
            SpecError: The environment names a variable that is not set.
        """
        from mlops_dagster.registry.tracking import open_tracker

        workspace = cached_workspace(Path(self.root), self.environment)
        tracking = workspace.environment.tracking
        if tracking == "sqlite":
            return open_tracker(None, workspace.state_folder)
        address = os.environ.get(tracking.address_variable)
        if not address:
            raise SpecError(
                "the address of the MLflow server is not set",
                where=f"environment {workspace.environment.name}",
                expected=f"an address in {tracking.address_variable}",
                next_step=f"Set {tracking.address_variable}, or write 'tracking: sqlite'.",
            )
        return open_tracker(address, workspace.state_folder)
