"""The scalar functions of rules in plain Python, with Spark's results."""

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from functools import cmp_to_key

from mlops_dagster.rules.arithmetic import negated
from mlops_dagster.rules.formats import (
    CODES,
    in_network,
    is_date_as,
    is_iban,
    is_ipv4,
    is_ipv6,
    is_json,
    is_luhn,
    is_network,
    json_has,
    json_type,
    mentions,
)
from mlops_dagster.rules.time_texts import day_of, instant_of
from mlops_dagster.rules.values import Entries, Value, as_float, as_timestamp, order

# Enough digits for every double written out in full.
_WIDE = Context(prec=700)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def call(name: str, arguments: Sequence[Value]) -> Value:
    """Return the value of a function; a null argument gives null but in coalesce and its kin."""
    present = [argument for argument in arguments if argument is not None]
    if name == "coalesce":
        return present[0] if present else None
    if name in ("least", "greatest"):
        choose = min if name == "least" else max
        return choose(present, key=cmp_to_key(order)) if present else None
    if name == "isnan":
        return isinstance(arguments[0], float) and math.isnan(arguments[0])
    if len(present) < len(arguments):
        return None
    return _FUNCTIONS[name](*arguments)


def _absolute(value: Value) -> Value:
    if order(value, -(2**63)) == 0:
        return None
    return value if order(value, 0) >= 0 else negated(value)


def _rounded(value: Value, digits: Value = 0) -> Value:
    if not isinstance(digits, int):
        raise TypeError("digits are a whole number")
    if isinstance(value, int):
        return value
    step = Decimal(1).scaleb(-digits)
    if isinstance(value, Decimal):
        return value.quantize(step, ROUND_HALF_UP, _WIDE)
    if not isinstance(value, float):
        raise TypeError(f"expected a number, found {type(value).__name__}")
    if not math.isfinite(value):
        return value
    # Spark rounds the shortest decimal text of a double, not its exact value.
    return float(Decimal(repr(value)).quantize(step, ROUND_HALF_UP, _WIDE))


def _whole(value: Value, rounding: str) -> Value:
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return value.quantize(Decimal(1), rounding, _WIDE)
    number = as_float(value)
    # Java's conversion to 64 bits: NaN is 0, what is too large becomes the largest.
    if math.isnan(number):
        return 0
    if math.isinf(number):
        return 2**63 - 1 if number > 0 else -(2**63)
    whole = math.floor(number) if rounding == ROUND_FLOOR else math.ceil(number)
    return max(-(2**63), min(2**63 - 1, whole))


def _has_time(value: Value) -> bool:
    text = _text(value)
    return instant_of(text) is not None and day_of(text) is None


def _root(value: Value) -> float:
    number = as_float(value)
    return math.sqrt(number) if number >= 0 else math.nan


def _logarithm(value: Value) -> float | None:
    number = as_float(value)
    if math.isnan(number):
        return number
    return math.log(number) if number > 0 else None


def _slot(value: Value, seconds: Value) -> int:
    if not isinstance(seconds, int):
        raise TypeError("the length of a slot is a whole number")
    return (_time(value) - _EPOCH) // timedelta(seconds=seconds)


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {type(value).__name__}")
    return value


def _size(value: Value) -> int:
    if not isinstance(value, Entries):
        raise TypeError(f"expected a list or mapping, found {type(value).__name__}")
    return value.count


def _of_texts(function: Callable[..., Value]) -> Callable[..., Value]:
    return lambda *values: function(*map(_text, values))


def _listed(name: str) -> Callable[..., Value]:
    return lambda value: _text(value) in CODES[name]


def _time(value: Value) -> datetime:
    if not isinstance(value, date):
        raise TypeError(f"expected a date or timestamp, found {type(value).__name__}")
    return as_timestamp(value)


_FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": _absolute,
    "round": _rounded,
    "floor": lambda value: _whole(value, ROUND_FLOOR),
    "ceil": lambda value: _whole(value, ROUND_CEILING),
    "sqrt": _root,
    "ln": _logarithm,
    "is_date": lambda value: day_of(_text(value)) is not None,
    "is_timestamp": _has_time,
    "slot": _slot,
    "size": _size,
    "is_date_as": _of_texts(is_date_as),
    "is_json": _of_texts(is_json),
    "json_has": _of_texts(json_has),
    "json_type": _of_texts(json_type),
    "is_ipv4": _of_texts(is_ipv4),
    "is_ipv6": _of_texts(is_ipv6),
    "is_network": _of_texts(is_network),
    "in_network": _of_texts(in_network),
    "is_iban": _of_texts(is_iban),
    "is_luhn": _of_texts(is_luhn),
    "mentions": _of_texts(mentions),
    **{name: _listed(name) for name in CODES},
    "lower": lambda value: _text(value).lower(),
    "upper": lambda value: _text(value).upper(),
    "trim": lambda value: _text(value).strip(" "),
    "length": lambda value: len(_text(value)),
    "year": lambda value: _time(value).year,
    "quarter": lambda value: (_time(value).month + 2) // 3,
    "month": lambda value: _time(value).month,
    "day": lambda value: _time(value).day,
    "weekday": lambda value: _time(value).weekday(),
    "hour": lambda value: _time(value).hour,
    "minute": lambda value: _time(value).minute,
    "second": lambda value: _time(value).second,
    "date": lambda value: _time(value).date(),
    "date_diff": lambda end, start: (_time(end).date() - _time(start).date()).days,
}
