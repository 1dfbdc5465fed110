"""pydantic's errors in our own words: where, what was expected, what was found, what is nearest."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mlops_dagster.errors import nearest_name
from mlops_dagster.spec.base import PATTERN_WORDS, ChoiceError
from mlops_dagster.spec.model_fields import field_names
from mlops_dagster.spec.positions import Data, KeyPath, resolve_scalar
from mlops_dagster.spec.use_case import LAYER_NAME_PATTERN, LAYERS

_TYPE_WORDS: Mapping[str, str] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
}
_LIMIT_WORDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("a number above", "gt"),
    "greater_than_equal": ("a number of at least", "ge"),
    "less_than": ("a number below", "lt"),
    "less_than_equal": ("a number of at most", "le"),
    "string_too_long": ("a text of at most so many characters:", "max_length"),
}
# What stands in for a missing key of the whole file, so that the rest of it is checked too.
_ROOT_SUBSTITUTES: Mapping[str, str | int] = {"spec_version": 1, "name": "unnamed"}
_NUMBER_ERRORS = frozenset({"int_type", "float_type"})
_MAPPING_ERRORS = frozenset({"model_type", "model_attributes_type", "dict_type"})
# The discriminators of unions, of which pydantic puts the value into its locations.
_DISCRIMINATORS = ("kind", "family")
# Keys by the names that other tools give them.
_OTHER_WORDS: Mapping[str, str] = {"filter": "when", "where": "when", "criticality": "severity"}
_TRUE_WORDS = frozenset({"yes", "on", "true"})
_FALSE_WORDS = frozenset({"no", "off", "false"})


@dataclass(frozen=True)
class Complaint:
    """One mistake found by validation.

    `substitute` is a value that would have been right, and `rename` a key, where they can be
    guessed, so that checking goes on.
    """

    path: KeyPath
    expected: str
    found: str
    nearest: str | None = None
    at_key: bool = False
    missing: str | None = None
    substitute: str | int | None = None
    rename: str | None = None


def complaints_of(error: ValidationError, model: type[BaseModel], data: Data) -> list[Complaint]:
    """Return the mistakes behind a validation error; a misspelt required key counts once."""
    found = [_complaint(detail, model, data) for detail in error.errors(include_url=False)]
    misspelt = {(c.path[:-1], c.rename) for c in found if c.rename is not None}
    return [c for c in found if c.missing is None or (c.path, c.missing) not in misspelt]


def show(value: object) -> str:
    """Write a found value for a message: texts quoted and shortened, mappings and lists as such."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 80 else f"'{value[:77]}...'"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return str(value)


def quoted(names: Iterable[str]) -> str:
    """Write names in quotes, separated by commas."""
    return ", ".join(f"'{name}'" for name in names)


def _complaint(detail: ErrorDetails, model: type[BaseModel], data: Data) -> Complaint:  # noqa: PLR0911
    kind, loc = detail["type"], detail["loc"]
    context = detail.get("ctx", {})
    if loc and loc[-1] == "[key]":
        path, _ = _walk(loc[:-1], data)
        key = str(path[-1])
        expected = _pattern_words(context)
        repaired = _repaired(key, context)
        near = None if repaired is None else f"'{repaired}'"
        return Complaint(path, expected, show(key), near, at_key=True, rename=repaired)
    path, value = _walk(loc, data)
    if kind == "missing":
        return _missing(path, str(loc[-1]), value)
    if kind == "extra_forbidden":
        return _extra(path, field_names(model, loc[:-1]), data)
    if kind == "union_tag_not_found":
        return _missing(path, str(context["discriminator"]).strip("'"), value)
    if kind == "union_tag_invalid":
        discriminator = str(context["discriminator"]).strip("'")
        return _choice((*path, discriminator), context["tag"], _names(context["expected_tags"]))
    if kind in ("enum", "literal_error"):
        return _choice(path, value, _names(context["expected"]) or (str(context["expected"]),))
    if kind == "value_error":
        cause = context.get("error")
        names = cause.names if isinstance(cause, ChoiceError) else ()
        return Complaint(path, str(cause), show(value), _near(value, names))
    if kind in _MAPPING_ERRORS:
        names = field_names(model, loc)
        keys = f" with the key{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""
        return Complaint(path, f"a mapping{keys}", show(value))
    return Complaint(path, *_scalar(kind, context, value))


def _scalar(kind: str, context: Mapping[str, object], value: Data) -> tuple[str, str, str | None]:
    """Return expected, found and nearest for a value of the wrong type, form or size."""
    if kind == "string_pattern_mismatch":
        repaired = _repaired(value, context)
        near = None if repaired is None else f"'{repaired}'"
        return _pattern_words(context), show(value), near
    if kind == "string_too_short":
        return "a text that is not empty", show(value), None
    if kind in ("too_short", "too_long"):
        words, bound = (
            ("at least", "min_length") if kind == "too_short" else ("at most", "max_length")
        )
        count = context[bound]
        return f"{words} {count} {'entry' if count == 1 else 'entries'}", show(value), None
    if kind in _LIMIT_WORDS:
        words, bound = _LIMIT_WORDS[kind]
        return f"{words} {context[bound]}", show(value), None
    expected = _TYPE_WORDS.get(kind, kind.replace("_", " "))
    nearest: str | None = None
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        nearest = f"'{show(value)}'"
    elif kind in _NUMBER_ERRORS and isinstance(value, str):
        number = resolve_scalar(value)
        whole = kind != "float_type"
        percent = re.fullmatch(r"([0-9]{1,3}(\.[0-9]{1,6})?) ?%", value)
        if percent is not None and not whole:
            return expected, show(value), f"{float(percent[1]) / 100:g}"
        if isinstance(number, int if whole else (int, float)) and not isinstance(number, bool):
            nearest = str(number)
    elif kind == "list_type" and isinstance(value, str):
        nearest = f"[{value}]"
    elif kind == "bool_type" and isinstance(value, str) and value.lower() in _TRUE_WORDS:
        nearest = "true"
    elif kind == "bool_type" and isinstance(value, str) and value.lower() in _FALSE_WORDS:
        nearest = "false"
    return expected, show(value), nearest


def _missing(path: KeyPath, key: str, value: Data) -> Complaint:
    present = list(value) if isinstance(value, dict) else []
    found = f"only {quoted(present)}" if present else "nothing"
    near = nearest_name(key, present)
    return Complaint(
        path,
        f"the key '{key}'",
        found,
        None if near is None else f"'{key}'",
        missing=key,
        substitute=_ROOT_SUBSTITUTES.get(key) if not path else None,
    )


def _extra(path: KeyPath, names: tuple[str, ...], data: Data) -> Complaint:
    key = str(path[-1])
    parent = _at(data, path[:-1])
    absent = [name for name in names if not isinstance(parent, dict) or name not in parent]
    meant = _OTHER_WORDS.get(key)
    near = meant if meant in absent else nearest_name(key, absent)
    expected = f"one of the keys {', '.join(names)}" if names else "no key here"
    shown = None if near is None else f"'{near}'"
    return Complaint(path, expected, show(key), shown, at_key=True, rename=near)


def _choice(path: KeyPath, value: object, names: tuple[str, ...]) -> Complaint:
    if len(names) == 1:
        expected = names[0] if names[0].isdigit() else f"'{names[0]}'"
    else:
        expected = f"one of {quoted(names)}"
    near = nearest_name(value.lower(), names) if isinstance(value, str) else None
    written = None if near is None else near if near.isdigit() else f"'{near}'"
    return Complaint(
        path,
        expected,
        show(value),
        written,
        substitute=near or (int(names[0]) if names[0].isdigit() else names[0]),
    )


def _walk(loc: tuple[int | str, ...], data: Data) -> tuple[KeyPath, Data]:
    """Return the part of `loc` that exists in the data, and the value there.

    pydantic mixes into its locations the tags of unions and the keys that a short form stands for.
    """
    path: list[int | str] = []
    value = data
    tag_met = False
    for key in loc:
        if isinstance(value, dict) and not tag_met and _is_tag(key, value):
            tag_met = True
            continue
        tag_met = False
        if isinstance(value, dict) and key in value:
            value = value[str(key)]
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            continue
        path.append(key)
    return tuple(path), value


def _is_tag(key: int | str, value: dict[str, Data]) -> bool:
    return any(value.get(name) == key for name in _DISCRIMINATORS)


def _at(data: Data, path: KeyPath) -> Data:
    return _walk(path, data)[1]


def _names(expected: object) -> tuple[str, ...]:
    return tuple(re.findall(r"'([^']*)'", str(expected)))


def _near(value: object, names: Iterable[str]) -> str | None:
    near = nearest_name(value, names) if isinstance(value, str) else None
    return None if near is None else f"'{near}'"


def _pattern_words(context: Mapping[str, object]) -> str:
    pattern = str(context.get("pattern", ""))
    return PATTERN_WORDS.get(pattern, f"a text that matches {pattern}")


def _repaired(value: object, context: Mapping[str, object]) -> str | None:
    """Return the name that a text becomes in lower case with '_' for other signs, if it is one."""
    pattern = str(context.get("pattern", ""))
    if not isinstance(value, str):
        return None
    text = re.sub(r"[^a-z0-9_.]+", "_", value.strip().lower())
    if pattern == LAYER_NAME_PATTERN:
        layer, _, name = text.partition(".")
        text = f"{nearest_name(layer, LAYERS)}.{name}"
    return text if re.fullmatch(pattern, text) else None
