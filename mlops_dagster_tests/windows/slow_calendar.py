"""Windows found by looking at the clock: minute by minute, day by day, never by arithmetic."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

from mlops_dagster.windows import Grain, Window

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@cache
def first_minute(day: date, time_zone: str) -> datetime:
    """The first minute that the zone's clock shows as this day or a later one."""
    zone = ZoneInfo(time_zone)
    moment = datetime(day.year, day.month, day.day, tzinfo=timezone.utc) - 15 * 60 * MINUTE
    while moment.astimezone(zone).date() < day:
        moment += MINUTE
    return moment


def begins(day: date, grain: Grain) -> bool:
    """Tell whether a day, week or month begins with this day."""
    if grain is Grain.WEEK:
        return day.isoweekday() == 1
    return grain is Grain.DAY or day.day == 1


def written(start: datetime | date, grain: Grain) -> str:
    """Write a start as the key of its grain."""
    return start.isoformat()[: {Grain.HOUR: 13, Grain.MONTH: 7}.get(grain, 10)]


def windows_from(start: date, grain: Grain, time_zone: str) -> Iterator[Window]:
    """Yield the windows from the first that begins on `start` or later, without an end."""
    if grain is Grain.HOUR:
        moment = datetime(start.year, start.month, start.day, tzinfo=timezone.utc)
        while True:
            yield Window(moment, moment + 60 * MINUTE, written(moment, grain))
            moment += 60 * MINUTE
    day = start
    while not begins(day, grain):
        day += DAY
    while True:
        following = day + DAY
        while not begins(following, grain):
            following += DAY
        yield Window(
            first_minute(day, time_zone),
            first_minute(following, time_zone),
            written(day, grain),
        )
        day = following
