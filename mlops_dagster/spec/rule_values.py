"""Values in rules: forms of texts, spreads, tolerances, shares, lists of columns."""

import re
from enum import Enum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mlops_dagster.spec.base import Column, SpecModel, Text


class TextFormat(str, Enum):
    """A form that texts may have."""

    DATE = "date"
    TIMESTAMP = "timestamp"
    EMAIL = "email"
    URL = "url"
    UUID = "uuid"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    NETWORK = "network"
    JSON = "json"
    IBAN = "iban"
    CARD = "card"
    COUNTRY = "country"
    COUNTRY_3 = "country_3"
    CURRENCY = "currency"
    LANGUAGE = "language"


class Case(str, Enum):
    """How letters are written."""

    UPPER = "upper"
    LOWER = "lower"


class JsonType(str, Enum):
    """What the value of a key of a JSON object is."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"


class Distance(str, Enum):
    """How far apart two distributions are."""

    TOTAL_VARIATION = "total_variation"
    PSI = "psi"
    KL = "kl"
    CHI_SQUARE = "chi_square"
    KS = "ks"


class Spread(SpecModel):
    """`4 sigma`, `3 iqr` or `5 mad`: how far is too far.

    In standard deviations from the mean, in ranges between the quartiles outside of these, or in
    standard deviations as the median absolute deviation from the median suggests them.
    """

    count: float
    unit: Literal["sigma", "iqr", "mad"]

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form.

        Raises:
            ValueError: The value is not written so.
        """
        if isinstance(value, cls):
            return value
        match = re.fullmatch(_SPREAD, value) if isinstance(value, str) else None
        if match is None or float(match[1]) == 0:
            raise ValueError("a spread such as '4 sigma', '3 iqr' or '5 mad'")
        return cls.model_validate({"count": float(match[1]), "unit": match[2]})

    def __str__(self) -> str:
        """Return the written form."""
        return f"{self.count:g} {self.unit}"


_SPREAD = r"([0-9]{1,3}(?:\.[0-9]{1,3})?) (sigma|iqr|mad)"


class Tolerance(SpecModel):
    """`5 %` of what is compared with, or a number as it is."""

    value: float
    relative: bool

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form.

        Raises:
            ValueError: The value is not written so.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return cls(value=float(value), relative=False)
        match = re.fullmatch(_PERCENT, value) if isinstance(value, str) else None
        if match is None:
            raise ValueError("a share such as '5 %', or a number of at least 0")
        return cls(value=float(match[1]) / 100, relative=True)

    def allows(self, difference: float, base: float) -> bool:
        """Tell whether a difference to `base` is within the tolerance; NaN never is."""
        return abs(difference) <= self.reach(base)

    def reach(self, base: float) -> float:
        """Return how far from `base` a number may lie."""
        return self.value * abs(base) if self.relative else self.value

    def __str__(self) -> str:
        """Return the written form."""
        return f"{self.value * 100:.10g} %" if self.relative else f"{self.value:.15g}"


_PERCENT = r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%"


def _share(value: object) -> object:
    """Read `5 %`, or a number from 0 to 1."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    match = re.fullmatch(_PERCENT, value) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError("a share such as '5 %', or a number from 0 to 1")
    return float(match[1]) / 100


def listed(value: object) -> object:
    """Return a text as a list of one; anything else as it is."""
    return [value] if isinstance(value, str) else value


def _value(value: object) -> object:
    if isinstance(value, (str, int, float, bool)):
        return value
    raise ValueError("a text, a number, true or false")


def _same_names(value: object) -> object:
    """Read one or several columns as a mapping of each to the one of the same name."""
    names = listed(value)
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return {name: name for name in names}
    return names


def only_true(value: object) -> object:
    """Take true alone.

    Raises:
        ValueError: The value is another one.
    """
    if value is True:
        return value
    raise ValueError("true; without the key rows may be equal")


def _pair(value: object) -> object:
    return [value, value] if isinstance(value, int) and not isinstance(value, bool) else value


Columns = Annotated[
    list[Column],
    BeforeValidator(listed, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]
SeveralColumns = Annotated[list[Column], Field(min_length=2)]
Bounds = Annotated[list[float], Field(min_length=2, max_length=2)]
Lengths = Annotated[
    list[int],
    BeforeValidator(_pair, json_schema_input_type=int | list[int]),
    Field(min_length=2, max_length=2),
]
Value = Annotated[str | int | float | bool, BeforeValidator(_value)]
Values = Annotated[list[Value], Field(min_length=1)]
Outlying = Annotated[
    Spread,
    BeforeValidator(Spread.parse),
    WithJsonSchema({"type": "string", "pattern": f"^{_SPREAD}$"}),
]
Within = Annotated[
    Tolerance,
    BeforeValidator(Tolerance.parse),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": f"^{_PERCENT}$"},
            ]
        }
    ),
]
Texts = Annotated[
    list[Text],
    BeforeValidator(listed, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]
Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": f"^{_PERCENT}$"},
            ]
        }
    ),
]
ColumnPairs = Annotated[
    dict[Column, Column],
    BeforeValidator(_same_names, json_schema_input_type=str | list[str] | dict[str, str]),
    Field(min_length=1),
]
