"""The sensor of watched files: a run for each window whose files are new or changed, one by one.

It reads the landing folder and the event store, and starts no engine.
"""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_dagster.assets.tags import FILES_KEY_TAG, FILES_TAG
from mlops_dagster.automation.jobs import close_job_name, refresh_job_name
from mlops_dagster.automation.launches import LAUNCHED, MAXIMUM_TRIES, RUNNING, sensor_status
from mlops_dagster.automation.looking import Asked, look
from mlops_dagster.automation.progress import closing_keys, done_windows
from mlops_dagster.clock import utc_now
from mlops_dagster.data.delivery_events import DeliveryLate, delivery_stream
from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.resources.workspace import event_store
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.state.store import EventStore

LOOK_SECONDS = 30
# Who records what no run does.
_RECORDED_BY = "files sensor"


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
        running = context.instance.get_runs(
            dg.RunsFilter(job_name=job_name, statuses=RUNNING), limit=1
        )
        if running:
            reason = f"Run {running[0].run_id[:8]} of {job_name} is not finished."
            return dg.SensorResult(skip_reason=reason, cursor=context.cursor)
        store = event_store(workspace)
        now = utc_now()
        done = done_windows(context.instance, closing_keys(use_case)) if windowed else frozenset()
        asked = look(
            use_case,
            workspace,
            store,
            now=now,
            done=done,
            remembered={file.path: file for file in _read(context.cursor).files},
        )
        told = _tell_late(store, asked, now)
        cursor = Cursor(files=asked.unknown).model_dump_json()
        if asked.window is None:
            return dg.SensorResult(
                skip_reason="; ".join(told) or "No watched file is new or changed.", cursor=cursor
            )
        key = f"{job_name}|{asked.window}|{asked.key}"
        # A run that took the files in, or refused them, has said so; these ended before that.
        failed = len(
            context.instance.get_runs(dg.RunsFilter(tags={FILES_KEY_TAG: key}, statuses=LAUNCHED))
        )
        if failed >= MAXIMUM_TRIES:
            reason = f"{asked.window} failed {failed} times with these files: see its runs"
            return dg.SensorResult(skip_reason=reason, cursor=cursor)
        request = dg.RunRequest(
            run_key=f"{key}|{failed + 1}",
            partition_key=None if asked.window == STATIC else asked.window,
            tags={FILES_TAG: ", ".join(asked.tables), FILES_KEY_TAG: key},
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return dg.SensorDefinition(
        name=file_sensor_name(use_case.name),
        evaluation_fn=runs_of_files,
        jobs=[job for job in jobs if job.name == job_name],
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=sensor_status(workspace),
        description="Runs the windows whose watched files are new or changed.",
    )


def _tell_late(store: EventStore, asked: Asked, now: datetime) -> list[str]:
    told = []
    for table, window, seen in asked.late:
        as_of = now if table.calendar is None else table.calendar.as_of_close(window)
        store.append_next(
            delivery_stream(table.ref, window),
            DeliveryLate(files=seen.files),
            as_of=as_of,
            run_id=_RECORDED_BY,
        )
        told.append(f"{table.ref} {window} changed too late: see `mlops-dagster deliveries`")
    return told


def _read(cursor: str | None) -> Cursor:
    if not cursor:
        return Cursor()
    try:
        return Cursor.model_validate_json(cursor)
    except ValidationError:
        # Of another release, or typed in the UI: every file is read once more, nothing is lost.
        return Cursor()
