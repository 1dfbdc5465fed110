"""Texts of corrections as values of a column's type, in plain Python; each value has one text.

What is refused here never reaches a slice; what is accepted, Spark reads as the same value.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, localcontext

from mlops_dagster.data import typed
from mlops_dagster.errors import CorrectionRefused, nearest_name
from mlops_dagster.rules.time_texts import day_of, instant_of, local_time_of
from mlops_dagster.rules.values import Value
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.workspace import ResolvedTable

_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
# Spark's decimals have 38; a text may have more.
_DIGITS = 1_100
_LARGEST_FLOAT = 3.4028234663852886e38
_TIMES = {
    "timestamp": "an instant such as 2013-02-12T03:00:00Z; UTC without an offset",
    "timestamp_ntz": "a local time such as 2013-02-12T03:00:00",
}


def check_correction(
    columns: Mapping[str, str | None], types: Mapping[str, str], *, where: str
) -> Mapping[str, str | None]:
    """Return a correction with every text in its one form.

    Args:
        columns: Texts by column; None for null.
        types: The contract's types by column.
        where: The row, for the message.

    Raises:
        CorrectionRefused: A column is not in the contract, or a text is no value of its type.
    """
    found: dict[str, str | None] = {}
    for name, text in columns.items():
        if name not in types:
            raise CorrectionRefused(
                f"the contract has no column '{name}'",
                where=where,
                expected=", ".join(types),
                nearest=nearest_name(name, types),
            )
        try:
            found[name] = None if text is None else written(read(text, types[name]), types[name])
        except ValueError as error:
            raise CorrectionRefused(
                f"this is no value for column '{name}' of type {types[name]}",
                where=where,
                expected=str(error),
                found=f"'{text}'",
            ) from error
    return found


def correctable_types(table: ResolvedTable, contract: Contract) -> Mapping[str, str]:
    """Return the types of the columns that were delivered: all but the number of the record."""
    return {name: kind for name, kind in contract.types.items() if name != table.spec.row_number}


def read(text: str, kind: str) -> Value:
    """Return the value of a text.

    Raises:
        ValueError: It is none of this type; the message says what one looks like.
    """
    name = _name(kind)
    if name in _TEXTS:
        return text
    if name not in _READERS:
        raise ValueError(f"no correction: a column of type {kind} can only be delivered anew")
    return _READERS[name](text.strip(" "), kind)


def is_correctable(kind: str) -> bool:
    """Tell whether values of a type can be written as texts here."""
    return _name(kind) in _TEXTS or _name(kind) in _READERS


def written(value: Value, kind: str) -> str:
    """Return the text of a value of this type: one text for equal values."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return "NaN" if math.isnan(value) else repr(value)
    if isinstance(value, datetime):
        text = value.isoformat(timespec="microseconds")
        return text.removesuffix("+00:00") + ("" if kind == "timestamp_ntz" else "Z")
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _whole(text: str, kind: str) -> int:
    half = 2 ** (_BITS[kind] - 1)
    if re.fullmatch(typed.INTEGER, text) and -half <= int(text) < half:
        return int(text)
    raise ValueError(f"a whole number from {-half} to {half - 1}")


def _number(text: str, kind: str) -> float:
    if re.fullmatch(typed.NUMBER, text):
        number = float(text)
        if kind == "double" or not math.isfinite(number) or abs(number) <= _LARGEST_FLOAT:
            return number
    raise ValueError("a number")


def _truth(text: str, _: str) -> bool:
    if re.fullmatch(typed.BOOLEAN, text):
        return text.lower() == "true"
    raise ValueError("true or false")


def _decimal(text: str, kind: str) -> Decimal:
    found = re.fullmatch(r"decimal\((\d+)(?:,(\d+))?\)", kind)
    precision, scale = (int(found[1]), int(found[2] or 0)) if found else (10, 0)
    words = f"a number of at most {precision - scale} digits before the point and {scale} after it"
    value = Decimal(text if re.fullmatch(typed.NUMBER, text) else "NaN")
    if not value.is_finite():
        raise ValueError(words)
    with localcontext(prec=_DIGITS):
        steps = value.scaleb(scale)
        if steps != steps.to_integral_value() or abs(steps) >= 10**precision:
            raise ValueError(words)
        return Decimal(int(steps)).scaleb(-scale)


def _day(text: str, _: str) -> date:
    day = day_of(text)
    if day is None:
        raise ValueError("a day such as 2013-02-12")
    return day


def _instant(text: str, kind: str) -> datetime:
    moment = local_time_of(text) if kind == "timestamp_ntz" else instant_of(text)
    if moment is None:
        raise ValueError(_TIMES[kind])
    return moment


def _name(kind: str) -> str:
    return re.split(r"[(<]", kind, maxsplit=1)[0]


_TEXTS = frozenset({"string", "varchar", "char"})
_READERS: Mapping[str, Callable[[str, str], Value]] = {
    **dict.fromkeys(_BITS, _whole),
    **dict.fromkeys(("float", "double"), _number),
    **dict.fromkeys(("timestamp", "timestamp_ntz"), _instant),
    "decimal": _decimal,
    "date": _day,
    "boolean": _truth,
}
