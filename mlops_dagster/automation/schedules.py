"""Schedules that follow from the windows: a tick at each closing or opening, strictly in order."""

import dagster as dg

from mlops_dagster.assets.tags import PARTITION_TAG
from mlops_dagster.automation.due import held_up_by, next_due, tick_cron
from mlops_dagster.automation.jobs import close_job_name, forecasts, open_job_name
from mlops_dagster.automation.launches import MAXIMUM_TRIES, RUNNING
from mlops_dagster.automation.lost_runs import end_lost_runs
from mlops_dagster.automation.progress import closing_keys, done_windows, opening_keys
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.windows import Grain, WindowCalendar


def use_case_schedules(
    workspace: Workspace, use_case: ResolvedUseCase
) -> list[dg.ScheduleDefinition]:
    """Return the schedules of a use case; none without windows, where nothing says when to look."""
    if use_case.calendar is None:
        return []
    schedules = [window_schedule(workspace, use_case, use_case.calendar, opens=False)]
    if forecasts(use_case):
        schedules.append(window_schedule(workspace, use_case, use_case.calendar, opens=True))
    return schedules


def window_schedule(
    workspace: Workspace, use_case: ResolvedUseCase, calendar: WindowCalendar, *, opens: bool
) -> dg.ScheduleDefinition:
    """Return the schedule of the close or open job.

    Args:
        workspace: Says whether schedules run without being switched on by hand.
        use_case: Whose windows these are.
        calendar: Its windows.
        opens: Make the schedule of the open job.
    """
    job_name = open_job_name(use_case.name) if opens else close_job_name(use_case.name)

    def due_window(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        end_lost_runs(context.instance, use_case)
        unfinished = context.instance.get_runs(
            dg.RunsFilter(job_name=job_name, statuses=RUNNING), limit=1
        )
        if unfinished:
            return dg.SkipReason(f"Run {unfinished[0].run_id[:8]} of {job_name} is not finished.")
        closed = done_windows(context.instance, closing_keys(use_case))
        opened = done_windows(context.instance, opening_keys(use_case))
        window = next_due(
            calendar,
            done=opened if opens else closed,
            now=context.scheduled_execution_time,
            opens=opens,
        )
        if window is None:
            return dg.SkipReason("Every window that is due is done.")
        missing = held_up_by(
            calendar,
            window,
            opens=opens,
            forecasts=forecasts(use_case),
            opened=opened,
            closed=closed,
        )
        if missing is not None:
            return dg.SkipReason(f"{window} waits for {missing}.")
        failed = _failures(context.instance, job_name, window)
        if failed >= MAXIMUM_TRIES:
            return dg.SkipReason(
                f"{window} failed {failed} times: mend the cause and launch {job_name} for it; "
                "the windows after it wait."
            )
        return dg.RunRequest(partition_key=window)

    status = (
        dg.DefaultScheduleStatus.RUNNING
        if workspace.environment.automation.schedules
        else dg.DefaultScheduleStatus.STOPPED
    )
    return dg.ScheduleDefinition(
        name=f"{job_name}_schedule",
        job_name=job_name,
        cron_schedule=tick_cron(calendar, opens=opens),
        execution_timezone="UTC" if calendar.grain is Grain.HOUR else calendar.time_zone,
        execution_fn=due_window,
        default_status=status,
        description=(
            "Forecasts each window as it opens."
            if opens
            else "Processes each window once it has closed."
        ),
    )


def _failures(instance: dg.DagsterInstance, job_name: str, window: str) -> int:
    """Return how often a window's job failed; enough to know that it failed too often."""
    failed = dg.RunsFilter(
        job_name=job_name,
        tags={PARTITION_TAG: window},
        statuses=[dg.DagsterRunStatus.FAILURE],
    )
    return len(instance.get_runs(failed, limit=MAXIMUM_TRIES))
