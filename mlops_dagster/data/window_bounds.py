"""The bounds of a window as a source's column of time can be compared with them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from mlops_dagster.errors import ContractViolation, SourceError
from mlops_dagster.spec.table_columns import TIME_TYPES
from mlops_dagster.windows import Grain, WindowCalendar

Bound = datetime | date


@dataclass(frozen=True)
class Bounds:
    """Rows with `start` <= column < `end`: both instants in UTC, both local times, or both dates.

    `written_as` is the type of the column: timestamp, timestamp_ntz or date.
    """

    column: str
    written_as: str
    start: Bound
    end: Bound


def bounds_of(
    calendar: WindowCalendar, window: str, *, column: str, found: str, agreed: str, where: str
) -> Bounds:
    """Return the bounds of a window for a column of time.

    Args:
        calendar: The windows of the use case.
        window: The window's key.
        column: The column.
        found: Its Spark type in the source.
        agreed: Its type in the contract: a local time that the contract calls `timestamp` is meant
            in UTC, as in files; one that it calls `timestamp_ntz` in the calendar's time zone.
        where: The table, for messages.

    Raises:
        ContractViolation: The column is no time.
        SourceError: Local times cannot be told apart by hour windows where clocks change.
    """
    if found not in TIME_TYPES:
        raise ContractViolation(
            f"column '{column}' cannot say which rows belong to a window",
            where=where,
            expected="timestamp, timestamp_ntz or date",
            found=found,
            next_step="Name a column of time as `window_by`",
        )
    own = calendar.window(window)
    if found == "timestamp":
        return Bounds(column, found, own.start, own.end)
    local = found == "date" or agreed == "timestamp_ntz"
    zone = ZoneInfo(calendar.time_zone) if local else timezone.utc
    if calendar.grain is Grain.HOUR and calendar.time_zone != "UTC" and local:
        raise SourceError(
            f"column '{column}' has local times, of which an hour exists twice when clocks go back",
            where=where,
            expected="instants, since the windows are hours",
            found=f"{found} in {calendar.time_zone}",
            next_step="Name a column of instants (timestamp with time zone) as `window_by`, or "
            "write `time_zone: UTC`",
        )
    start, end = (bound.astimezone(zone).replace(tzinfo=None) for bound in (own.start, own.end))
    if found == "date":
        return Bounds(column, found, _first_date(start), _first_date(end))
    return Bounds(column, found, start, end)


def _first_date(local: datetime) -> date:
    """Return the first date whose midnight is not before a local time."""
    return local.date() if local.time() == time(0) else local.date() + timedelta(days=1)
