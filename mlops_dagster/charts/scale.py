"""From values to pixels."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

# Of the range of the values, at both ends.
_MARGIN = 0.06


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` lie from pixel `start` to `end`; what is beyond lies at the end.

    An end before the start turns the direction, as heights do.
    """

    low: float
    high: float
    start: int
    end: int

    def __call__(self, value: float) -> int:
        """Return the pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + min(1.0, max(0.0, share)) * (self.end - self.start))

    def shown(self, value: float) -> str:
        """Return a value in words: rounded to a hundredth of the range, else as `short` does."""
        digits = -math.floor(math.log10((self.high - self.low) / 100))
        return short(round(value, digits) + 0.0)


def scale_of(values: Iterable[float | None], start: int, end: int) -> Scale:
    """Return a scale on which all finite values lie, with a margin; a single one in the middle."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    margin = (high - low) * _MARGIN or abs(high) * _MARGIN or 1.0
    return Scale(low - margin, high + margin, start, end)


def places(count: int, start: int, end: int) -> list[int]:
    """Return the middles of equal parts from start to end."""
    return [round(start + (end - start) * (2 * place + 1) / (2 * count)) for place in range(count)]


def short(value: float) -> str:
    """Return a number with at most three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
