"""Schedules that follow from the windows: a tick at each closing or opening, strictly in order."""

import dagster as dg

from mlops_dagster.automation.due import next_due, tick_cron
from mlops_dagster.automation.jobs import close_job_name, close_keys, open_job_name, open_keys
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.windows import Grain, WindowCalendar

_RUNNING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def window_schedule(
    workspace: Workspace,
    use_case: ResolvedUseCase,
    calendar: WindowCalendar,
    *,
    last_key: dg.AssetKey,
    opens: bool,
) -> dg.ScheduleDefinition:
    """Return the schedule of the close or open job.

    Args:
        workspace: Says whether schedules run without being switched on by hand.
        use_case: Whose windows these are.
        calendar: Its windows.
        last_key: The asset whose partitions tell which windows the job has finished.
        opens: Make the schedule of the open job.
    """
    job_name = open_job_name(use_case.name) if opens else close_job_name(use_case.name)

    def due_window(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        runs = context.instance.get_runs(
            dg.RunsFilter(job_name=job_name, statuses=_RUNNING), limit=1
        )
        if runs:
            return dg.SkipReason(f"Run {runs[0].run_id[:8]} of {job_name} is not finished.")
        done = context.instance.get_materialized_partitions(last_key)
        window = next_due(calendar, done=done, now=context.scheduled_execution_time, opens=opens)
        if window is None:
            return dg.SkipReason("Every window that is due is done.")
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


def use_case_schedules(
    workspace: Workspace, use_case: ResolvedUseCase
) -> list[dg.ScheduleDefinition]:
    """Return the schedules of a use case; none without windows, where nothing says when to look."""
    calendar = use_case.calendar
    if calendar is None:
        return []
    schedules = [
        window_schedule(
            workspace,
            use_case,
            calendar,
            last_key=close_keys(workspace, use_case)[-1],
            opens=False,
        )
    ]
    opening = open_keys(workspace, use_case)
    if opening:
        schedules.append(
            window_schedule(workspace, use_case, calendar, last_key=opening[-1], opens=True)
        )
    return schedules
