"""Addresses that may hold passwords and tokens, as messages and stores may show them."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

_MASK = "***"
# A shorter part would mask pieces of common words; it is no secret worth the name either.
_SHORTEST_SECRET = 3
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")


def without_secrets(address: str) -> str:
    """Return scheme, host, port and path of an address: no user, password, query or parameter."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return _MASK
    if not parts.scheme:
        return _MASK if "@" in address else address
    host = parts.netloc.rpartition("@")[2].partition(";")[0]
    path = parts.path.partition(";")[0] if parts.scheme == "sc" else parts.path
    slashes = "//" if parts.netloc or address.startswith(f"{parts.scheme}://") else ""
    if not slashes and "@" in path:
        return _MASK
    return f"{parts.scheme}:{slashes}{host}{path}"


def holds_secrets(address: str) -> bool:
    """Tell whether an address says more than it may show."""
    return without_secrets(address) != address


def redacted(text: str, address: str) -> str:
    """Return a text with an address, and each of its parts that may be secret, masked."""
    text = text.replace(address, without_secrets(address))
    for secret in sorted(_secrets(address), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def shown_scheme(address: str) -> str:
    """Return how an address begins, for a message that refuses it: never more than its scheme."""
    scheme, separator, _ = address.partition("://")
    if separator and _SCHEME.fullmatch(scheme):
        return f"an address that starts with '{scheme}://'"
    return "an address of another form"


def _secrets(address: str) -> set[str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return {address}
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    values = [value for _, value in parse_qsl(parts.query)]
    values += [item.partition("=")[2] for item in parts.path.split(";")[1:]]
    found = {user, password, *values}
    found |= {unquote(value) for value in found}
    return {value for value in found if len(value) >= _SHORTEST_SECRET}
