"""The sensor of watched files: a run for each window whose files are new or changed, one by one.

A window whose run failed is asked for again, with waits and an end. It reads the landing folder,
the event store and the list of runs, and starts no engine.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_dagster.assets.tags import FILES_KEY_TAG, FILES_TAG, PARTITION_TAG
from mlops_dagster.automation.jobs import close_job_name, refresh_job_name
from mlops_dagster.automation.launches import LAUNCHED, RUNNING, sensor_status
from mlops_dagster.automation.looking import Asked, look, watched_tables
from mlops_dagster.automation.lost_runs import end_lost_runs
from mlops_dagster.automation.progress import closing_keys, done_windows
from mlops_dagster.automation.tries import EndedRun, Outcome, Wanted, next_try, unfinished
from mlops_dagster.clock import utc_now
from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.data.delivery_events import DeliveryLate, delivery_stream
from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.resources.workspace import event_store
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.state.store import EventStore

LOOK_SECONDS = 30
_SEPARATOR = ", "
# Who records what no run does.
_RECORDED_BY = "files sensor"
# A run that failed longer ago is left to people: three tries with their waits are over by then.
_LOOKS_BACK = timedelta(days=3)
_OUTCOMES = {
    dg.DagsterRunStatus.SUCCESS: Outcome.SUCCEEDED,
    dg.DagsterRunStatus.FAILURE: Outcome.FAILED,
    dg.DagsterRunStatus.CANCELED: Outcome.CANCELED,
}


class Cursor(BaseModel):
    """Files that were looked at and are in no event, so that each is read once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[DeliveredFile, ...] = ()


def file_sensor_name(use_case: str) -> str:
    """Return the name of a use case's sensor of files."""
    return f"{use_case}_files"


def file_sensor(
    workspace: Workspace,
    use_case: ResolvedUseCase,
    jobs: Sequence[UnresolvedAssetJobDefinition],
) -> dg.SensorDefinition:
    """Return the sensor of a use case with watched tables, which may launch one of `jobs`."""
    windowed = use_case.calendar is not None
    job_name = close_job_name(use_case.name) if windowed else refresh_job_name(use_case.name)

    def runs_of_files(
        context: dg.SensorEvaluationContext,
    ) -> dg.SensorResult:
        instance = context.instance
        end_lost_runs(instance, use_case)
        running = instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=RUNNING), limit=1)
        if running:
            reason = f"Run {running[0].run_id[:8]} of {job_name} is not finished."
            return dg.SensorResult(skip_reason=reason, cursor=context.cursor)
        store = event_store(workspace)
        now = utc_now()
        asked = look(
            use_case,
            workspace,
            store,
            now=now,
            done=done_windows(instance, closing_keys(use_case)) if windowed else frozenset(),
            remembered={file.path: file for file in _read(context.cursor).files},
        )
        told = _record_late(workspace, store, asked, now)
        _tell(workspace, use_case, store, now, context.log)
        cursor = Cursor(files=asked.unknown).model_dump_json()
        ended = tuple(_ended_runs(instance, job_name, now))
        for wanted in _in_order(asked, ended):
            key = f"{job_name}|{wanted.window}|{wanted.key}"
            tried = _tries(instance, key)
            # Somebody may have tried in between: that has its wait as well.
            over = [run.ended for run in ended if run.window == wanted.window]
            due = next_try(len(tried), max((*tried, *over), default=None), now=now)
            if due is not None and due <= now:
                request = dg.RunRequest(
                    run_key=f"{key}|{len(tried) + 1}",
                    partition_key=None if wanted.window == STATIC else wanted.window,
                    tags={FILES_TAG: _SEPARATOR.join(wanted.tables), FILES_KEY_TAG: key},
                )
                return dg.SensorResult(run_requests=[request], cursor=cursor)
            told.append(_why_not(wanted.window, job_name, failures=len(tried), due=due))
        return dg.SensorResult(
            skip_reason="; ".join(told) or "No watched file is new or changed.", cursor=cursor
        )

    return dg.SensorDefinition(
        name=file_sensor_name(use_case.name),
        evaluation_fn=runs_of_files,
        jobs=[job for job in jobs if job.name == job_name],
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=sensor_status(workspace),
        description="Runs the windows whose watched files are new or changed.",
    )


def _in_order(asked: Asked, runs: Sequence[EndedRun]) -> list[Wanted]:
    """Return windows with new files, and those whose runs failed, the oldest first."""
    again = unfinished(runs, refused=asked.refused)
    found = {one.window: one for one in (*again, *asked.wanted)}
    return [found[window] for window in sorted(found)]


def _ended_runs(instance: dg.DagsterInstance, job_name: str, now: datetime) -> Iterator[EndedRun]:
    """Yield the recent runs of a job that are over, the newest first."""
    recent = dg.RunsFilter(
        job_name=job_name, statuses=list(_OUTCOMES), created_after=now - _LOOKS_BACK
    )
    for record in instance.get_run_records(recent):
        run = record.dagster_run
        window = run.tags.get(PARTITION_TAG, STATIC)
        key = run.tags.get(FILES_KEY_TAG)
        wanted = None
        if key is not None:
            tables = tuple(run.tags.get(FILES_TAG, "").split(_SEPARATOR))
            wanted = Wanted(window, key.removeprefix(f"{job_name}|{window}|"), tables)
        yield EndedRun(window, _OUTCOMES[run.status], _end_of(record), wanted)


def _tries(instance: dg.DagsterInstance, key: str) -> list[datetime]:
    """Return when the runs that were asked for some files have ended."""
    asked = dg.RunsFilter(tags={FILES_KEY_TAG: key}, statuses=LAUNCHED)
    return [_end_of(record) for record in instance.get_run_records(asked)]


def _end_of(record: dg.RunRecord) -> datetime:
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, timezone.utc)
    updated = record.update_timestamp
    return updated.replace(tzinfo=updated.tzinfo or timezone.utc)


def _why_not(window: str, job_name: str, *, failures: int, due: datetime | None) -> str:
    times = "once" if failures == 1 else f"{failures} times"
    if due is None:
        return (
            f"{window} failed {times} with these files: mend the cause and launch {job_name} for it"
        )
    return f"{window} failed {times} and is asked for again at {due:%H:%M:%S} UTC"


def _record_late(workspace: Workspace, store: EventStore, asked: Asked, now: datetime) -> list[str]:
    """Record what came too late, and return it in words."""
    told = []
    for table, window, seen in asked.late:
        stream = delivery_stream(table.ref, window)
        store.append_next(
            stream,
            DeliveryLate(
                files=seen.files,
                late=seen.new,
                tell=AlertKind.LATE_DATA in workspace.alerts_about(table.ref),
            ),
            as_of=now if table.calendar is None else table.calendar.as_of_close(window),
            run_id=_RECORDED_BY,
        )
        crash_point(CrashPoint.DELIVERY_RECORDED, stream)
        told.append(f"{table.ref} {window} changed too late: see `mlops-dagster deliveries`")
    return told


def _tell(
    workspace: Workspace,
    use_case: ResolvedUseCase,
    store: EventStore,
    now: datetime,
    log: logging.Logger,
) -> None:
    """Tell of deliveries of watched tables what nobody tried to tell: it may have been killed."""
    from mlops_dagster.monitoring.delivery_occurrences import has_untold

    for table in watched_tables(use_case):
        wanted = workspace.alerts_about(table.ref)
        if wanted and has_untold(store, table.ref, wanted, now=now):
            from mlops_dagster.lifecycle.delivery_alerts import Teller, tell_of_deliveries

            teller = Teller(workspace, store, _RECORDED_BY, log, patient=False)
            tell_of_deliveries(teller, table)


def _read(cursor: str | None) -> Cursor:
    if not cursor:
        return Cursor()
    try:
        return Cursor.model_validate_json(cursor)
    except ValidationError:
        # Of another release, or typed in the UI: every file is read once more, nothing is lost.
        return Cursor()
