"""The table of the quality bench and its forty rules, in no tool's language.

Imported by this project's bench and, in other environments, by the programs in `peers/`: nothing
but the standard library is needed here.
"""

from dataclasses import dataclass

# Column to the Spark SQL that makes it of `id`; some rows of seven columns are faulty.
COLUMNS = {
    "id": "id",
    "customer": "pmod(hash(id, 1), 200000)",
    "shop": "pmod(hash(id, 2), 500)",
    "items": "pmod(hash(id, 3), 40) + 1",
    "age": "if(pmod(hash(id, 4), 1000) = 0, -1, pmod(hash(id, 4), 100))",
    "points": "pmod(hash(id, 5), 10000)",
    "day": "pmod(hash(id, 6), 366)",
    "price": "if(pmod(hash(id, 7), 1000) = 0, -5.0D, pmod(hash(id, 7), 100000) / 100.0D)",
    "paid": "if(pmod(hash(id, 8), 1000) = 0, null, pmod(hash(id, 8), 100000) / 100.0D)",
    "weight": "pmod(hash(id, 9), 30000) / 1000.0D",
    "width": "pmod(hash(id, 10), 2000) / 10.0D",
    "height": "pmod(hash(id, 11), 2000) / 10.0D",
    "rate": "if(pmod(hash(id, 12), 1000) = 0, 1.5D, pmod(hash(id, 12), 1000) / 1000.0D)",
    "country": "element_at(array('DE', 'FR', 'IT', 'ES', 'PL'), pmod(hash(id, 13), 5) + 1)",
    "channel": "if(pmod(hash(id, 14), 1000) = 0, 'fax', "
    "element_at(array('web', 'shop', 'phone'), pmod(hash(id, 14), 3) + 1))",
    "code": "if(pmod(hash(id, 15), 1000) = 0, 'bad', "
    "concat('A', lpad(cast(pmod(hash(id, 15), 100000) as string), 5, '0')))",
    "name": "concat('name ', cast(pmod(hash(id, 16), 50000) as string))",
    "sold_on": "date_add(date '2024-01-01', pmod(hash(id, 17), 366))",
    "sold_at": "timestamp_seconds(1704067200 + pmod(hash(id, 18), 31536000))",
    "returned": "if(pmod(hash(id, 19), 1000) = 0, null, pmod(hash(id, 19), 10) = 0)",
}
# Of every table of 100,000 rows or more about this share fails some rule: seven faults, 1 in 1000.
FAULTY_SHARE = 0.007


@dataclass(frozen=True)
class Within:
    """A number lies between two others, ends included."""

    column: str
    low: float
    high: float


@dataclass(frozen=True)
class NotNull:
    """A value is there."""

    column: str


@dataclass(frozen=True)
class OneOf:
    """A text is one of these."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Matches:
    """A pattern is found in a text."""

    column: str
    pattern: str


@dataclass(frozen=True)
class AtMost:
    """A number is at most `factor` times another."""

    column: str
    other: str
    factor: int


Rule = Within | NotNull | OneOf | Matches | AtMost

RULES: tuple[Rule, ...] = (
    *(NotNull(column) for column in COLUMNS),
    Within("id", 0, 1_000_000_000),
    Within("customer", 0, 199_999),
    Within("shop", 0, 499),
    Within("items", 1, 40),
    Within("age", 0, 120),
    Within("points", 0, 9_999),
    Within("day", 0, 365),
    Within("price", 0, 1_000),
    Within("paid", 0, 1_000),
    Within("weight", 0, 30),
    Within("width", 0, 200),
    Within("height", 0, 200),
    Within("rate", 0, 1),
    OneOf("country", ("DE", "FR", "IT", "ES", "PL", "PT", "NL", "BE", "AT", "CH")),
    OneOf("channel", ("web", "shop", "phone", "mail")),
    Matches("code", "^A[0-9]{5}$"),
    Matches("name", "^name [0-9]+$"),
    AtMost("age", "items", 1_000),
    AtMost("day", "items", 1_000),
    AtMost("width", "items", 1_000),
)
