"""Running a use case in one process, by the jobs and the sensor that the daemon drives."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from mlops_dagster.assets.tags import RUN_KEY_TAG
from mlops_dagster.automation.jobs import (
    close_job_name,
    forecasts,
    open_job_name,
    refresh_job_name,
)
from mlops_dagster.automation.lost_runs import end_lost_runs
from mlops_dagster.automation.sensors import retraining_sensor_name
from mlops_dagster.errors import TerminalError
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedUseCase

_FINISHED_OR_ALIVE = [
    status for status in dg.DagsterRunStatus if status is not dg.DagsterRunStatus.NOT_STARTED
]


# The instance keeps every event; on the console only what went wrong helps.
_QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


@dataclass(frozen=True)
class ReplayStep:
    """A run that succeeded: its job, its window (`static` without windows), its id."""

    job: str
    window: str
    run_id: str


class Watcher:
    """Hears how a replay goes on; this one does nothing with it."""

    def run_started(self, job: str, window: str, steps: int) -> None:
        """Hear that a run of so many steps starts."""

    def step_ended(self, step: str) -> None:
        """Hear that a step of the run succeeded."""

    def run_ended(self) -> None:
        """Hear that the run succeeded."""


_NOBODY = Watcher()


def replay_window(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    use_case: ResolvedUseCase,
    window: str,
    *,
    watcher: Watcher = _NOBODY,
) -> Iterator[ReplayStep]:
    """Open the window, close it, run what the retraining sensor asks for; yield each run.

    Raises:
        TerminalError: A run failed; its log is in the instance.
    """
    jobs = [close_job_name(use_case.name)]
    if forecasts(use_case):
        jobs.insert(0, open_job_name(use_case.name))
    for job in jobs:
        yield run_job(definitions, instance, job, window, watcher=watcher)
    yield from run_requested(definitions, instance, use_case, watcher=watcher)


def refresh(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    use_case: ResolvedUseCase,
    *,
    watcher: Watcher = _NOBODY,
) -> ReplayStep:
    """Run everything of a use case without windows, from files to predictions.

    Raises:
        TerminalError: The run failed; its log is in the instance.
    """
    job = refresh_job_name(use_case.name)
    return run_job(definitions, instance, job, STATIC, watcher=watcher)


def run_requested(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    use_case: ResolvedUseCase,
    *,
    watcher: Watcher = _NOBODY,
) -> Iterator[ReplayStep]:
    """Run what the retraining sensor asks for; yield each run as it ends.

    Raises:
        TerminalError: A run failed; its log is in the instance.
    """
    for request in requested_runs(definitions, instance, use_case):
        tags = dict(request.tags)
        if request.run_key is not None:
            tags[RUN_KEY_TAG] = request.run_key
        job, window = str(request.job_name), str(request.partition_key)
        yield run_job(definitions, instance, job, window, tags=tags, watcher=watcher)


def requested_runs(
    definitions: dg.Definitions, instance: dg.DagsterInstance, use_case: ResolvedUseCase
) -> list[dg.RunRequest]:
    """Return what the retraining sensor asks for now, less the run keys launched before."""
    end_lost_runs(instance, use_case)
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


def run_job(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    window: str,
    *,
    tags: Mapping[str, str] | None = None,
    watcher: Watcher = _NOBODY,
) -> ReplayStep:
    """Run a job of a use case in this process.

    Args:
        definitions: The project's definitions.
        instance: Where the run is recorded.
        job: The job's name.
        window: Its window; `static` for a job without windows.
        tags: Tags of the run.
        watcher: Hears how it goes on.

    Raises:
        TerminalError: The run failed; its log is in the instance.
    """
    resolved = definitions.resolve_job_def(job)
    watcher.run_started(job, window, len(resolved.all_node_defs))
    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, _step_listener(watcher))
    result = resolved.execute_in_process(
        run_id=run_id,
        instance=instance,
        partition_key=None if window == STATIC else window,
        tags=dict(tags or {}),
        run_config=_QUIET,
        raise_on_error=False,
    )
    if not result.success:
        raise TerminalError(
            f"{job} failed{_of(window)}: {first_failure(result)}",
            where=f"run {result.run_id}",
            next_step=("Open the run in the UI (`mlops-dagster ui`), mend the cause, start again."),
        )
    watcher.run_ended()
    return ReplayStep(job, window, result.run_id)


def _of(window: str) -> str:
    return "" if window == STATIC else f" for {window}"


def _step_listener(watcher: Watcher) -> Callable[[dg.EventLogEntry], None]:
    def listen(entry: dg.EventLogEntry) -> None:
        if entry.dagster_event_type is dg.DagsterEventType.STEP_SUCCESS:
            watcher.step_ended(str(entry.step_key))

    return listen


def first_failure(result: dg.ExecuteInProcessResult) -> str:
    """Return the message of the first step of a run that failed, in its own words."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        told = event.step_failure_data.user_failure_data
        if told is not None and told.description:
            return told.description.rstrip(".")
        error = event.step_failure_data.error
        if error is None:
            return str(event.message)
        # Dagster's own error only says which op failed; what it wraps says why.
        return (error.cause or error).message.strip().rstrip(".")
    return "see the run"
