"""The calendar of a use case: which windows there are, when each opens and closes.

Day, week and month windows follow local midnights of the time zone, so a day may have 23 or 25
hours. Hour windows are UTC hours in every zone, because a local hour exists twice when clocks go
back.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

from mlops_dagster.windows.duration import Duration, DurationUnit


class Grain(str, Enum):
    """The length of a window."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


# How a key is written in file names, partitions, tables, messages; a week is named by its Monday.
KEY_FORMATS: dict[Grain, str] = {
    Grain.HOUR: "%Y-%m-%dT%H",
    Grain.DAY: "%Y-%m-%d",
    Grain.WEEK: "%Y-%m-%d",
    Grain.MONTH: "%Y-%m",
}

# Of the naive clock: local days and weeks, UTC hours.
_LENGTHS: dict[Grain, timedelta] = {
    Grain.HOUR: timedelta(hours=1),
    Grain.DAY: timedelta(days=1),
    Grain.WEEK: timedelta(weeks=1),
}
_AT_ONCE = Duration(0, DurationUnit.HOUR)


@dataclass(frozen=True, order=True)
class Window:
    """One window: instants `start <= t < end`, both in UTC, and the key it is known by."""

    start: datetime
    end: datetime
    key: str

    def holds(self, instant: datetime) -> bool:
        """Tell whether the instant lies in the window."""
        return self.start <= instant < self.end


@dataclass(frozen=True)
class WindowCalendar:
    """All windows of a use case, from `first` to `last` (or without an end).

    Windows are numbered from 0; arithmetic on keys goes through that number.
    """

    grain: Grain
    first: str
    time_zone: str = "UTC"
    last: str | None = None
    close_after: Duration = _AT_ONCE

    def __post_init__(self) -> None:
        first = self._parse(self.first)
        if self.last is not None and self._parse(self.last) < first:
            raise ValueError(f"last window {self.last} lies before first window {self.first}")

    def window(self, key: str) -> Window:
        """Return the window of a key.

        Raises:
            ValueError: The key is not written as this grain writes it, or lies outside first..last.
        """
        return self._at(self.index(key))

    def index(self, key: str) -> int:
        """Return the number of a key's window, counted from 0 at `first`.

        Raises:
            ValueError: As `window`.
        """
        number = self._number(self._parse(key))
        if number < 0 or (self._last_index is not None and number > self._last_index):
            raise ValueError(f"window {key} lies outside {self.first}..{self.last or ''}")
        return number

    def shift(self, key: str, steps: int) -> str | None:
        """Return the key `steps` windows later (negative: earlier); None outside the calendar."""
        number = self.index(key) + steps
        if number < 0 or (self._last_index is not None and number > self._last_index):
            return None
        return self._at(number).key

    def weeks_before(self, key: str, weeks: int) -> str | None:
        """Return the key of the same weekday, of hours also the same local hour, weeks before.

        Where clocks changed meanwhile the local hour counts, not the elapsed time; an hour that
        they skipped then is the one after. None outside the calendar.

        Raises:
            ValueError: The windows are neither days nor hours, or as `window`.
        """
        if self.grain not in (Grain.DAY, Grain.HOUR):
            raise ValueError(f"windows of a {self.grain.value} have no weekday")
        if self.grain is Grain.DAY:
            return self.shift(key, -7 * weeks)
        zone = ZoneInfo(self.time_zone)
        local = self.window(key).start.astimezone(zone).replace(tzinfo=None)
        wanted = (local - timedelta(weeks=weeks)).replace(tzinfo=zone)
        found = self.containing(wanted.astimezone(timezone.utc))
        return None if found is None else found.key

    def between(self, first: str, last: str) -> tuple[Window, ...]:
        """Return the windows from `first` to `last`, both included; empty when last is earlier."""
        return tuple(self._at(n) for n in range(self.index(first), self.index(last) + 1))

    def containing(self, instant: datetime) -> Window | None:
        """Return the window that holds an instant, or None outside the calendar."""
        number = self._number_at(instant)
        if number < 0 or (self._last_index is not None and number > self._last_index):
            return None
        return self._at(number)

    def opened_by(self, instant: datetime) -> Window | None:
        """Return the newest window that has opened (start <= instant), or None before the first."""
        if instant < self._at(0).start:
            return None
        if self._last_index is not None and instant >= self._at(self._last_index).start:
            return self._at(self._last_index)
        return self.containing(instant)

    def closed_by(self, instant: datetime) -> Window | None:
        """Return the newest window whose closing instant (`as_of_close`) has come, or None."""
        open_window = self.opened_by(instant - self.close_after_elapsed)
        if open_window is None:
            return None
        if open_window.end <= instant - self.close_after_elapsed:
            return open_window
        number = self.index(open_window.key) - 1
        return self._at(number) if number >= 0 else None

    def as_of_close(self, key: str) -> datetime:
        """Return the instant at which a window is processed: its end plus `close_after`."""
        return self.window(key).end + self.close_after_elapsed

    def as_of_open(self, key: str) -> datetime:
        """Return the instant at which a window opens: its start."""
        return self.window(key).start

    def reading_range(
        self, key: str, back: Duration | None, until_start: bool
    ) -> tuple[str, str] | None:
        """Return the first and last window that a look-back from a window touches.

        Args:
            key: The window being built.
            back: How far before its start the look-back reaches; None for the window alone.
            until_start: Stop before the window's start instead of at its end.

        Returns:
            First and last key, clipped to the calendar, or None when nothing is left to read.
        """
        number = self.index(key)
        first = number - self.steps_back(key, back) if back is not None else number
        last = number - 1 if until_start else number
        first = max(first, 0)
        return (self._at(first).key, self._at(last).key) if first <= last else None

    def steps_back(self, key: str, back: Duration) -> int:
        """Return how many windows before `key` a look-back touches, if only partly."""
        if back.is_windows:
            return back.count
        if back.count == 0:
            return 0
        reaches = self.window(key).start - back.elapsed
        return self.index(key) - self._number_at(reaches)

    def longest_steps(self, span: Duration) -> int:
        """Return how many windows before its own a look-back of `span` touches at most."""
        if span.is_windows or span.count == 0:
            return span.count
        if self.grain is Grain.HOUR:
            return -(-span.elapsed // _LENGTHS[Grain.HOUR])
        year = self._parse(self.first).year
        if self.grain is Grain.MONTH:
            return _longest_months(self.time_zone, year, span.elapsed)
        # On the local clock the look-back is longer by as much as clocks went forward meanwhile.
        reach = span.elapsed + _offset_spread(self.time_zone, year)
        return -(-reach // _LENGTHS[self.grain])

    @property
    def close_after_elapsed(self) -> timedelta:
        """The wait between a window's end and its processing."""
        return self.close_after.elapsed

    @property
    def key_format(self) -> str:
        """The strftime format of this calendar's keys."""
        return KEY_FORMATS[self.grain]

    @property
    def _last_index(self) -> int | None:
        return None if self.last is None else self._number(self._parse(self.last))

    def _parse(self, key: str) -> datetime:
        """Read a key as the naive local (hours: UTC) start of its window."""
        try:
            start = datetime.strptime(key, self.key_format)
        except ValueError:
            start = None
        if start is None or start.strftime(self.key_format) != key:
            example = datetime(2013, 4, 15, 5).strftime(self.key_format)
            grain = "an hour" if self.grain is Grain.HOUR else f"a {self.grain.value}"
            raise ValueError(f"'{key}' is not {grain} window such as '{example}'")
        if self.grain is Grain.WEEK and start.weekday() != 0:
            monday = (start - timedelta(days=start.weekday())).strftime(self.key_format)
            raise ValueError(f"week '{key}' is named by its Monday: '{monday}'")
        return start

    def _local_start(self, instant: datetime) -> datetime:
        """Return the naive start of the window that holds an instant."""
        if self.grain is Grain.HOUR:
            moment = instant.astimezone(timezone.utc).replace(tzinfo=None)
            return moment.replace(minute=0, second=0, microsecond=0)
        day = instant.astimezone(ZoneInfo(self.time_zone)).date()
        if self.grain is Grain.WEEK:
            day -= timedelta(days=day.weekday())
        elif self.grain is Grain.MONTH:
            day = day.replace(day=1)
        return datetime(day.year, day.month, day.day)

    def _number_at(self, instant: datetime) -> int:
        """Return the number of the window that holds an instant, also outside the calendar."""
        number = self._number(self._local_start(instant))
        # Clocks that go back across midnight show a day again that has ended.
        while self._at(number).end <= instant:
            number += 1
        return number

    def _number(self, start: datetime) -> int:
        """Return the number of the window with this naive start."""
        first = self._parse(self.first)
        if self.grain is Grain.MONTH:
            return (start.year - first.year) * 12 + start.month - first.month
        return (start - first) // _LENGTHS[self.grain]

    def _at(self, number: int) -> Window:
        start, end = self._naive(number), self._naive(number + 1)
        return Window(self._instant(start), self._instant(end), start.strftime(self.key_format))

    def _naive(self, number: int) -> datetime:
        first = self._parse(self.first)
        if self.grain is Grain.MONTH:
            months = first.year * 12 + first.month - 1 + number
            return datetime.combine(date(months // 12, months % 12 + 1, 1), datetime.min.time())
        return first + number * _LENGTHS[self.grain]

    def _instant(self, naive: datetime) -> datetime:
        """Return the first instant of a naive start; of a skipped midnight, the change itself."""
        zone = timezone.utc if self.grain is Grain.HOUR else ZoneInfo(self.time_zone)
        return naive.replace(tzinfo=zone).astimezone(timezone.utc)


def _month_starts(time_zone: str, year: int) -> list[datetime]:
    """Return the first of every month from a year on: sixty years hold what a zone's clock does."""
    zone = ZoneInfo(time_zone)
    months = range(year * 12, min(year + 60, 9999) * 12)
    return [datetime(number // 12, number % 12 + 1, 1, tzinfo=zone) for number in months]


@lru_cache
def _offset_spread(time_zone: str, year: int) -> timedelta:
    """Return by how much the offsets of a zone differ at most, from a year on."""
    offsets = [start.utcoffset() or timedelta() for start in _month_starts(time_zone, year)]
    return max(offsets) - min(offsets)


@lru_cache
def _longest_months(time_zone: str, year: int, span: timedelta) -> int:
    """Return how many months before its own a look-back touches at most, from a year on."""
    found = 0
    for start in _month_starts(time_zone, year):
        instant = start.astimezone(timezone.utc) - span
        reached = instant.astimezone(ZoneInfo(time_zone))
        months = (start.year - reached.year) * 12 + start.month - reached.month
        found = max(found, months)
    return found
