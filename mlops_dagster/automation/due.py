"""Which window is next in line, and when to look: pure functions of the calendar."""

from collections.abc import Collection
from datetime import datetime, timedelta

from mlops_dagster.windows import WindowCalendar

# A look costs milliseconds; a forecast that waits for a close should not wait much longer.
_TICK_MINUTES = 10


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


def held_up_by(
    calendar: WindowCalendar,
    window: str,
    *,
    opens: bool,
    forecasts: bool,
    opened: Collection[str],
    closed: Collection[str],
) -> str | None:
    """Return what must come before a window is processed, or None when nothing is missing.

    What a forecast may know is what had closed by its opening, so it waits for that close; a close
    measures the forecasts of its window, so it waits for them. Open and close jobs that tick at the
    same instant thereby run in one order.

    Args:
        calendar: The use case's windows.
        window: The window in line.
        opens: It is in line for the open job.
        forecasts: The use case has an open job.
        opened: Keys of the windows that the open job has finished.
        closed: Keys of the windows that the close job has finished.
    """
    if opens:
        known = calendar.closed_by(calendar.as_of_open(window))
        if known is not None and known.key not in closed:
            return f"the close of {known.key}"
    elif forecasts and window not in opened:
        return f"the opening of {window}"
    return None


def tick_cron(calendar: WindowCalendar, *, opens: bool) -> str:
    """Return when to look for a due window: every ten minutes, its instant among them.

    Looking at the instants alone would never catch up: a window that failed, or waited for another,
    would be looked at again only when the next one is due.
    """
    wait = timedelta(0) if opens else calendar.close_after_elapsed
    minute = int(wait.total_seconds() // 60) % _TICK_MINUTES
    return f"{minute}-59/{_TICK_MINUTES} * * * *"
