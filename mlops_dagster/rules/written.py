"""Arguments that must be written out in a rule: numbers within bounds, forms, names, networks."""

from collections.abc import Callable, Mapping

from mlops_dagster.rules.date_formats import format_problem
from mlops_dagster.rules.formats import network_problem
from mlops_dagster.rules.functions import Takes
from mlops_dagster.rules.nodes import Literal, Node
from mlops_dagster.rules.personal import PersonalKind

MAX_KEY = 255

# A slot is at most a century.
_NUMBERS = {Takes.DIGITS: (0, 15), Takes.SECONDS: (1, 100 * 366 * 86_400)}


def written_problem(takes: Takes, node: Node) -> str | None:
    """Return why an argument is not what must be written out; None where nothing is wrong.

    An empty text says that what is expected tells it all.
    """
    value = node.value if isinstance(node, Literal) else None
    if takes in _NUMBERS:
        low, high = _NUMBERS[takes]
        return None if type(value) is int and low <= value <= high else ""
    if takes not in _TEXTS:
        return None
    return _TEXTS[takes](value) if isinstance(value, str) else ""


def _key_problem(text: str) -> str | None:
    return None if 0 < len(text) <= MAX_KEY else ""


def _path_key_problem(text: str) -> str | None:
    # What Spark's paths into JSON cannot name.
    if {"?", "\\"} & set(text) or {"'", '"'} <= set(text):
        return ""
    return _key_problem(text)


def _personal_problem(text: str) -> str | None:
    return None if text in list(PersonalKind) else ""


_TEXTS: Mapping[Takes, Callable[[str], str | None]] = {
    Takes.FORM: format_problem,
    Takes.KEY: _key_problem,
    Takes.PATH_KEY: _path_key_problem,
    Takes.NETWORK: network_problem,
    Takes.PERSONAL: _personal_problem,
}
