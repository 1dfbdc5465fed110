"""Joining many columns or frames into one that stays shallow: plans nest 100 levels at most."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

Part = TypeVar("Part", Column, DataFrame)


def fold(join: Callable[[Part, Part], Part], parts: Sequence[Part]) -> Part:
    """Join one or more columns or frames by halves.

    Raises:
        ValueError: There are none.
    """
    if not parts:
        raise ValueError("nothing to join")
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(fold(join, parts[:middle]), fold(join, parts[middle:]))


def any_of(conditions: Sequence[Column]) -> Column:
    """Return whether any condition holds; false for none."""
    return fold(Column.__or__, conditions) if conditions else F.lit(False)
