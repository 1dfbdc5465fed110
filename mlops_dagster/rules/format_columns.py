r"""Forms of texts as Spark columns of built-in functions; a null text gives null.

Patterns stand between `\A` and `\z`: `$` would also stand before a line feed at the end.
"""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network

from pyspark.sql import Column
from pyspark.sql import functions as F

from mlops_dagster.rules.code_lists import IBAN_LENGTHS
from mlops_dagster.rules.date_formats import read_format
from mlops_dagster.rules.formats import CODES
from mlops_dagster.rules.nodes import FunctionCall, Literal
from mlops_dagster.rules.personal import CARD, PERSONAL, PersonalKind

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_H = "[0-9a-fA-F]{1,4}"
_LAST = f"(?:{_H}:{_H}|{IPV4})"
# The grammar of RFC 3986: '::' stands for what is left of eight groups.
IPV6 = (
    f"(?:(?:{_H}:){{6}}{_LAST}"
    f"|::(?:{_H}:){{5}}{_LAST}"
    f"|(?:{_H})?::(?:{_H}:){{4}}{_LAST}"
    f"|(?:(?:{_H}:){{0,1}}{_H})?::(?:{_H}:){{3}}{_LAST}"
    f"|(?:(?:{_H}:){{0,2}}{_H})?::(?:{_H}:){{2}}{_LAST}"
    f"|(?:(?:{_H}:){{0,3}}{_H})?::{_H}:{_LAST}"
    f"|(?:(?:{_H}:){{0,4}}{_H})?::{_LAST}"
    f"|(?:(?:{_H}:){{0,5}}{_H})?::{_H}"
    f"|(?:(?:{_H}:){{0,6}}{_H})?::)"
)
_LENGTH_4 = "(?:3[0-2]|[12]?[0-9])"
_LENGTH_6 = "(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])"
_NETWORK = f"(?:{IPV4}/{_LENGTH_4}|{IPV6}/{_LENGTH_6})"
_IBAN = "[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}"


def format_column(node: FunctionCall, text: Column) -> Column:
    """Return the column of a function about the form of a text, given its first argument."""
    written = [str(part.value) for part in node.arguments[1:] if isinstance(part, Literal)]
    return _FORMATS[node.name](text, written)


def _whole(text: Column, pattern: str) -> Column:
    return text.rlike(rf"\A(?:{pattern})\z")


def _if_text(text: Column, test: Column) -> Column:
    """Return a test that is never null for a text, and null for none."""
    return F.when(text.isNotNull(), F.coalesce(test, F.lit(False)))


def _in_network(text: Column, written: Sequence[str]) -> Column:
    network = IPv4Network(written[0])
    first, last = int(network.network_address), int(network.broadcast_address)
    parts = F.split(text, r"\.")
    number = F.lit(0).cast("bigint")
    for place in range(4):
        number = number * 256 + F.get(parts, place).try_cast("bigint")
    return _if_text(text, _whole(text, IPV4) & number.between(first, last))


def _iban(text: Column) -> Column:
    turned = F.concat(F.substring(text, 5, 34), F.substring(text, 1, 4))
    letters = F.filter(F.split(turned, ""), lambda letter: letter != "")

    def further(rest: Column, letter: Column) -> Column:
        code = F.ascii(letter)
        # A letter has two digits: A is 10.
        return (
            F.when(code < 65, rest * 10 + code - 48).otherwise(rest * 100 + code - 55) % 97
        ).cast("int")

    rest = F.aggregate(letters, F.lit(0), further)
    lengths = F.concat(F.substring(text, 1, 2), F.char_length(text).cast("string"))
    # Only what has the form is computed: other letters have other codes.
    sound = _whole(text, _IBAN) & lengths.isin(sorted(IBAN_LENGTHS))
    return F.when(sound, rest == 1).when(text.isNotNull(), F.lit(False))


def _luhn(text: Column) -> Column:
    return F.when(_whole(text, "[0-9]{2,}"), F.call_function("luhn_check", text)).when(
        text.isNotNull(), F.lit(False)
    )


def _date(text: Column, written: Sequence[str]) -> Column:
    known = read_format(written[0])
    whole = rf"\A(?:{known.pattern})\z"
    day = F.regexp_replace(text, whole, "-".join(f"${group}" for group in known.day))
    return _if_text(text, text.rlike(whole) & day.try_cast("date").isNotNull())


def _json(text: Column) -> Column:
    # Spark stops at the end of the first value and lets anything follow. What can be the one value
    # of an array and of an object has nothing after it.
    array = F.try_parse_json(F.concat(F.lit("["), text, F.lit("]")))
    member = F.try_parse_json(F.concat(F.lit('{"a":'), text, F.lit("}")))
    return F.when(text.isNotNull(), array.isNotNull() & member.isNotNull())


def _json_has(text: Column, written: Sequence[str]) -> Column:
    keys = F.json_object_keys(text)
    test = _json(text)
    for key in written:
        test = test & F.array_contains(keys, key)
    return _if_text(text, test)


def _json_type(text: Column, written: Sequence[str]) -> Column:
    quote = '"' if "'" in written[0] else "'"
    value = F.try_variant_get(F.try_parse_json(text), f"$[{quote}{written[0]}{quote}]", "variant")
    found = F.schema_of_variant(value)
    name = F.lit("number")
    for start, called in _JSON_TYPES.items():
        name = F.when(found.startswith(start), called).otherwise(name)
    return F.when(_json(text) & found.isNotNull(), name)


# What Spark calls them; all others are numbers.
_JSON_TYPES: Mapping[str, str] = {
    "VOID": "null",
    "BOOLEAN": "boolean",
    "STRING": "text",
    "ARRAY": "list",
    "OBJECT": "object",
}


def _mentions(text: Column, written: Sequence[str]) -> Column:
    kind = PersonalKind(written[0])
    if kind is not PersonalKind.CARD:
        return text.rlike(PERSONAL[kind])
    found = F.regexp_extract_all(text, F.lit(CARD), F.lit(1))
    return F.exists(
        found, lambda one: F.call_function("luhn_check", F.regexp_replace(one, "[ -]", ""))
    )


def _listed(name: str) -> Callable[[Column, Sequence[str]], Column]:
    codes = sorted(CODES[name])
    return lambda text, written: text.isin(codes)


_FORMATS: Mapping[str, Callable[[Column, Sequence[str]], Column]] = {
    "is_ipv4": lambda text, written: _whole(text, IPV4),
    "is_ipv6": lambda text, written: _whole(text, IPV6),
    "is_network": lambda text, written: _whole(text, _NETWORK),
    "in_network": _in_network,
    "is_iban": lambda text, written: _iban(text),
    "is_luhn": lambda text, written: _luhn(text),
    "is_date_as": _date,
    "is_json": lambda text, written: _json(text),
    "json_has": _json_has,
    "json_type": _json_type,
    "mentions": _mentions,
    **{name: _listed(name) for name in CODES},
}
