"""Names and paths as Spark takes them literally."""

import re
from pathlib import Path


def quote(*parts: str) -> str:
    """Return a name in backticks, parts joined by dots: no text can leave the quotes."""
    if not parts or not all(parts):
        raise ValueError("a name has at least one part and no empty one")
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def literal_path(path: Path) -> str:
    """Return a path for Spark's readers of files, which would expand patterns in it.

    Not as a URI: Spark would look for its `%20` by name.
    """
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", str(path))
