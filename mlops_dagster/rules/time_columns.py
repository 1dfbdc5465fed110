"""Texts of days and instants as Spark columns; what they make of a text, `time_texts` makes too."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from mlops_dagster.rules.time_texts import DAY, INSTANT, LOCAL_TIME

_DAY = len("2024-01-31")
# Where seconds, or else the offset, begin; and more than a text has.
_SECONDS_AT, _LONGEST = len("2024-01-31T12:00") + 1, 99
_FIRST, _LAST = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"


def is_wholly(text: Column, pattern: str) -> Column:
    """Return whether a pattern fits a text from its first to its last character."""
    # `$` also stands before a line's end.
    return text.rlike(rf"\A(?:{pattern})\z")


def day_of(text: Column) -> Column:
    """Return the days of texts; null where a text is none."""
    return F.when(is_wholly(text, DAY), text.try_cast("date"))


def local_time_of(text: Column) -> Column:
    """Return texts without an offset as `timestamp_ntz`; null where a text is none."""
    # Spark's cast would drop an offset without a word.
    return F.when(is_wholly(text, LOCAL_TIME), text.try_cast("timestamp_ntz"))


def instant_of(text: Column) -> Column:
    """Return the instants of texts; null where a text is none. The session must be in UTC."""
    # Spark reads an offset behind seconds alone. A pattern to put them in would cost what reading
    # does; a text that `INSTANT` fits has its parts at fixed places.
    rest = F.substring(text, _SECONDS_AT, _LONGEST)
    minutes = F.substring(text, 1, _SECONDS_AT - 1)
    has_seconds = (rest == "") | rest.startswith(":")
    whole = F.when(has_seconds, text).otherwise(F.concat(minutes, F.lit(":00"), rest))
    moment = whole.try_cast("timestamp")
    # An offset moves the first and the last day alone out of the calendar.
    first, last = (F.lit(end).cast("timestamp") for end in (_FIRST, _LAST))
    at_an_end = text.startswith(_FIRST[:_DAY]) | text.startswith(_LAST[:_DAY])
    inside = F.when(~at_an_end | moment.between(first, last), moment)
    return F.when(is_wholly(text, INSTANT), inside)
