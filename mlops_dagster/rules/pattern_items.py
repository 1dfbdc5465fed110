"""The items of a regular expression: what stands in it one after the other, and what is refused.

Java and Python disagree on much of regular expressions. Only what means the same in both is let
through: characters, classes, groups, alternatives, greedy and lazy quantifiers, anchors and
look-ahead.
"""

import re

_ESCAPABLE = frozenset("dDsSwWntr\\.-[](){}*+?^$|/\"'#&~@%=:,;<>! ")
QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d{1,3})(,?)(\d{0,3})\})\??")
_GROUP_START = re.compile(r"\((?:\?[:=!])?")
# What `.` does not match and what `$` may stand before, in Java.
_LINE_END = r"(?:\r\n|[\n\r\u0085\u2028\u2029])"
_JAVA_ITEMS = {
    ".": r"[^\n\r\u0085\u2028\u2029]",
    "$": rf"(?:(?={_LINE_END}\Z)(?<!\r(?=\n))|\Z)",
}


def item_length(body: str, index: int) -> int | str:
    """Return the length of the item at `index`, or why it is refused.

    Of a group only the beginning is an item: `(`, `(?:`, `(?=` or `(?!`.
    """
    letter = body[index]
    if letter == "\\":
        following = body[index + 1 : index + 2]
        if following in _ESCAPABLE and following:
            return 2
        return f"'\\{following}' at {index + 1} does not mean the same everywhere"
    if letter == "[":
        return _class_length(body, index)
    if letter == "(":
        start = _GROUP_START.match(body, index)
        length = 1 if start is None else len(start[0])
        if body[index + length : index + length + 1] == "?":
            return f"the group at {index + 1} is of a kind that does not mean the same everywhere"
        return length
    return 1


def in_python(item: str) -> str:
    """Return an item with Java's meaning as Python writes it: Java knows other ends of lines."""
    return _JAVA_ITEMS.get(item, item)


def _class_length(body: str, start: int) -> int | str:
    index = start + 1
    if body[index : index + 1] == "^":
        index += 1
    first = index
    while index < len(body):
        letter = body[index]
        if letter == "]":
            return f"the class at {start + 1} is empty" if index == first else index + 1 - start
        if letter == "[" or body.startswith(("&&", "--", "||", "~~"), index):
            return f"the class at {start + 1} holds a class or an operation; write '\\{letter}'"
        if letter == "\\":
            following = body[index + 1 : index + 2]
            if not following or following not in _ESCAPABLE:
                return f"'\\{following}' at {index + 1} does not mean the same everywhere"
            index += 1
        index += 1
    return f"the class at {start + 1} does not end"
