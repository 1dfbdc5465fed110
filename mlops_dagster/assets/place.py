"""From Dagster's resources to what a stage of the domain needs."""

from typing import TYPE_CHECKING

from mlops_dagster.assets.stage import StageRun
from mlops_dagster.resources.mlflow import MlflowResource
from mlops_dagster.resources.workspace import WorkspaceResource

if TYPE_CHECKING:
    from mlops_dagster.lifecycle.place import Place


def stage_place(run: StageRun, mlops: WorkspaceResource, mlflow: MlflowResource) -> "Place":
    """Return where a stage works; nothing is opened yet."""
    from mlops_dagster.lifecycle.place import Place

    return Place(
        workspace=mlops.workspace,
        store=mlops.store,
        locations=mlops.locations,
        tracker=mlflow.tracker,
        window=run.window,
        as_of=run.as_of,
        run_id=run.run_id,
    )
