"""When labels are final, and which windows a close has to evaluate: pure calendar arithmetic."""

from dataclasses import replace
from datetime import datetime
from enum import Enum

from mlops_dagster.windows import Duration, WindowCalendar


class LabelState(str, Enum):
    """What is known of a row's label at an instant."""

    LABELLED = "labelled"
    NEVER = "never"
    PENDING = "pending"


def first_maturity(calendar: WindowCalendar, window: str, within: Duration) -> datetime:
    """Return when the first row of a window matures.

    `within` of fixed length counts from each row's event time; `within` of n windows ends for all
    rows of a window with the n-th window after it, also beyond the calendar's last.
    """
    if within.is_windows:
        return final_maturity(calendar, window, within)
    return calendar.window(window).start + within.elapsed


def final_maturity(calendar: WindowCalendar, window: str, within: Duration) -> datetime:
    """Return the instant by which every row of a window is mature."""
    if within.is_windows:
        endless = replace(calendar, last=None)
        return endless.window(endless.shift(window, within.count) or window).end
    return calendar.window(window).end + within.elapsed


def is_final(calendar: WindowCalendar, window: str, *, within: Duration, as_of: datetime) -> bool:
    """Tell whether no label of a window can come any more that would still count."""
    return final_maturity(calendar, window, within) <= as_of


def windows_to_evaluate(
    calendar: WindowCalendar, closing: str, *, within: Duration
) -> tuple[str, ...]:
    """Return the windows whose quality is new when a window closes, oldest first.

    These are the closing window and each earlier one with a moment at which rows could have matured
    after the previous close and not after this one.
    """
    now = calendar.as_of_close(closing)
    previous = calendar.shift(closing, -1)
    if previous is None:
        return (closing,)
    before = calendar.as_of_close(previous)
    earlier: list[str] = []
    window: str | None = previous
    while window is not None and _last_moment_is_after(calendar, window, within, before):
        if first_maturity(calendar, window, within) <= now:
            earlier.append(window)
        window = calendar.shift(window, -1)
    return (*reversed(earlier), closing)


def _last_moment_is_after(
    calendar: WindowCalendar, window: str, within: Duration, instant: datetime
) -> bool:
    """Tell whether something of a window matures after an instant; false for all before it then."""
    return final_maturity(calendar, window, within) > instant
