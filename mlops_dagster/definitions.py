"""The code location: everything that a project's YAML declares, as Dagster definitions."""

from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from mlops_dagster.resources.workspace import (
    WorkspaceResource,
    cached_workspace,
    environment_name,
    project_root,
)
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace


def build_definitions(
    project: Path | str, environment: str, *, merge: Iterable[dg.Definitions] = ()
) -> dg.Definitions:
    """Return the definitions of a project in one environment, merged with a user's own.

    A user's assets read and feed our tables through the IO manager `delta`, take registered models
    through `model`, and may use the resources `mlops`, `spark` and `mlflow`.

    Args:
        project: The folder that holds project.yaml.
        environment: A name below environments/.
        merge: Definitions of the user's own.

    Raises:
        SpecError: The YAML is wrong; the message lists every mistake with its line.
    """
    workspace = cached_workspace(Path(project).resolve(), environment)
    parts = [_shared(workspace)]
    parts.extend(_use_case(workspace, use_case) for use_case in workspace.use_cases.values())
    return dg.Definitions.merge(*parts, *merge, dg.Definitions(resources=_resources(workspace)))


@dg.definitions
def defs() -> dg.Definitions:
    """Load the project of the working folder in the environment that the process is set to."""
    return build_definitions(project_root(), environment_name())


def _shared(workspace: Workspace) -> dg.Definitions:
    from mlops_dagster.assets.tables import table_asset

    return dg.Definitions(
        assets=[
            table_asset(workspace, table, opens=False) for table in workspace.shared_tables.values()
        ]
    )


def _use_case(workspace: Workspace, use_case: ResolvedUseCase) -> dg.Definitions:
    from mlops_dagster.assets.use_case import use_case_assets
    from mlops_dagster.automation.jobs import use_case_jobs
    from mlops_dagster.automation.schedules import use_case_schedules
    from mlops_dagster.automation.sensors import use_case_sensors

    jobs = use_case_jobs(workspace, use_case)
    return dg.Definitions(
        assets=use_case_assets(workspace, use_case),
        jobs=jobs,
        schedules=use_case_schedules(workspace, use_case),
        sensors=use_case_sensors(workspace, use_case, jobs),
    )


def _resources(workspace: Workspace) -> dict[str, object]:
    from mlops_dagster.io_managers.delta import DeltaIOManager
    from mlops_dagster.io_managers.mlflow import ModelIOManager
    from mlops_dagster.resources.mlflow import MlflowResource
    from mlops_dagster.resources.spark import SparkResource

    root, environment = str(workspace.root), workspace.environment.name
    mlops = WorkspaceResource(root=root, environment=environment)
    spark = SparkResource(root=root, environment=environment)
    mlflow = MlflowResource(root=root, environment=environment)
    return {
        "mlops": mlops,
        "spark": spark,
        "mlflow": mlflow,
        "delta": DeltaIOManager(mlops=mlops, spark=spark),
        "model": ModelIOManager(mlops=mlops, mlflow=mlflow),
    }
