"""Forms of dates such as `dd.MM.yyyy HH:mm`: every part has its digits, all else stands for itself.

A form is read here and not by Java or Python, whose own readers disagree on what they let pass.
"""

import re
from dataclasses import dataclass

MAX_FORMAT = 60

_PARTS = {
    "yyyy": r"((?!0000)[0-9]{4})",
    "MM": "([0-9]{2})",
    "dd": "([0-9]{2})",
    "HH": "(?:[01][0-9]|2[0-3])",
    "mm": "[0-5][0-9]",
    "ss": "[0-5][0-9]",
    "SSS": "[0-9]{3}",
}
_DAY = ("yyyy", "MM", "dd")
# A part has a meaning only beside the one that it divides.
_DIVIDES = {"mm": "HH", "ss": "mm", "SSS": "ss"}
_PIECE = re.compile("|".join([*_PARTS, r"(?P<letter>[A-Za-z])(?P=letter)*", "."]), re.DOTALL)
# ISO 8601 writes these between its digits.
_LETTERS = ("T", "Z")


@dataclass(frozen=True)
class DateFormat:
    """A form of dates.

    Attributes:
        pattern: What a whole text must match, in Java and in Python; groups are year, month and day
            in the order in which they stand.
        day: The number of the group that holds the year, the month, the day.
    """

    pattern: str
    day: tuple[int, int, int]


def format_problem(text: str) -> str | None:
    """Return why a text is no form of dates, or None."""
    if len(text) > MAX_FORMAT:
        return f"longer than {MAX_FORMAT} characters"
    pieces = [match[0] for match in _PIECE.finditer(text)]
    parts = [piece for piece in pieces if piece in _PARTS]
    for piece in pieces:
        if piece.isalpha() and piece.isascii() and piece not in (*_PARTS, *_LETTERS):
            return f"'{piece}' is none of {', '.join(_PARTS)}"
    twice = next((part for part in parts if parts.count(part) > 1), None)
    if twice is not None:
        return f"'{twice}' stands twice"
    for part in _DAY:
        if part not in parts:
            return f"'{part}' is missing: a date has a year, a month and a day"
    for part, divided in _DIVIDES.items():
        if part in parts and divided not in parts:
            return f"'{part}' needs '{divided}' beside it"
    return None


def read_format(text: str) -> DateFormat:
    """Return a form of dates of which `format_problem` has nothing to say."""
    pieces = [match[0] for match in _PIECE.finditer(text)]
    order = [piece for piece in pieces if piece in _DAY]
    year, month, day = (order.index(part) + 1 for part in _DAY)
    pattern = "".join(_PARTS.get(piece, re.escape(piece)) for piece in pieces)
    return DateFormat(pattern, (year, month, day))
