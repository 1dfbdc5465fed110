"""The jobs of a use case: close and open a window, train a model, refresh what has no windows.

Static tables are in the close job too; unchanged ones write nothing. Every job runs in one process
by default, because a process a step costs more than the step.
"""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from mlops_dagster.assets.keys import (
    asset_key,
    champion_key,
    model_key,
    monitoring_key,
    predictions_ref,
    report_keys,
    training_set_ref,
)
from mlops_dagster.assets.monitoring import REPORTS
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace


def close_job_name(use_case: str) -> str:
    """Return the name of the job that processes a closed window."""
    return f"{use_case}_close"


def open_job_name(use_case: str) -> str:
    """Return the name of the job that forecasts an opening window."""
    return f"{use_case}_open"


def refresh_job_name(use_case: str) -> str:
    """Return the name of the job of a use case without windows."""
    return f"{use_case}_refresh"


def train_job_name(model: ResolvedModel) -> str:
    """Return the name of the job that trains, evaluates, registers and promotes a model."""
    return f"{model.use_case}_{model.name}_train"


def train_keys(model: ResolvedModel) -> tuple[dg.AssetKey, ...]:
    """Return what a training materializes, in order."""
    return asset_key(training_set_ref(model)), model_key(model), champion_key(model)


def close_keys(workspace: Workspace, use_case: ResolvedUseCase) -> tuple[dg.AssetKey, ...]:
    """Return what the closing of a window materializes: facts, features, replays, decisions."""
    keys = [asset_key(ref) for ref in _tables_of(workspace, use_case, opens=False)]
    keys.extend(report_keys(use_case.name))
    for model in use_case.models.values():
        if model.spec.predict.at == "close":
            keys.append(asset_key(predictions_ref(model)))
        keys.extend(monitoring_key(model, report) for report in REPORTS)
    return tuple(keys)


def open_keys(workspace: Workspace, use_case: ResolvedUseCase) -> tuple[dg.AssetKey, ...]:
    """Return what the opening of a window materializes: static tables, features and forecasts.

    Static tables are here too: the first window opens before any has closed.
    """
    forecasting = _forecasting(use_case)
    tables = _tables_of(workspace, use_case, opens=True) if forecasting else ()
    return (
        *(asset_key(ref) for ref in tables),
        *(asset_key(predictions_ref(model)) for model in forecasting),
    )


def forecasts(use_case: ResolvedUseCase) -> bool:
    """Tell whether a use case has an open job: one of its models predicts windows as they open."""
    return bool(_forecasting(use_case))


def refresh_keys(workspace: Workspace, use_case: ResolvedUseCase) -> tuple[dg.AssetKey, ...]:
    """Return everything of a use case without windows, from files to predictions."""
    keys = [asset_key(ref) for ref in _tables_of(workspace, use_case, opens=False)]
    for model in use_case.models.values():
        keys.extend((*train_keys(model), asset_key(predictions_ref(model))))
    return (*keys, *report_keys(use_case.name))


def _forecasting(use_case: ResolvedUseCase) -> list[ResolvedModel]:
    return [model for model in use_case.models.values() if model.spec.predict.at == "open"]


def _tables_of(
    workspace: Workspace, use_case: ResolvedUseCase, *, opens: bool
) -> tuple[TableRef, ...]:
    """Return the tables that a job of a use case builds, those of project.yaml first.

    Of its windowed tables the open job builds the open ones and the close job the others. A static
    table that sums up windowed ones has nothing to read before the first close: the close job's.
    """
    shared = workspace.shared_tables_of(use_case)
    timeless = set(shared)
    own = []
    for ref, table in use_case.tables.items():
        inputs = {table_input.ref for table_input in table.inputs.values()}
        if not table.windowed and inputs <= timeless:
            timeless.add(ref)
        if ref in timeless or (ref in use_case.open_tables) == opens:
            own.append(ref)
    return (*shared, *own)


def use_case_jobs(
    workspace: Workspace, use_case: ResolvedUseCase
) -> list[UnresolvedAssetJobDefinition]:
    """Return the jobs of a use case."""
    if use_case.calendar is None:
        return [
            _job(
                refresh_job_name(use_case.name),
                refresh_keys(workspace, use_case),
                f"Reads {use_case.name} anew, trains its models and scores its rows.",
            )
        ]
    jobs = [
        _job(
            close_job_name(use_case.name),
            close_keys(workspace, use_case),
            f"Processes a closed window of {use_case.name}: data, features, monitoring, decision.",
        )
    ]
    if forecasts(use_case):
        jobs.append(
            _job(
                open_job_name(use_case.name),
                open_keys(workspace, use_case),
                f"Forecasts a window of {use_case.name} as it opens.",
            )
        )
    jobs.extend(
        _job(
            train_job_name(model),
            train_keys(model),
            f"Trains {model.stream} up to the chosen window; promotes it if its gates pass.",
        )
        for model in use_case.models.values()
    )
    return jobs


def _job(
    name: str,
    keys: Sequence[dg.AssetKey],
    description: str,
) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*keys),
        description=description,
        executor_def=dg.in_process_executor,
    )
