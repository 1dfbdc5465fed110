"""The retraining sensor: one training run for each decision to train, exactly once."""

from collections.abc import Iterator, Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from mlops_dagster.assets.tags import DECISION_TAG
from mlops_dagster.automation.jobs import train_job_name
from mlops_dagster.resources.workspace import event_store
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace


def retraining_sensor_name(use_case: str) -> str:
    """Return the name of a use case's retraining sensor."""
    return f"{use_case}_retraining"


def use_case_sensors(
    workspace: Workspace,
    use_case: ResolvedUseCase,
    jobs: Sequence[UnresolvedAssetJobDefinition],
) -> list[dg.SensorDefinition]:
    """Return the sensors of a use case, which may launch `jobs`; none where nothing is decided."""
    if use_case.calendar is None or not use_case.models:
        return []
    names = {train_job_name(model) for model in use_case.models.values()}
    return [_retraining_sensor(workspace, use_case, [job for job in jobs if job.name in names])]


def _retraining_sensor(
    workspace: Workspace, use_case: ResolvedUseCase, jobs: Sequence[UnresolvedAssetJobDefinition]
) -> dg.SensorDefinition:
    def training_runs(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from mlops_dagster.monitoring.events import history
        from mlops_dagster.registry.ledger import read_ledger

        store = event_store(workspace)
        asked = False
        for model in use_case.models.values():
            trained = {a.cutoff_window for a in read_ledger(store, model.stream).trainings}
            for request in history(store, model.stream).requests:
                if request.decision.window in trained:
                    continue
                asked = True
                yield dg.RunRequest(
                    run_key=request.request,
                    job_name=train_job_name(model),
                    partition_key=request.decision.window,
                    tags={DECISION_TAG: request.decision.reason},
                )
        if not asked:
            yield dg.SkipReason("No decision asks for a training.")

    status = (
        dg.DefaultSensorStatus.RUNNING
        if workspace.environment.automation.sensors
        else dg.DefaultSensorStatus.STOPPED
    )
    return dg.SensorDefinition(
        name=retraining_sensor_name(use_case.name),
        evaluation_fn=training_runs,
        jobs=jobs,
        minimum_interval_seconds=30,
        default_status=status,
        description="Launches one training for each recorded decision to train.",
    )
