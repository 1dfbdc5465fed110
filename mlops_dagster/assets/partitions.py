"""Windows as Dagster partitions, and look-backs as partition mappings.

Dagster contributes keys and offsets only; instants always come from the calendar.
"""

import warnings
from datetime import datetime, timedelta

import dagster as dg
from dagster._utils.warnings import BetaWarning

from mlops_dagster.spec.workspace import ResolvedInput
from mlops_dagster.windows import Grain, WindowCalendar

_CRON = {
    Grain.HOUR: "0 * * * *",
    Grain.DAY: "0 0 * * *",
    Grain.WEEK: "0 0 * * 1",
    Grain.MONTH: "0 0 1 * *",
}

# How many windows back "all windows before" reaches when the calendar has no end.
FARTHEST_STEPS = 120


def partitions_of(
    calendar: WindowCalendar | None, *, opens: bool = False
) -> dg.TimeWindowPartitionsDefinition | None:
    """Return the partitions of a calendar, or None for use cases without windows.

    Args:
        calendar: The windows.
        opens: The asset is built as its window opens, so the newest partition is the open window.
    """
    if calendar is None:
        return None
    zone = "UTC" if calendar.grain is Grain.HOUR else calendar.time_zone
    return dg.TimeWindowPartitionsDefinition(
        start=calendar.first,
        end=None if calendar.last is None else _after(calendar, calendar.last),
        fmt=calendar.key_format,
        timezone=zone,
        cron_schedule=_CRON[calendar.grain],
        end_offset=1 if opens else 0,
    )


def input_mapping(
    calendar: WindowCalendar, table_input: ResolvedInput
) -> dg.TimeWindowPartitionMapping:
    """Return which windows of an input a window of the table reads."""
    steps = 0 if table_input.back is None else calendar.longest_steps(table_input.back)
    return look_back(first=-steps, last=-1 if table_input.until_start else 0)


def look_back(*, first: int, last: int) -> dg.TimeWindowPartitionMapping:
    """Return the mapping to the windows from `first` to `last` steps away, cut at the first one."""
    with warnings.catch_warnings():
        # The parameter is beta; what it does here is under test, and each look-back would warn at
        # every load.
        warnings.simplefilter("ignore", BetaWarning)
        return dg.TimeWindowPartitionMapping(
            start_offset=min(first, last),
            end_offset=last,
            allow_nonexistent_upstream_partitions=True,
        )


def same_window(calendar: WindowCalendar | None) -> dg.TimeWindowPartitionMapping | None:
    """Return the mapping to the window itself; None without windows."""
    return None if calendar is None else look_back(first=0, last=0)


def champion_mapping(calendar: WindowCalendar) -> dg.TimeWindowPartitionMapping:
    """Return the windows whose champion may score a window: all before it, never its own."""
    return look_back(first=-farthest_steps(calendar), last=-1)


def farthest_steps(calendar: WindowCalendar) -> int:
    """Return how many windows before its own a window may look for "all before": at least one."""
    if calendar.last is None:
        return FARTHEST_STEPS
    return max(calendar.index(calendar.last), 1)


def _after(calendar: WindowCalendar, key: str) -> str:
    """Return the key that would follow `key`, also where the calendar ends there."""
    start = datetime.strptime(key, calendar.key_format)
    if calendar.grain is Grain.MONTH:
        following = (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    else:
        length = {
            Grain.HOUR: timedelta(hours=1),
            Grain.DAY: timedelta(days=1),
            Grain.WEEK: timedelta(weeks=1),
        }
        following = start + length[calendar.grain]
    return following.strftime(calendar.key_format)
