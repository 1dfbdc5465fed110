"""Addresses that may hold passwords and tokens, as messages and stores may show them.

A password that is not percent-encoded can hold a sign that ends it for somebody: `/`, `?` and `#`
end it for web clients, `@` for SQLAlchemy, `;` for Spark. Nobody can then say where it really ends,
so such an address is masked behind its scheme and refused by those that would have to read it.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"
# A shorter secret would mask pieces of common words: it is masked where it stands alone.
_SHORTEST_ANYWHERE = 3
_SCHEMES = (
    *("http", "https", "sc", "databricks", "databricks-uc", "sqlite", "postgresql", "postgres"),
    *("mysql", "mariadb", "mssql", "oracle", "snowflake", "redis", "jdbc", "odbc", "file", "ftp"),
    *("s3", "s3a", "gs", "abfss", "wasbs", "dbfs", "hdfs", "spark", "grpc"),
)
# How much a mistyped scheme must be like one of these to be shown.
_ALIKE = 0.7
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]{0,30})(?:\+[A-Za-z0-9_]{1,30})?")
# A name or number, or an IPv6 address; then a port.
_HOST = re.compile(r"(?:[\w.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ENDS = re.compile(r"[/?#;]")
# What stands alone has no letter or digit before it, or an encoded sign.
_ALONE = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{{2}})){}(?!\w)"


class _Read(NamedTuple):
    """An address taken apart: what of it may be shown, and what of it is secret."""

    shown: str
    user: str
    secrets: tuple[str, ...]


def without_secrets(address: str) -> str:
    """Return scheme, host, port and path of an address: no user, password, query or parameter.

    What cannot be told apart is `***`: all behind the scheme, or the whole text without a known
    one.
    """
    return _read(address).shown


def holds_secrets(address: str) -> bool:
    """Tell whether an address says more than it may show."""
    return without_secrets(address) != address


def is_ambiguous(address: str) -> bool:
    """Tell whether readers of an address may disagree on where its password ends.

    They do where more than one `@` is in it, or where a `/`, `?`, `#` or `;` comes before the `@`.
    """
    scheme, separator, rest = address.partition("://")
    if scheme == "sqlite":
        return False
    before, at, after = (rest if separator else address).partition("@")
    return bool(at) and ("@" in after or _ENDS.search(before) is not None)


def redacted(text: str, address: str) -> str:
    """Return a text with an address, and each of its parts that may be secret, masked.

    Parts are masked as they are, percent-encoded or decoded, escaped, as basic authentication sends
    them, in any case, and where somebody cut them at a sign. A part of one or two signs is masked
    where it stands alone.
    """
    read = _read(address)
    if not read.secrets:
        return text
    return _masked(text, _forms(read), {address: read.shown})


def without_secret(text: str, secret: str) -> str:
    """Return a text with a secret that is no address, such as a token, masked as by `redacted`."""
    return _masked(text, _forms(_Read(MASK, "", (secret,))), {}) if secret else text


def shown_scheme(address: str) -> str:
    """Return how an address begins, for a message that refuses it: never more than its scheme."""
    scheme, separator, _ = address.partition("://")
    found = _SCHEME.fullmatch(scheme)
    if separator and found and get_close_matches(found[1].lower(), _SCHEMES, 1, _ALIKE):
        return f"an address that starts with '{scheme}://'"
    return "an address of another form"


def _read(address: str) -> _Read:
    scheme, separator, rest = address.partition("://")
    found = _SCHEME.fullmatch(scheme)
    if found is None or found[1].lower() not in _SCHEMES:
        return _Read(MASK, "", (address,))
    if scheme == "sqlite" or address in _SCHEMES:
        # A file, which has no password; or a word such as `databricks`.
        return _Read(address, "", ())
    if not separator:
        return _Read(MASK, "", (address,))
    hidden = _Read(f"{scheme}://{MASK}", "", (rest,))
    if is_ambiguous(address):
        return hidden
    user, _, place = rest.rpartition("@")
    shown = re.split(r"[;?#]", place, maxsplit=1)[0]
    if not _HOST.fullmatch(shown.partition("/")[0]):
        return hidden
    secrets = (user, place[len(shown) :])
    return _Read(f"{scheme}://{shown}", user, tuple(one for one in secrets if one))


def _forms(read: _Read) -> set[str]:
    """Return the texts in which somebody may quote the secrets of an address."""
    parts = set(read.secrets) | {sign for one in read.secrets for sign in re.split(r"[;?&#]", one)}
    # User and password, host, names and values, also where a value holds the sign.
    for sign in ("@", ":", "="):
        for one in tuple(parts):
            parts |= {*one.partition(sign), *one.rpartition(sign)}
    parts |= {decoded for one in parts for decoded in (unquote(one), unquote_plus(one))}
    parts |= {coded for one in parts for coded in _coded(one)}
    words = {word for one in parts for word in re.findall(r"\w+", one)}
    sent = {_basic(one) for one in (read.user, unquote(read.user))}
    # A single sign says nothing, and is in every text.
    return {one for one in parts | words | sent if len(one) > 1 or one.isalnum()}


def _coded(text: str) -> Iterator[str]:
    # A variable may hold bytes that are no UTF-8.
    for safe in ("", "/"):
        yield quote(text, safe, errors="replace")
    yield quote_plus(text, errors="replace")
    yield from (text.encode("unicode_escape").decode("ascii"), json.dumps(text)[1:-1])


def _basic(text: str) -> str:
    return base64.b64encode(text.encode(errors="replace")).decode("ascii")


def _masked(text: str, secrets: Iterable[str], shown: dict[str, str]) -> str:
    """Replace in one pass, longest first, so that no mask and nothing shown is looked at again."""
    patterns = [
        re.escape(one)
        if len(one) >= _SHORTEST_ANYWHERE or one in shown
        else _ALONE.format(re.escape(one))
        for one in sorted({*secrets, *shown}, key=len, reverse=True)
    ]
    return re.sub("|".join(patterns), lambda m: shown.get(m[0], MASK), text, flags=re.IGNORECASE)
