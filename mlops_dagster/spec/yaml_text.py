"""Values as YAML that is read back as the same values."""

import json
import re
from collections.abc import Mapping, Sequence

from mlops_dagster.spec.positions import resolve_scalar
from mlops_dagster.spec.rule_texts import number_text

# What YAML refuses or reads as a line break even in quotes.
_HIDDEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.()<>]*")

Flow = str | float | bool | Sequence["Flow"] | Mapping[str, "Flow"]


def scalar_text(text: str) -> str:
    """Return a text so that it is read as the same text: quoted unless it is plain."""
    if _PLAIN.fullmatch(text) and resolve_scalar(text) == text:
        return text
    return _HIDDEN.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )


def flow_text(value: Flow) -> str:
    """Return a value in one line, mappings in braces and lists in brackets."""
    match value:
        case str():
            return scalar_text(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_text(value)
        case Mapping():
            pairs = (f"{scalar_text(key)}: {flow_text(one)}" for key, one in value.items())
            return f"{{{', '.join(pairs)}}}"
    return f"[{', '.join(map(flow_text, value))}]"
