"""Patterns of `like` and `rlike`: checked when read, so that they cannot fail a query later.

Java and Python disagree on much of regular expressions. Only what means the same in both is let
through: characters, classes, groups, alternatives, greedy and lazy quantifiers, anchors and
look-ahead.
"""

import re

MAX_PATTERN = 500

_ESCAPABLE = frozenset("dDsSwWntr\\.-[](){}*+?^$|/\"'#&~@%=:,;<>! ")
_CLASS_SHORTHANDS = frozenset("dDsSwW")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??")
_GROUP_START = re.compile(r"\((?:\?[:=!])?")


def regex_problem(pattern: str) -> str | None:
    """Return why a regular expression is refused, or None."""
    if len(pattern) > MAX_PATTERN:
        return f"longer than {MAX_PATTERN} characters"
    body = pattern.removeprefix("(?i)")
    index, repeatable = 0, False
    while index < len(body):
        letter = body[index]
        if letter in "*+?{":
            quantifier = _QUANTIFIER.match(body, index)
            if quantifier is None or not repeatable:
                return f"'{letter}' at {index + 1} repeats nothing"
            index, repeatable = quantifier.end(), False
            continue
        step = _step(body, index)
        if isinstance(step, str):
            return step
        # `^*` and `(*` repeat nothing.
        repeatable = letter not in "^$|("
        index += step
    return _python_problem(pattern)


def _step(body: str, index: int) -> int | str:
    """Return the length of the item at `index`, or why it is refused."""
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


def _python_problem(pattern: str) -> str | None:
    try:
        re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    return None


def compiled_regex(pattern: str) -> re.Pattern[str]:
    r"""Return the pattern with Java's meaning: `\d`, `\w`, `\s` and ignoring case are ASCII."""
    return re.compile(_java_anchors(pattern), re.ASCII)


# What `.` does not match and what `$` may stand before, in Java.
_LINE_END = r"(?:\r\n|[\n\r\u0085\u2028\u2029])"


def _java_anchors(pattern: str) -> str:
    """Rewrite `.` and `$` outside classes: Java knows other ends of lines than Python."""
    prefix = "(?i)" if pattern.startswith("(?i)") else ""
    body = pattern.removeprefix("(?i)")
    written: list[str] = []
    index = 0
    while index < len(body):
        step = _step(body, index)
        length = step if isinstance(step, int) else 1
        item = body[index : index + length]
        written.append(_JAVA_ITEMS.get(item, item))
        index += length
    return prefix + "".join(written)


_JAVA_ITEMS = {
    ".": r"[^\n\r\u0085\u2028\u2029]",
    "$": rf"(?:(?={_LINE_END}\Z)(?<!\r(?=\n))|\Z)",
}


def like_problem(pattern: str) -> str | None:
    r"""Return why a `like` pattern is refused, or None: `\` stands only before `%`, `_`, `\`."""
    if len(pattern) > MAX_PATTERN:
        return f"longer than {MAX_PATTERN} characters"
    if re.fullmatch(r"(?:[^\\]|\\[%_\\])*", pattern, re.DOTALL) is None:
        return r"a backslash stands before something else than '%', '_' or a backslash"
    return None


def compiled_like(pattern: str, *, ignore_case: bool) -> re.Pattern[str]:
    """Return the regular expression of a `like` pattern; match it as a whole."""
    pieces = re.findall(r"\\.|.", pattern.lower() if ignore_case else pattern, re.DOTALL)
    return re.compile("".join(map(_like_piece, pieces)), re.DOTALL)


def _like_piece(piece: str) -> str:
    if piece == "%":
        return ".*"
    if piece == "_":
        return "."
    return re.escape(piece[-1])
