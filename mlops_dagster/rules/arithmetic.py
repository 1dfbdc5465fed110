"""Arithmetic of numbers and times in plain Python, with Spark's results; null where it has none."""

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from mlops_dagster.rules.nodes import Operator, Unit
from mlops_dagster.rules.values import (
    Months,
    Number,
    Value,
    as_float,
    as_timestamp,
    is_number,
)

_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS = {
    Unit.SECOND: 1_000_000,
    Unit.MINUTE: 60_000_000,
    Unit.HOUR: 3_600_000_000,
    Unit.DAY: 86_400_000_000,
    Unit.WEEK: 604_800_000_000,
}


def in_64_bits(whole: int) -> int | None:
    """Return the whole number, or None when it does not fit in 64 bits."""
    return whole if -(2**63) <= whole < 2**63 else None


def calculate(  # noqa: PLR0911 - one return a pair of kinds
    operator: Operator, left: Value, right: Value
) -> Value:
    """Return `left operator right`; null when a side is null or the result does not exist.

    Raises:
        TypeError: values that cannot be combined.
    """
    if left is None or right is None:
        return None
    if is_number(left) and is_number(right):
        return _numbers(operator, left, right)
    if operator is Operator.SUBTRACT:
        if isinstance(left, date) and isinstance(right, date):
            return as_timestamp(left) - as_timestamp(right)
        if isinstance(right, timedelta):
            return _later(left, -right)
        if isinstance(right, Months):
            return _later(left, Months(-right.count))
    if operator is Operator.ADD:
        if isinstance(left, timedelta | Months) and isinstance(right, date):
            return _later(right, left)
        if isinstance(right, timedelta | Months):
            return _later(left, right)
    raise TypeError(
        f"{type(left).__name__} {operator.value} {type(right).__name__} cannot be calculated"
    )


def negated(value: Value) -> Value:
    """Return `-value`; null for the one whole number without a counterpart."""
    return calculate(Operator.SUBTRACT, 0, value)


def interval_value(parts: Sequence[tuple[Unit, Value]]) -> Value:
    """Return the length of time of these amounts; null with a null amount, or when too long."""
    months, microseconds = 0, 0
    for unit, amount in parts:
        if amount is None:
            return None
        if unit.is_calendar:
            if not isinstance(amount, int):
                raise TypeError("months are whole numbers")
            months += amount * (12 if unit is Unit.YEAR else 1)
            continue
        part = _whole_microseconds(amount, _MICROSECONDS[unit])
        total = None if part is None else in_64_bits(microseconds + part)
        if total is None:
            return None
        microseconds = total
    if parts[0][0].is_calendar:
        return Months(months)
    try:
        return microseconds * _MICROSECOND
    except OverflowError:
        return None


def _whole_microseconds(amount: Value, length: int) -> int | None:
    if isinstance(amount, int):
        return in_64_bits(amount * length)
    if isinstance(amount, float):
        product = amount * length
        if not math.isfinite(product):
            return None
        return in_64_bits(int(Decimal(product).to_integral_value(ROUND_HALF_UP)))
    if isinstance(amount, Decimal):
        return in_64_bits(int((amount * length).to_integral_value(ROUND_HALF_UP)))
    raise TypeError(f"expected a number, found {type(amount).__name__}")


def _numbers(operator: Operator, left: Value, right: Value) -> Number | None:
    if isinstance(left, int) and isinstance(right, int) and operator is not Operator.DIVIDE:
        return _whole_numbers(operator, left, right)
    if (
        isinstance(left, Decimal | int)
        and isinstance(right, Decimal | int)
        and Decimal in (type(left), type(right))
    ):
        return _decimals(operator, Decimal(left), Decimal(right))
    return _floats(operator, as_float(left), as_float(right))


def _whole_numbers(operator: Operator, left: int, right: int) -> int | None:
    if operator is Operator.REMAINDER:
        # Java's remainder has the sign of the left side.
        return None if right == 0 else int(math.copysign(1, left)) * (abs(left) % abs(right))
    results = {
        Operator.ADD: left + right,
        Operator.SUBTRACT: left - right,
        Operator.MULTIPLY: left * right,
    }
    return in_64_bits(results[operator])


def _floats(operator: Operator, left: float, right: float) -> float | None:
    if operator in (Operator.DIVIDE, Operator.REMAINDER):
        if right == 0:
            return None
        if operator is Operator.DIVIDE:
            return left / right
        return math.nan if math.isinf(left) else math.fmod(left, right)
    try:
        return {
            Operator.ADD: left + right,
            Operator.SUBTRACT: left - right,
            Operator.MULTIPLY: left * right,
        }[operator]
    except OverflowError:
        return math.inf


def _decimals(operator: Operator, left: Decimal, right: Decimal) -> Decimal | None:
    try:
        if operator in (Operator.DIVIDE, Operator.REMAINDER):
            if right == 0:
                return None
            return left / right if operator is Operator.DIVIDE else left % right
        return {
            Operator.ADD: left + right,
            Operator.SUBTRACT: left - right,
            Operator.MULTIPLY: left * right,
        }[operator]
    except InvalidOperation:
        return None


def _later(start: Value, length: timedelta | Months) -> Value:
    """Return `start` moved by a length of time; a date moved by days or hours is a timestamp."""
    try:
        if isinstance(start, timedelta) and isinstance(length, timedelta):
            return start + length
        if isinstance(start, date) and isinstance(length, timedelta):
            return as_timestamp(start) + length
        if isinstance(start, date) and isinstance(length, Months):
            return _months_later(start, length.count)
    except (OverflowError, ValueError):
        return None
    raise TypeError(f"a {type(start).__name__} cannot be moved by a {type(length).__name__}")


def _months_later(start: date, months: int) -> date | datetime:
    """Move by months; a day that the month lacks becomes its last."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    for day in range(start.day, 27, -1):
        try:
            return start.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return start.replace(year=year, month=month + 1)
