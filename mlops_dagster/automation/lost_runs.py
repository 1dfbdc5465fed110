"""Runs whose process was killed: ended as failed, so that nobody waits for them."""

import dagster as dg

from mlops_dagster.resources.run_lease import forget, lost_its_process

_UNDER_WAY = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def end_lost_runs(instance: dg.DagsterInstance) -> tuple[str, ...]:
    """End the runs that this machine has lost and return their ids.

    Dagster then starts them again as its run retries say; whoever asked for them may ask again.
    """
    lost = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY))
        if lost_its_process(instance, run.run_id)
    ]
    for run in lost:
        instance.report_run_failed(
            run, "The process of this run was killed, or its machine was lost."
        )
        forget(instance, run.run_id)
    return tuple(run.run_id for run in lost)
