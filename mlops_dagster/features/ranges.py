"""Which windows of a table a model's rows can need: pure calendar arithmetic."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mlops_dagster.windows import Duration, Window, WindowCalendar

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Span:
    """The windows whose rows are predicted, from the first one's start to the last one's end."""

    first: Window
    last: Window


def history_windows(
    calendar: WindowCalendar, cutoff: str, history: Duration | None
) -> tuple[str, ...]:
    """Return the `history` windows up to and with the cutoff, clipped to the calendar.

    Without `history` these are all windows up to the cutoff.
    """
    number = calendar.index(cutoff)
    first = 0 if history is None else max(0, number + 1 - history.count)
    start = calendar.shift(cutoff, first - number) or cutoff
    return tuple(window.key for window in calendar.between(start, cutoff))


def view_range(
    calendar: WindowCalendar, span: Span, *, ahead: timedelta, valid_for: timedelta | None
) -> tuple[str, str] | None:
    """Return the first and last window of a table in which rows for a span of predictions can lie.

    Args:
        calendar: The calendar of the table, which need not be that of the predictions.
        span: The windows of the predicted rows.
        ahead: How long before its event time a row is predicted.
        valid_for: How old a row may be; None reads from the calendar's start.

    Returns:
        Keys of the calendar, or None when it has no window that early.
    """
    last = calendar.opened_by(span.last.end - _INSTANT)
    if last is None:
        return None
    if valid_for is None:
        return calendar.first, last.key
    oldest = calendar.containing(span.first.start - ahead - valid_for)
    first = calendar.first if oldest is None else oldest.key
    # A calendar that ended before the oldest moment has nothing fresh enough.
    if oldest is None and span.first.start - ahead - valid_for >= last.end:
        return None
    return first, last.key


def later_label_range(
    calendar: WindowCalendar, span: Span, *, until: datetime
) -> tuple[str, str] | None:
    """Return the first and last window of a table in which labels after their rows can lie.

    Args:
        calendar: The calendar of the table, which need not be that of the rows.
        span: The windows of the rows.
        until: The instant by which all of them are mature.

    Returns:
        Keys of the calendar, or None when it has no window between.
    """
    first, last = calendar.containing(span.first.start), calendar.opened_by(until)
    if last is None or last.end <= span.first.start:
        return None
    return (calendar.first if first is None else first.key), last.key
