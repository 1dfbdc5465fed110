"""How long a text a regular expression may look at before Java's stack ends.

Java matches a repeated group by calling itself once more for each repetition. A text of a few
thousand characters ends the stack, which fails the query: one hostile value would hold up its batch
for ever. What is longer than a stack of 1 MB surely holds is not looked at: the answer is unknown.
"""

from functools import lru_cache

from mlops_dagster.rules.pattern_tree import Group, Item, Part, Repeated, TreeReader

# Measured on Java 17, interpreted: a call takes about 130 bytes. Three quarters of the default
# stack of 1 MB; the rest is Spark's own.
_CALLS = 6_000
# Calls for an item, for a group around others, for one more repetition: at most, as measured.
_ITEM, _GROUP, _REPETITION = 2, 2, 3


@lru_cache(maxsize=1024)
def text_limit(pattern: str) -> int | None:
    """Return the most characters that a sound pattern can look at; None for any number."""
    body = pattern.removeprefix("(?i)")
    reader = TreeReader(body, ignore_case=body != pattern)
    roots = [reader.alternatives(), *reader.aside]
    by_character = sum(_by_character(root) for root in roots)
    if by_character == 0:
        return None
    return max(0, int((_CALLS - sum(_calls(root) for root in roots)) / by_character))


def depth_problem(pattern: str) -> str | None:
    """Return why a sound pattern ends the stack on any text, or None."""
    body = pattern.removeprefix("(?i)")
    reader = TreeReader(body, ignore_case=body != pattern)
    roots = [reader.alternatives(), *reader.aside]
    if sum(_calls(root) for root in roots) <= _CALLS:
        return None
    return "its repeated groups nest too deeply; write it in a shorter way"


def _calls(part: Part) -> int:
    """Return the calls that a part takes apart from what grows with the text."""
    match part:
        case Item():
            return _ITEM
        case Group(options):
            return _GROUP + sum(_calls(inner) for option in options for inner in option)
        case Repeated(Item(), _, _):
            # A loop inside one call.
            return _ITEM
        case Repeated(inner, low, high):
            return (high or low or 1) * (_calls(inner) + _REPETITION)


def _by_character(part: Part) -> float:
    """Return the calls that a part takes for each character of the text."""
    match part:
        case Group(options):
            return sum(_by_character(inner) for option in options for inner in option)
        case Repeated(Group() as inner, _, high):
            within = _by_character(inner)
            if high is not None:
                return within
            return within + (_calls(inner) + _REPETITION) / max(1, _shortest(inner))
        case Repeated(inner, _, _):
            return _by_character(inner)
    return 0.0


def _shortest(part: Part) -> int:
    """Return how many characters a part matches at least."""
    match part:
        case Item(matched=matched):
            return 1 if matched else 0
        case Group(options):
            return min(sum(map(_shortest, option)) for option in options)
        case Repeated(inner, low, _):
            return low * _shortest(inner)
