"""A validator for the part of JSON Schema that our schemas use; it refuses keywords it ignores."""

import re
from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import TypeGuard

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_SILENT = {"title", "description", "default", "discriminator", "$schema", "$defs"}
_TYPES: Mapping[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}

# These look into values of another type.
_OF_PARTS = {
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "required",
    "items",
}
_SIZES: Mapping[str, Callable[[float, float], bool]] = {
    "minLength": ge,
    "minItems": ge,
    "minProperties": ge,
    "maxLength": le,
    "maxItems": le,
}
_BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    "minimum": ge,
    "maximum": le,
    "exclusiveMinimum": gt,
    "exclusiveMaximum": lt,
}


def is_mapping(value: object) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict)


def errors(value: Json, schema: Json, root: dict[str, Json], path: str = "") -> list[str]:
    """Return the places of a value that do not follow a schema."""
    if isinstance(schema, bool):
        return [] if schema else [f"{path}: not allowed"]
    assert is_mapping(schema)
    found: list[str] = []
    for keyword, wanted in schema.items():
        if keyword in _SILENT:
            continue
        if keyword == "$ref":
            assert isinstance(wanted, str)
            definitions = root["$defs"]
            assert is_mapping(definitions)
            found += errors(value, definitions[wanted.removeprefix("#/$defs/")], root, path)
        elif keyword in ("anyOf", "oneOf"):
            assert isinstance(wanted, list)
            right = [one for one in wanted if not errors(value, one, root, path)]
            if not right or (keyword == "oneOf" and len(right) > 1):
                found.append(f"{path}: {len(right)} of {keyword}")
        elif is_mapping(value):
            found += _of_mapping(value, keyword, wanted, schema, root, path)
        elif isinstance(value, list) and keyword == "items":
            for number, item in enumerate(value):
                found += errors(item, wanted, root, f"{path}[{number}]")
        elif not _holds(value, keyword, wanted):
            found.append(f"{path}: {keyword} {wanted}")
    return found


def _of_mapping(
    value: dict[str, Json],
    keyword: str,
    wanted: Json,
    schema: dict[str, Json],
    root: dict[str, Json],
    path: str,
) -> list[str]:
    properties = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    assert is_mapping(properties)
    assert is_mapping(patterns)
    found: list[str] = []
    for key, part in value.items():
        place = f"{path}.{key}" if path else key
        matched = [one for pattern, one in patterns.items() if re.search(pattern, key)]
        if keyword == "properties" and key in properties:
            found += errors(part, properties[key], root, place)
        elif keyword == "patternProperties":
            for one in matched:
                found += errors(part, one, root, place)
        elif keyword == "additionalProperties" and key not in properties and not matched:
            found += errors(part, wanted, root, place)
        elif keyword == "propertyNames":
            found += errors(key, wanted, root, place)
    if keyword == "required":
        assert isinstance(wanted, list)
        found += [f"{path}: no {key}" for key in wanted if key not in value]
    elif keyword in ("type", "minProperties", "const", "enum") and not _holds(
        value, keyword, wanted
    ):
        found.append(f"{path}: {keyword} {wanted}")
    return found


def _holds(value: Json, keyword: str, wanted: Json) -> bool:
    if keyword == "type":
        return _TYPES[str(wanted)](value)
    if keyword == "const":
        return value == wanted and type(value) is type(wanted)
    if keyword == "enum":
        assert isinstance(wanted, list)
        return value in wanted
    if keyword == "pattern":
        return not isinstance(value, str) or re.search(str(wanted), value) is not None
    if keyword in _OF_PARTS:
        return True
    assert isinstance(wanted, (int, float)), keyword
    if keyword in _SIZES:
        return not isinstance(value, (str, list, dict)) or _SIZES[keyword](len(value), wanted)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return not number or _BOUNDS[keyword](float(str(value)), wanted)
