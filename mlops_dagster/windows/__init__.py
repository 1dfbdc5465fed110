"""Windows, durations, as_of and look-back: pure arithmetic on instants."""

from mlops_dagster.windows.calendar import Grain, Window, WindowCalendar
from mlops_dagster.windows.duration import Duration, DurationTooLong, DurationUnit

__all__ = ["Duration", "DurationTooLong", "DurationUnit", "Grain", "Window", "WindowCalendar"]
