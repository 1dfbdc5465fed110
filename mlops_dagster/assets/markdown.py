"""Text of unknown origin in Dagster's markdown: shown as it is, never as markup, HTML or a link.

Values of columns, names from files and texts of errors come from whoever delivers the data, and
whoever looks at the UI may do more than they.
"""

import re
from collections.abc import Iterable, Sequence

# Characters that begin markup, an HTML entity or a link that markdown makes of bare addresses.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~:@.-])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_LONGEST = 500


def escaped(value: object) -> str:
    """Return a value as one line of markdown that shows its text, at most 500 characters of it.

    Characters that print nothing, line breaks and changes of writing direction among them, are
    shown by their codes.
    """
    text = str(value)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return "".join(_ENTITIES.get(c, c) for c in _SPECIAL.sub(r"\\\1", shown))


def fenced(text: str, language: str = "") -> str:
    """Return a text as a block of code; the fence is longer than any in the text."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a markdown table whose cells show their texts."""
    lines = [header, *rows]
    written = [f"| {' | '.join(escaped(cell) for cell in line)} |" for line in lines]
    return "\n".join([written[0], f"|{'---|' * len(header)}", *written[1:]])
