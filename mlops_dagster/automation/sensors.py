"""The retraining sensor: one finished training for each decision to train."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from mlops_dagster.assets.tags import DECISION_TAG, REQUEST_TAG
from mlops_dagster.automation.file_sensor import file_sensor
from mlops_dagster.automation.jobs import train_job_name
from mlops_dagster.automation.launches import LAUNCHED, MAXIMUM_TRIES, sensor_status
from mlops_dagster.automation.looking import watched_tables
from mlops_dagster.automation.lost_runs import end_lost_runs
from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.registry.ledger import ended_trainings
from mlops_dagster.resources.workspace import event_store
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace

if TYPE_CHECKING:
    from mlops_dagster.monitoring.events import TrainingRequest


def retraining_sensor_name(use_case: str) -> str:
    """Return the name of a use case's retraining sensor."""
    return f"{use_case}_retraining"


def use_case_sensors(
    workspace: Workspace,
    use_case: ResolvedUseCase,
    jobs: Sequence[UnresolvedAssetJobDefinition],
) -> list[dg.SensorDefinition]:
    """Return the sensors of a use case, which may launch `jobs`; none without models or watch."""
    sensors = []
    if use_case.calendar is not None and use_case.models:
        names = {train_job_name(model) for model in use_case.models.values()}
        training = [job for job in jobs if job.name in names]
        sensors.append(_retraining_sensor(workspace, use_case, training))
    if watched_tables(use_case):
        sensors.append(file_sensor(workspace, use_case, jobs))
    return sensors


def _retraining_sensor(
    workspace: Workspace, use_case: ResolvedUseCase, jobs: Sequence[UnresolvedAssetJobDefinition]
) -> dg.SensorDefinition:
    def training_runs(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from mlops_dagster.monitoring.events import history

        lost = end_lost_runs(context.instance, use_case)
        if lost:
            # Dagster starts them again on its own; the next look sees whether it did.
            yield dg.SkipReason(f"Ended runs that were killed: {', '.join(lost)}")
            return
        store = event_store(workspace)
        skipped = []
        asked = False
        for model in use_case.models.values():
            ended = ended_trainings(store, model.stream)
            for request in history(store, model.stream).requests:
                if request.decision.window in ended:
                    continue
                tried = context.instance.get_runs(
                    dg.RunsFilter(tags={REQUEST_TAG: request.request}, statuses=LAUNCHED)
                )
                if any(not run.is_finished for run in tried):
                    skipped.append(f"{request.request} is running")
                elif len(tried) >= MAXIMUM_TRIES:
                    skipped.append(f"{request.request} failed {len(tried)} times: see its runs")
                else:
                    asked = True
                    crash_point(CrashPoint.TRAINING_REQUESTED, request.request)
                    yield _run_request(model, request, tries=len(tried))
        if not asked:
            yield dg.SkipReason("; ".join(skipped) or "No decision asks for a training.")

    return dg.SensorDefinition(
        name=retraining_sensor_name(use_case.name),
        evaluation_fn=training_runs,
        jobs=jobs,
        minimum_interval_seconds=30,
        default_status=sensor_status(workspace),
        description="Launches one training for each recorded decision to train.",
    )


def _run_request(model: ResolvedModel, request: "TrainingRequest", *, tries: int) -> dg.RunRequest:
    # Dagster never launches a run key twice, so each try has its own.
    return dg.RunRequest(
        run_key=f"{request.request}|{tries + 1}",
        job_name=train_job_name(model),
        partition_key=request.decision.window,
        tags={DECISION_TAG: request.decision.reason, REQUEST_TAG: request.request},
    )
