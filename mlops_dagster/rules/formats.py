"""Forms of texts in plain Python, by the standards' own words rather than by the patterns of Spark.

Addresses are read by the standard library, check digits computed, JSON parsed: what
`rules.format_columns` does with Spark's functions is held against this in tests.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from datetime import date

from mlops_dagster.rules.code_lists import (
    COUNTRIES,
    COUNTRIES_3,
    CURRENCIES,
    IBAN_LENGTHS,
    LANGUAGES,
)
from mlops_dagster.rules.date_formats import read_format
from mlops_dagster.rules.personal import CARD, PERSONAL, PersonalKind

CODES: Mapping[str, frozenset[str]] = {
    "is_country": COUNTRIES,
    "is_country_3": COUNTRIES_3,
    "is_currency": CURRENCIES,
    "is_language": LANGUAGES,
}


def is_ipv4(text: str) -> bool:
    """Tell whether a text is an IPv4 address, four numbers without leading zeros."""
    return _reads(ipaddress.IPv4Address, text)


def is_ipv6(text: str) -> bool:
    """Tell whether a text is an IPv6 address (RFC 4291) without a zone."""
    return "%" not in text and _reads(ipaddress.IPv6Address, text)


def is_network(text: str) -> bool:
    """Tell whether a text is an address, a slash and the length of a prefix; any address of it."""
    address, slash, length = text.partition("/")
    if not slash or re.fullmatch("0|[1-9][0-9]{0,2}", length) is None:
        return False
    if is_ipv4(address):
        return int(length) <= 32
    return is_ipv6(address) and int(length) <= 128


def in_network(text: str, network: str) -> bool:
    """Tell whether a text is an IPv4 address of a network."""
    return is_ipv4(text) and ipaddress.IPv4Address(text) in ipaddress.IPv4Network(network)


def network_problem(text: str) -> str | None:
    """Return why a text is no IPv4 network, or None."""
    try:
        ipaddress.IPv4Network(text)
    except ValueError as error:
        return str(error)
    return None if "/" in text else "the length of the prefix is missing"


def is_iban(text: str) -> bool:
    """Tell whether a text is an IBAN (ISO 13616) in its electronic form: 97 divides it with 1."""
    if re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", text) is None:
        return False
    if f"{text[:2]}{len(text)}" not in IBAN_LENGTHS:
        return False
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1


def is_luhn(text: str) -> bool:
    """Tell whether the last of at least two digits is the check digit of the others (Luhn)."""
    if re.fullmatch("[0-9]{2,}", text) is None:
        return False
    total = 0
    for place, digit in enumerate(reversed(text)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_date_as(text: str, form: str) -> bool:
    """Tell whether a text is a day of the calendar in a form such as `dd.MM.yyyy`."""
    known = read_format(form)
    match = re.fullmatch(known.pattern, text)
    if match is None:
        return False
    year, month, day = (int(match[group]) for group in known.day)
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def is_json(text: str) -> bool:
    """Tell whether a text is JSON (RFC 8259); no object has a key twice."""
    return _json(text) is not _NO_JSON


def json_has(text: str, *keys: str) -> bool:
    """Tell whether a text is a JSON object with these keys."""
    found = _json(text)
    return isinstance(found, dict) and all(key in found for key in keys)


def json_type(text: str, key: str) -> str | None:
    """Return the type of a key's value in a JSON object; None where there is no such key."""
    found = _json(text)
    if not isinstance(found, dict) or key not in found:
        return None
    value = found[key]
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    return next(name for name, kinds in _JSON_TYPES.items() if isinstance(value, kinds))


_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "list": (list,),
    "object": (dict,),
}


def mentions(text: str, kind: str) -> bool:
    """Tell whether personal data of a kind stands somewhere in a text."""
    pattern = PERSONAL[PersonalKind(kind)]
    if PersonalKind(kind) is not PersonalKind.CARD:
        return re.search(pattern, text) is not None
    return any(is_luhn(re.sub("[ -]", "", match[1])) for match in re.finditer(CARD, text))


_NO_JSON = object()


def _json(text: str) -> object:
    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        if len({key for key, _ in found}) < len(found):
            raise ValueError("a key stands twice")
        return dict(found)

    def refuse(constant: str) -> object:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=refuse)
    except ValueError:
        return _NO_JSON


def _reads(read: Callable[[str], object], text: str) -> bool:
    # Its own digits only: the library reads those of other scripts as well.
    if not text.isascii():
        return False
    try:
        read(text)
    except ValueError:
        return False
    return True
