"""Patterns of `like` and `rlike`: checked when read, so that they cannot fail a query later.

Nor can they hold one up: what could be matched in so many ways that it takes time without end is
refused as well.
"""

import re

from mlops_dagster.rules.backtracking import backtracking_problem
from mlops_dagster.rules.pattern_depth import depth_problem, text_limit
from mlops_dagster.rules.pattern_items import QUANTIFIER, in_python, item_length

MAX_PATTERN = 500


def regex_problem(pattern: str) -> str | None:
    """Return why a regular expression is refused, or None."""
    if len(pattern) > MAX_PATTERN:
        return f"longer than {MAX_PATTERN} characters"
    body = pattern.removeprefix("(?i)")
    index, repeatable = 0, False
    while index < len(body):
        letter = body[index]
        if letter in "*+?{":
            quantifier = QUANTIFIER.match(body, index)
            if quantifier is None or not repeatable:
                return f"'{letter}' at {index + 1} repeats nothing"
            index, repeatable = quantifier.end(), False
            continue
        step = item_length(body, index)
        if isinstance(step, str):
            return step
        # `^*` and `(*` repeat nothing.
        repeatable = letter not in "^$|("
        index += step
    return (
        _python_problem(pattern)
        or backtracking_problem(body, ignore_case=body != pattern)
        or depth_problem(pattern)
    )


def _python_problem(pattern: str) -> str | None:
    try:
        re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    return None


def compiled_regex(pattern: str) -> re.Pattern[str]:
    r"""Return the pattern with Java's meaning: `\d`, `\w`, `\s` and ignoring case are ASCII."""
    return re.compile(_java_anchors(pattern), re.ASCII)


def found_in(pattern: str, text: str) -> bool | None:
    """Tell whether a sound pattern is found in a text; unknown where the text is too long for it.

    See `pattern_depth`.
    """
    limit = text_limit(pattern)
    if limit is not None and len(text) > limit:
        return None
    return compiled_regex(pattern).search(text) is not None


def _java_anchors(pattern: str) -> str:
    """Rewrite `.` and `$` outside classes: Java knows other ends of lines than Python."""
    prefix = "(?i)" if pattern.startswith("(?i)") else ""
    body = pattern.removeprefix("(?i)")
    written: list[str] = []
    index = 0
    while index < len(body):
        step = item_length(body, index)
        length = step if isinstance(step, int) else 1
        item = body[index : index + length]
        written.append(in_python(item))
        index += length
    return prefix + "".join(written)


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
