"""Windows as Dagster partitions, and look-backs as partition mappings.

Dagster contributes keys and offsets only; instants always come from the calendar.
"""

import warnings
from datetime import datetime, timedelta

import dagster as dg
from dagster._utils.warnings import BetaWarning

from mlops_dagster.spec.workspace import ResolvedInput, ResolvedModel
from mlops_dagster.windows import Grain, WindowCalendar

_CRON = {
    Grain.HOUR: "0 * * * *",
    Grain.DAY: "0 0 * * *",
    Grain.WEEK: "0 0 * * 1",
    Grain.MONTH: "0 0 1 * *",
}

# How many windows back a prediction looks for its champion when the calendar has no end.
CHAMPION_LOOK_BACK = 120


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
    """Return the mapping to the windows from `first` to `last` steps away; those before the calendar are left out."""
    with warnings.catch_warnings():
        # The parameter is beta; what it does here is under test, and each look-back would warn at every load.
        warnings.simplefilter("ignore", BetaWarning)
        return dg.TimeWindowPartitionMapping(
            start_offset=min(first, last),
            end_offset=last,
            allow_nonexistent_upstream_partitions=True,
        )


def history_mapping(
    calendar: WindowCalendar, model: ResolvedModel, *, extra_windows: int = 0
) -> dg.TimeWindowPartitionMapping:
    """Return the windows that a training reads: its history and what its features look back beyond it."""
    history = model.spec.train.history
    steps = CHAMPION_LOOK_BACK if history is None else history.count
    return look_back(first=-(steps - 1 + extra_windows), last=0)


def champion_mapping(calendar: WindowCalendar) -> dg.TimeWindowPartitionMapping:
    """Return the windows whose champion may score a window: all before it, never its own."""
    steps = CHAMPION_LOOK_BACK
    if calendar.last is not None:
        steps = max(calendar.index(calendar.last), 1)
    return look_back(first=-steps, last=-1)


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
