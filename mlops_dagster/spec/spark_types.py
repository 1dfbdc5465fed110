"""Spark's simple type names, as contracts write them: `bigint`, `decimal(10,2)`, `array<int>`."""

import re

# fmt: off
SIMPLE_TYPES = frozenset({
    "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "string", "boolean",
    "binary", "date", "timestamp", "timestamp_ntz", "variant",
})
# fmt: on
# Of these the name alone is no type.
SIZED_TYPES = frozenset({"varchar", "char"})
NESTED_TYPES = frozenset({"array", "map", "struct"})
TYPE_NAMES = tuple(sorted(SIMPLE_TYPES | SIZED_TYPES | NESTED_TYPES))

_NUMBERS = re.compile(r"(decimal)\([0-9]{1,2}(,[0-9]{1,2})?\)|(varchar|char)\([0-9]{1,9}\)")
_NESTED = re.compile(r"(array|map|struct)<(.+)>", re.DOTALL)
_MAX_DEPTH = 20


def is_spark_type(text: str, depth: int = 0) -> bool:
    """Tell whether a text is a type as Spark's `simpleString` writes it."""
    if text in SIMPLE_TYPES or _NUMBERS.fullmatch(text):
        return True
    nested = _NESTED.fullmatch(text)
    if nested is None or depth > _MAX_DEPTH:
        return False
    kind, parts = nested[1], _parts(nested[2])
    if kind == "struct":
        # A field without a name leaves nothing, which is no type.
        parts = ["" if field.startswith(":") else field.partition(":")[2] for field in parts]
    counts = {"array": len(parts) == 1, "map": len(parts) == 2, "struct": True}
    return counts[kind] and all(is_spark_type(part.strip(), depth + 1) for part in parts)


def _parts(text: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    found, level = [""], 0
    for sign in text:
        level += (sign in "<(") - (sign in ">)")
        if sign == "," and level == 0:
            found.append("")
        else:
            found[-1] += sign
    return found
