"""The code location: everything that a project's YAML declares, as Dagster definitions."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import dagster as dg

from mlops_dagster.errors import SpecError, nearest_name
from mlops_dagster.resources.workspace import WorkspaceResource, cached_workspace
from mlops_dagster.spec.root import environment_name, project_root
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace


def build_definitions(
    project: Path | str | None = None,
    environment: str | None = None,
    *,
    merge: Iterable[dg.Definitions] = (),
) -> dg.Definitions:
    """Return the definitions of a project in one environment, merged with a user's own.

    A user's assets read and feed our tables through the IO manager `delta`, take registered models
    through `model`, and may use the resources `mlops`, `spark` and `mlflow`.

    Args:
        project: The project's folder or one below it; by default that of `MLOPS_DAGSTER_ROOT`, else
            the working folder.
        environment: A name below environments/; by default that of `MLOPS_DAGSTER_ENVIRONMENT`,
            else `dev`.
        merge: Definitions of the user's own.

    Raises:
        SpecError: The YAML is wrong; the message lists every mistake with its line. Or a user's
            resource has the name of one of ours.
    """
    workspace = _workspace(project, environment)
    resources = _resources(workspace)
    own = tuple(merge)
    _check_resources(own, resources)
    parts = [_shared(workspace)]
    parts.extend(_use_case(workspace, use_case) for use_case in workspace.use_cases.values())
    return dg.Definitions.merge(*parts, *own, dg.Definitions(resources=resources))


def use_case_windows(
    use_case: str, project: Path | str | None = None, environment: str | None = None
) -> dg.TimeWindowPartitionsDefinition:
    """Return the windows of a use case, as partitions of a user's own assets.

    Args:
        use_case: Its name.
        project: As for `build_definitions`.
        environment: As for `build_definitions`.

    Raises:
        SpecError: The YAML is wrong, or the use case does not exist or has no windows.
    """
    from mlops_dagster.assets.partitions import partitions_of

    workspace = _workspace(project, environment)
    found = workspace.use_cases.get(use_case)
    if found is None:
        raise SpecError(
            f"no use case '{use_case}' in the environment '{workspace.environment.name}'",
            where=str(workspace.root),
            nearest=nearest_name(use_case, workspace.use_cases),
            next_step=f"There are {', '.join(workspace.use_cases)}",
        )
    partitions = partitions_of(found.calendar)
    if partitions is None:
        raise SpecError(
            f"the use case '{use_case}' has no windows",
            where=str(workspace.root),
            next_step="Leave `partitions_def` out: its tables are whole",
        )
    return partitions


@dg.definitions
def defs() -> dg.Definitions:
    """Load the project of the working folder in the environment that the process is set to."""
    return build_definitions()


def _workspace(project: Path | str | None, environment: str | None) -> Workspace:
    folder = project_root(None if project is None else Path(project))
    return cached_workspace(folder, environment_name(environment))


def _check_resources(own: Iterable[dg.Definitions], ours: Mapping[str, object]) -> None:
    taken = sorted({name for one in own for name in one.resources or {} if name in ours})
    if taken:
        raise SpecError(
            f"the resource '{taken[0]}' of your own definitions has the name of one of ours",
            expected=f"another name than {', '.join(sorted(ours))}",
            next_step="Rename it; assets may use ours by those names",
        )


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
