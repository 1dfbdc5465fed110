"""The strict base of everything that is read from YAML, and the scalar types it is made of."""

import re
from enum import Enum
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    StringConstraints,
    WithJsonSchema,
)

from mlops_dagster.windows import Duration, DurationTooLong, DurationUnit

SpecVersion = Literal[1]
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Column = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Text = Annotated[str, StringConstraints(max_length=2000)]
OWNER_PATTERN = r"^(team:[a-z][a-z0-9_-]*|[^@\s]+@[^@\s]+\.[^@\s]+)$"
Owner = Annotated[str, StringConstraints(pattern=OWNER_PATTERN)]
# Texts in the rule language; they are parsed by mlops_dagster.rules when the workspace is resolved.
Expression = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


# What a text that does not match one of the patterns of this package should have been.
PATTERN_WORDS: dict[str, str] = {
    NAME_PATTERN: "a name of lower-case letters, digits and '_', starting with a letter",
    OWNER_PATTERN: "an owner such as 'team:grid' or 'name@example.org'",
}


class SpecModel(BaseModel):
    """A frozen model that refuses unknown keys and never converts one type into another."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        arbitrary_types_allowed=True,
        serialize_by_alias=True,
    )


# On an enum field: YAML's text becomes the member. Without it strict models take only the member
# itself; the members are texts, so no number is ever taken for one.
FromText = Strict(False)


class ChoiceError(ValueError):
    """A value is none of a closed set; the message is what was expected, `names` what it may be."""

    def __init__(self, expected: str, names: tuple[str, ...]) -> None:
        super().__init__(expected)
        self.names = names


def _duration(value: object) -> object:
    return value if isinstance(value, Duration) else Duration.parse(_text(value))


def _time_span(value: object) -> object:
    expected = "a time span such as '4 hours' (units: minutes, hours, days, weeks)"
    try:
        parsed = _duration(value)
    except DurationTooLong:
        raise
    except ValueError:
        raise ValueError(expected) from None
    if isinstance(parsed, Duration) and parsed.is_windows:
        raise ValueError(expected)
    return parsed


def _window_count(value: object) -> object:
    expected = "a number of windows such as '12 windows'"
    try:
        parsed = _duration(value)
    except ValueError:
        raise ValueError(expected) from None
    if isinstance(parsed, Duration) and not parsed.is_windows:
        raise ValueError(expected)
    return parsed


def _text(value: object) -> str:
    """Return a text; anything else as the empty one, which no written form is."""
    return value if isinstance(value, str) else ""


def _written(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


_UNITS = "minute|hour|day|week"
AnyDuration = Annotated[
    Duration,
    BeforeValidator(_duration),
    _written(rf"^[0-9]{{1,6}} ({_UNITS}|window)s?$"),
]
TimeSpan = Annotated[
    Duration,
    BeforeValidator(_time_span),
    _written(rf"^[0-9]{{1,6}} ({_UNITS})s?$"),
]
WindowCount = Annotated[
    Duration,
    BeforeValidator(_window_count),
    _written(r"^[0-9]{1,6} windows?$"),
]

ZERO_TIME = Duration(0, DurationUnit.HOUR)


class Severity(str, Enum):
    """How much a failed rule or a drifted column matters, weakest first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Position in the order info < warning < error < critical."""
        return list(Severity).index(self)


class Frequency(SpecModel):
    """`3 of 5 windows`: at least `count` of the newest `windows` windows."""

    count: int
    windows: int

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form.

        Raises:
            ValueError: The value is not written so.
        """
        if isinstance(value, cls):
            return value
        match = re.fullmatch(r"([0-9]{1,4}) of ([0-9]{1,4}) windows?", _text(value))
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError("a confirmation such as '3 of 5 windows'")
        return cls(count=int(match[1]), windows=int(match[2]))


class Budget(SpecModel):
    """`6 per 90 windows`: at most `count` within any `windows` consecutive windows."""

    count: int
    windows: int

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form.

        Raises:
            ValueError: The value is not written so.
        """
        if isinstance(value, cls):
            return value
        match = re.fullmatch(r"([0-9]{1,4}) per ([0-9]{1,4}) windows?", _text(value))
        if match is None or int(match[2]) < 1:
            raise ValueError("a budget such as '6 per 90 windows'")
        return cls(count=int(match[1]), windows=int(match[2]))


class Memory(SpecModel):
    """`2 GB`: an amount of memory in binary megabytes."""

    megabytes: int

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form.

        Raises:
            ValueError: The value is not written so.
        """
        if isinstance(value, cls):
            return value
        match = re.fullmatch(r"([0-9]{1,6}) (GB|MB)", _text(value))
        if match is None or int(match[1]) < 1:
            raise ValueError("an amount of memory such as '2 GB' or '1536 MB'")
        return cls(megabytes=int(match[1]) * (1024 if match[2] == "GB" else 1))


Confirmation = Annotated[
    Frequency, BeforeValidator(Frequency.parse), _written(r"^[0-9]{1,4} of [0-9]{1,4} windows?$")
]
RunBudget = Annotated[
    Budget, BeforeValidator(Budget.parse), _written(r"^[0-9]{1,4} per [0-9]{1,4} windows?$")
]
MemorySize = Annotated[Memory, BeforeValidator(Memory.parse), _written(r"^[0-9]{1,6} (GB|MB)$")]
