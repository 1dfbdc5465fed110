"""The one duration type, written `4 hours`, `28 days`, `12 windows`."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

_TEXT = re.compile(r"(?P<count>[0-9]{1,6}) (?P<unit>minute|hour|day|week|window)s?")


class DurationUnit(str, Enum):
    """What a duration counts. `window` is a step of the use case's calendar, not a fixed time."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    WINDOW = "window"


_FIXED: dict[DurationUnit, timedelta] = {
    DurationUnit.MINUTE: timedelta(minutes=1),
    DurationUnit.HOUR: timedelta(hours=1),
    DurationUnit.DAY: timedelta(days=1),
    DurationUnit.WEEK: timedelta(weeks=1),
}
# Further away lie years that no calendar has.
_LONGEST = timedelta(days=36525)


class DurationTooLong(ValueError):
    """A duration is written rightly, but reaches further than any calendar."""


@dataclass(frozen=True)
class Duration:
    """A length of time of fixed units, or a number of windows.

    A day is 24 hours of elapsed time: look-backs and label delays do not stretch when clocks
    change.
    """

    count: int
    unit: DurationUnit

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read `4 hours`, `1 day`, `12 windows`.

        Raises:
            DurationTooLong: It is more than 100 years.
            ValueError: The text is not a count, one space and a unit.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(
                "a duration such as '4 hours' (units: minutes, hours, days, weeks, windows)"
            )
        duration = cls(int(match["count"]), DurationUnit(match["unit"]))
        if not duration.is_windows and duration.elapsed > _LONGEST:
            raise DurationTooLong("a duration of at most 100 years")
        return duration

    def __str__(self) -> str:
        return f"{self.count} {self.unit.value}{'' if self.count == 1 else 's'}"

    @property
    def is_windows(self) -> bool:
        """Whether this counts windows rather than time."""
        return self.unit is DurationUnit.WINDOW

    @property
    def elapsed(self) -> timedelta:
        """The fixed length of time.

        Raises:
            ValueError: The duration counts windows, which have no fixed length.
        """
        if self.is_windows:
            raise ValueError(f"'{self}' has no fixed length; use the calendar to step windows")
        return self.count * _FIXED[self.unit]
