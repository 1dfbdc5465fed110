"""Which window is next in line, and when to look: pure functions of the calendar."""

from collections.abc import Collection
from datetime import datetime

from mlops_dagster.windows import Grain, WindowCalendar

_DAY_HOURS = 24
# Cron has no day 29 in every month; a longer wait is looked for every day instead.
_LAST_SAFE_DAY = 28


def next_due(
    calendar: WindowCalendar, *, done: Collection[str], now: datetime, opens: bool
) -> str | None:
    """Return the window to process next, or None when all that are due are done.

    Windows are processed in order, one at a time, from the first one: what a later window sees was
    decided by the earlier ones. A window is due when it has closed (its end plus `close_after`), or
    opened for the open job.

    Args:
        calendar: The use case's windows.
        done: Keys of the windows that the job has finished.
        now: The present instant.
        opens: Ask for the open job.
    """
    newest = calendar.opened_by(now) if opens else calendar.closed_by(now)
    if newest is None:
        return None
    following = -1
    for key in done:
        following = max(following, calendar.index(key))
    following += 1
    if following > calendar.index(newest.key):
        return None
    return calendar.shift(calendar.first, following)


def tick_cron(calendar: WindowCalendar, *, opens: bool) -> str:
    """Return when to look for a due window: at the closing instants where cron can say them.

    A wait that cron cannot say (of weeks) is looked for every day.
    """
    wait = None if opens else calendar.close_after_elapsed
    total_minutes = int(wait.total_seconds() // 60) if wait else 0
    days, minutes = divmod(total_minutes, _DAY_HOURS * 60)
    hour, minute = divmod(minutes, 60)
    if calendar.grain is Grain.HOUR:
        return f"{minute} * * * *"
    if calendar.grain is Grain.DAY:
        return f"{minute} {hour} * * *"
    if calendar.grain is Grain.WEEK:
        return f"{minute} {hour} * * {(1 + days) % 7}"
    day = 1 + days
    return f"{minute} {hour} {day} * *" if day <= _LAST_SAFE_DAY else f"{minute} {hour} * * *"
