"""Functions of hooks.py as found in the text of the file, without importing it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class HookSource:
    """A decorated function: where it stands, what it is, its parameters and its own source text.

    `options` holds the decorator's literal keyword arguments, such as `lower_is_better`.
    """

    file: Path
    name: str
    kind: Literal["transform", "estimator", "metric"]
    line: int
    parameters: tuple[str, ...]
    source: str
    options: tuple[tuple[str, bool | int | float | str], ...] = ()
