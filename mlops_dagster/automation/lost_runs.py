"""Runs whose process was killed: ended as failed, so that nobody waits for them."""

import dagster as dg
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

from mlops_dagster.automation.jobs import (
    close_job_name,
    open_job_name,
    refresh_job_name,
    train_job_name,
)
from mlops_dagster.clock import utc_now
from mlops_dagster.resources.run_lease import forget, lost_its_process, never_lived
from mlops_dagster.spec.workspace import ResolvedUseCase

_UNDER_WAY = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
# From a run's start to its sign of life it takes a second, on a machine out of breath some more.
SILENCE_SECONDS = 300.0


def end_lost_runs(instance: dg.DagsterInstance, use_case: ResolvedUseCase) -> tuple[str, ...]:
    """End the runs of a use case's jobs that this machine has lost and return their ids.

    Lost is a run whose process was cut off, or one that never showed a sign of life where Dagster's
    default launcher would have started it: here. Dagster then starts them again as its run retries
    say; whoever asked for them may ask again.
    """
    jobs = _jobs(use_case)
    records = instance.get_run_records(dg.RunsFilter(statuses=_UNDER_WAY))
    lost = [
        record.dagster_run
        for record in records
        if record.dagster_run.job_name in jobs and _is_lost(instance, record)
    ]
    for run in lost:
        instance.report_run_failed(
            run, "The process of this run was killed, or its machine was lost."
        )
        forget(instance, run.run_id)
    return tuple(run.run_id for run in lost)


def _is_lost(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    run_id = record.dagster_run.run_id
    if lost_its_process(instance, run_id):
        return True
    if record.start_time is None or not isinstance(instance.run_launcher, DefaultRunLauncher):
        return False
    silent = utc_now().timestamp() - record.start_time
    return silent > SILENCE_SECONDS and never_lived(instance, run_id)


def _jobs(use_case: ResolvedUseCase) -> frozenset[str]:
    names = (close_job_name, open_job_name, refresh_job_name)
    return frozenset(
        (
            *(name(use_case.name) for name in names),
            *(train_job_name(model) for model in use_case.models.values()),
        )
    )
