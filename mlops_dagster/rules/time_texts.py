"""Days and instants in texts, as ISO 8601 writes them: one form for files, corrections and rules.

Java prints an instant on a full minute without seconds and Python one in microseconds; both are
read. What `time_columns` makes of a text on Spark, this module makes of it in plain Python.
"""

import re
from datetime import date, datetime, timedelta, timezone

# The years of Python's calendar; Spark's own casts also read '2024', 'T10:00' and the year 0.
DAY = r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS = r":[0-5][0-9](?:\.[0-9]{1,9})?"
_OFFSET = r"Z|UTC|[+-](?:(?:0[0-9]|1[0-7]):?[0-5][0-9]|18:?00)"
LOCAL_TIME = rf"{DAY}(?:[T ]{_CLOCK}(?:{_SECONDS})?)?"
INSTANT = rf"{DAY}(?:[T ]{_CLOCK}(?:{_SECONDS})?(?: ?(?:{_OFFSET}))?)?"

_PARTS = re.compile(
    rf"({DAY})(?:[T ]({_CLOCK})({_SECONDS})?(?: ?({_OFFSET}))?)?",
)


def day_of(text: str) -> date | None:
    """Return the day of a text such as 2024-01-31; None if it is none of the calendar."""
    if re.fullmatch(DAY, text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def local_time_of(text: str) -> datetime | None:
    """Return the time on a clock that a text without an offset says; None if it is no such text.

    A day is its midnight; digits beyond microseconds are cut off.
    """
    return _local_time(text) if re.fullmatch(LOCAL_TIME, text) else None


def instant_of(text: str) -> datetime | None:
    """Return the instant of a text, in UTC if it has no offset; None if it is none.

    An instant that its offset moves out of the years 1 to 9999 is none.
    """
    found = _PARTS.fullmatch(text)
    moment = _local_time(text)
    if found is None or moment is None:
        return None
    try:
        return (moment - _ahead_of_utc(found[4])).replace(tzinfo=timezone.utc)
    except OverflowError:
        return None


def _local_time(text: str) -> datetime | None:
    found = _PARTS.fullmatch(text)
    day = None if found is None else day_of(found[1])
    if found is None or day is None:
        return None
    hour, minute = map(int, (found[2] or "00:00").split(":"))
    whole, _, fraction = (found[3] or ":00").removeprefix(":").partition(".")
    micros = int(f"{fraction:0<6}"[:6])
    return datetime(day.year, day.month, day.day, hour, minute, int(whole), micros)


def _ahead_of_utc(offset: str | None) -> timedelta:
    if offset in (None, "Z", "UTC"):
        return timedelta(0)
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    return -ahead if offset[0] == "-" else ahead
