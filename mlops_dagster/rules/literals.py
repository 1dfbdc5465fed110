"""Reading of numbers, dates and timestamps."""

import math
import re

from mlops_dagster.rules.cursor import Cursor
from mlops_dagster.rules.nodes import Literal
from mlops_dagster.rules.time_texts import day_of, instant_of
from mlops_dagster.rules.tokens import TokenKind

MAX_INTEGER = 2**63 - 1

_NUMBER = re.compile(r"-?(?:[0-9]+\.[0-9]+|[0-9]+|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def read_number(cursor: Cursor) -> Literal:
    """Read a number; in quotes only where an interval's amount stands."""
    token = cursor.here
    if token.kind not in (TokenKind.NUMBER, TokenKind.TEXT) or not _NUMBER.fullmatch(token.value):
        raise cursor.unexpected("a number")
    cursor.take()
    if re.fullmatch(r"-?[0-9]+", token.value):
        whole = int(token.value)
        if abs(whole) > MAX_INTEGER:
            raise cursor.refused(
                token.span, "a whole number too large", expected=f"at most {MAX_INTEGER}"
            )
        return Literal(span=token.span, value=whole)
    number = float(token.value)
    if math.isinf(number):
        raise cursor.refused(token.span, "a number too large", expected="at most 1.7e308")
    return Literal(span=token.span, value=number)


def read_time(cursor: Cursor) -> Literal:
    """Read `date '2024-01-31'` or `timestamp '2024-01-31 12:00:00'`; UTC without an offset."""
    word = cursor.take()
    text = cursor.take()
    span = word.span.to(text.span)
    if word.keyword == "date":
        day = day_of(text.value)
        if day is None:
            raise cursor.refused(
                span, "not a date", expected="date '2024-01-31'", found=text.value[:40]
            )
        return Literal(span=span, value=day)
    instant = instant_of(text.value)
    if instant is None:
        raise cursor.refused(
            span,
            "not a timestamp",
            expected="timestamp '2024-01-31 12:00:00'",
            found=text.value[:40],
        )
    return Literal(span=span, value=instant)
