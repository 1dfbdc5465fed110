"""Replaying windows in one process, by the jobs and the sensor that the daemon drives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg

from mlops_dagster.assets.tags import RUN_KEY_TAG
from mlops_dagster.automation.jobs import close_job_name, forecasts, open_job_name
from mlops_dagster.automation.sensors import retraining_sensor_name
from mlops_dagster.errors import TerminalError
from mlops_dagster.spec.workspace import ResolvedUseCase

_FINISHED_OR_ALIVE = [
    status for status in dg.DagsterRunStatus if status is not dg.DagsterRunStatus.NOT_STARTED
]


# The instance keeps every event; on the console only what went wrong helps.
_QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


@dataclass(frozen=True)
class ReplayStep:
    """A run of the replay: its job, its window and how it ended."""

    job: str
    window: str
    run_id: str
    success: bool


def replay_window(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    use_case: ResolvedUseCase,
    window: str,
    *,
    on_start: Callable[[str, str], None] = lambda job, window: None,
) -> Iterator[ReplayStep]:
    """Open the window, close it, run what the retraining sensor asks for; yield each run.

    Raises:
        TerminalError: A run failed; its log is in the instance.
    """
    jobs = [close_job_name(use_case.name)]
    if forecasts(use_case):
        jobs.insert(0, open_job_name(use_case.name))
    for job in jobs:
        on_start(job, window)
        yield _run(definitions, instance, job, window, tags={})
    yield from run_requested(definitions, instance, use_case, on_start=on_start)


def run_requested(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    use_case: ResolvedUseCase,
    *,
    on_start: Callable[[str, str], None] = lambda job, window: None,
) -> Iterator[ReplayStep]:
    """Run what the retraining sensor asks for; yield each run as it ends.

    Raises:
        TerminalError: A run failed; its log is in the instance.
    """
    for request in requested_runs(definitions, instance, use_case):
        on_start(str(request.job_name), str(request.partition_key))
        tags = dict(request.tags)
        if request.run_key is not None:
            tags[RUN_KEY_TAG] = request.run_key
        yield _run(
            definitions, instance, str(request.job_name), str(request.partition_key), tags=tags
        )


def requested_runs(
    definitions: dg.Definitions, instance: dg.DagsterInstance, use_case: ResolvedUseCase
) -> list[dg.RunRequest]:
    """Return what the retraining sensor asks for now, less the run keys launched before."""
    sensor = definitions.resolve_sensor_def(retraining_sensor_name(use_case.name))
    with dg.build_sensor_context(instance=instance, definitions=definitions) as context:
        data = sensor.evaluate_tick(context)
    return [
        request
        for request in data.run_requests or []
        if not instance.get_runs(
            dg.RunsFilter(tags={RUN_KEY_TAG: str(request.run_key)}, statuses=_FINISHED_OR_ALIVE),
            limit=1,
        )
    ]


def _run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    window: str,
    *,
    tags: dict[str, str],
) -> ReplayStep:
    result = definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        partition_key=window,
        tags=tags,
        run_config=_QUIET,
        raise_on_error=False,
    )
    if not result.success:
        raise TerminalError(
            f"{job} failed for {window}: {_first_failure(result)}",
            where=f"run {result.run_id}",
            next_step=("Open the run in the UI (`mlops-dagster ui`), mend the cause, start again."),
        )
    return ReplayStep(job, window, result.run_id, success=True)


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    """Return the message of the first step that failed, in its own words."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        told = event.step_failure_data.user_failure_data
        if told is not None and told.description:
            return told.description.rstrip(".")
        error = event.step_failure_data.error
        return error.message.strip().rstrip(".") if error is not None else str(event.message)
    return "see the run"
