"""The strict base of everything that is read from YAML, and the scalar types it is made of."""

import re
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from mlops_dagster.windows import Duration, DurationUnit

SpecVersion = Literal[1]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Column = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Text = Annotated[str, StringConstraints(max_length=2000)]
Owner = Annotated[str, StringConstraints(pattern=r"^(team:[a-z][a-z0-9_-]*|[^@\s]+@[^@\s]+\.[^@\s]+)$")]
# Texts in the rule language; they are parsed by mlops_dagster.rules when the workspace is resolved.
Expression = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class SpecModel(BaseModel):
    """A frozen model that refuses unknown keys and never converts one type into another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


def _duration(value: object) -> object:
    return Duration.parse(value) if isinstance(value, str) else value


def _time_span(value: object) -> object:
    parsed = _duration(value)
    if isinstance(parsed, Duration) and parsed.is_windows:
        raise ValueError("a time span such as '4 hours', not a number of windows")
    return parsed


def _window_count(value: object) -> object:
    parsed = _duration(value)
    if isinstance(parsed, Duration) and not parsed.is_windows:
        raise ValueError("a number of windows such as '12 windows'")
    return parsed


AnyDuration = Annotated[Duration, BeforeValidator(_duration)]
TimeSpan = Annotated[Duration, BeforeValidator(_time_span)]
WindowCount = Annotated[Duration, BeforeValidator(_window_count)]

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
        """Read the written form; anything else is left for validation to refuse."""
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d{1,4}) of (\d{1,4}) windows?", value)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError("a confirmation such as '3 of 5 windows'")
        return cls(count=int(match[1]), windows=int(match[2]))


class Budget(SpecModel):
    """`6 per 90 windows`: at most `count` within any `windows` consecutive windows."""

    count: int
    windows: int

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form; anything else is left for validation to refuse."""
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d{1,4}) per (\d{1,4}) windows?", value)
        if match is None or int(match[2]) < 1:
            raise ValueError("a budget such as '6 per 90 windows'")
        return cls(count=int(match[1]), windows=int(match[2]))


class Memory(SpecModel):
    """`2 GB`: an amount of memory in binary megabytes."""

    megabytes: int

    @classmethod
    def parse(cls, value: object) -> object:
        """Read the written form; anything else is left for validation to refuse."""
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d{1,6}) (GB|MB)", value)
        if match is None:
            raise ValueError("an amount of memory such as '2 GB' or '1536 MB'")
        return cls(megabytes=int(match[1]) * (1024 if match[2] == "GB" else 1))


Confirmation = Annotated[Frequency, BeforeValidator(Frequency.parse)]
RunBudget = Annotated[Budget, BeforeValidator(Budget.parse)]
MemorySize = Annotated[Memory, BeforeValidator(Memory.parse)]


