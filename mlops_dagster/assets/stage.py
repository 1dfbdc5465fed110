"""What every stage shares: the window and instant it runs for, and how its errors reach Dagster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone

import dagster as dg

from mlops_dagster.errors import MlopsDagsterError, is_transient
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.windows import WindowCalendar

# A lost Spark server is up again within half a minute; more tries would hide a real fault.
TRANSIENT_RETRIES = 2
RETRY_WAIT_SECONDS = 5


@dataclass(frozen=True)
class StageRun:
    """The slice that a run of a stage is about, and the instant that decides what it may know."""

    window: str
    as_of: datetime
    run_id: str


def stage_run(
    context: dg.AssetExecutionContext, calendar: WindowCalendar | None, *, opens: bool = False
) -> StageRun:
    """Return the window and `as_of` of a run: of its partition, or else of the run's creation."""
    if calendar is None:
        record = context.instance.get_run_record_by_id(context.run.run_id)
        if record is None:
            raise RuntimeError(f"run {context.run.run_id} is not in the instance it runs on")
        created = record.create_timestamp
        as_of = created.replace(tzinfo=created.tzinfo or timezone.utc).astimezone(timezone.utc)
        return StageRun(STATIC, as_of, context.run.run_id)
    window = context.partition_key
    as_of = calendar.as_of_open(window) if opens else calendar.as_of_close(window)
    return StageRun(window, as_of, context.run.run_id)


@contextmanager
def stage_errors() -> Iterator[None]:
    """Turn transient errors into a retry of the step and terminal ones into its failure.

    The message stays as it is.

    Raises:
        dagster.RetryRequested: The error is worth another try.
        dagster.Failure: It is not; no retry policy applies.
    """
    try:
        yield
    except MlopsDagsterError as error:
        if is_transient(error):
            raise dg.RetryRequested(
                max_retries=TRANSIENT_RETRIES, seconds_to_wait=RETRY_WAIT_SECONDS
            ) from error
        raise dg.Failure(description=str(error), allow_retries=False) from error
