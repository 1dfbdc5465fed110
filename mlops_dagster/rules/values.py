"""Values of rows in plain Python, and their order in Spark."""

import math
import numbers
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

Number = int | float | Decimal


@dataclass(frozen=True)
class Months:
    """A length of time in months, which has no fixed number of days."""

    count: int


@dataclass(frozen=True)
class Entries:
    """A list or mapping, of which rules see only how many entries it has."""

    count: int


Value = bool | int | float | Decimal | str | date | datetime | timedelta | Months | Entries | None


def as_value(found: object) -> Value:
    """Return a row's value in the form used here: aware timestamps in UTC, plain numbers.

    Raises:
        TypeError: not a value that rules can look into.
    """
    if isinstance(found, datetime):
        if found.tzinfo is None:
            return found.replace(tzinfo=timezone.utc)
        return found.astimezone(timezone.utc)
    if found is None or isinstance(
        found, bool | str | date | timedelta | Decimal | Months | Entries
    ):
        return found
    if isinstance(found, list | tuple | dict):
        return Entries(len(found))
    if isinstance(found, numbers.Integral):
        return int(found)
    if isinstance(found, numbers.Real):
        return float(found)
    raise TypeError(f"rules cannot look into a {type(found).__name__}")


def is_number(value: Value) -> bool:
    """Tell whether a value is a number; true and false are none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def order(left: Value, right: Value) -> int:
    """Return -1, 0 or 1: the order of two values of one kind, as Spark sorts them.

    Raises:
        TypeError: values of two kinds.
    """
    if is_number(left) and is_number(right):
        return _number_order(left, right)
    if isinstance(left, date) and isinstance(right, date):
        left, right = _same_times(left, right)
        return (left > right) - (left < right)
    if isinstance(left, bool) and isinstance(right, bool):
        return left - right
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if isinstance(left, timedelta) and isinstance(right, timedelta):
        return (left > right) - (left < right)
    raise TypeError(f"{type(left).__name__} cannot be compared with {type(right).__name__}")


def as_timestamp(value: date) -> datetime:
    """Return a date's midnight in UTC; a timestamp stays as it is."""
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)


def _same_times(left: date, right: date) -> tuple[date, date]:
    if isinstance(left, datetime) or isinstance(right, datetime):
        return as_timestamp(left), as_timestamp(right)
    return left, right


def _number_order(left: object, right: object) -> int:
    if isinstance(left, float) or isinstance(right, float):
        first, second = as_float(left), as_float(right)
        if math.isnan(first) or math.isnan(second):
            return math.isnan(first) - math.isnan(second)
        return (first > second) - (first < second)
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return (left > right) - (left < right)
    raise TypeError(f"{type(left).__name__} cannot be compared with {type(right).__name__}")


def as_float(value: object) -> float:
    """Return a number as a double, as Spark does when one side is a double."""
    if isinstance(value, int | float | Decimal):
        return float(value)
    raise TypeError(f"expected a number, found {type(value).__name__}")
