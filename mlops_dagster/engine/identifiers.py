"""Quotes names for Spark SQL."""


def quote(*parts: str) -> str:
    """Return a name in backticks, parts joined by dots: no text can leave the quotes."""
    if not parts or not all(parts):
        raise ValueError("a name has at least one part and no empty one")
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)
