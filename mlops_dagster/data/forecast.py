"""The next value of a series, as Holt and Winters forecast it: level, trend and season. Pure.

After Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 8.3 (additive).
"""

import math
from collections.abc import Sequence
from itertools import product

# How fast level, trend and season follow the newest value: what erred least before is taken.
_LEVEL = (0.1, 0.3, 0.5, 0.7, 0.9)
_TREND = (0.0, 0.05, 0.2)
_SEASON = (0.0, 0.1, 0.3)


def forecast(values: Sequence[float], season: int) -> tuple[float, float]:
    """Return the value that comes next, and the root mean square of the errors made before.

    Args:
        values: The series, oldest first: more than two seasons, at least three values.
        season: After how many values it goes as it went; 1 for no season.

    Raises:
        ValueError: There are too few values.
    """
    if len(values) < max(3, 2 * season + 1):
        raise ValueError(f"{len(values)} values are too few for a season of {season}")
    seasons = _SEASON if season > 1 else (0.0,)
    tried = [
        _smoothed(values, season, level=level, trend=trend, swing=swing)
        for level, trend, swing in product(_LEVEL, _TREND, seasons)
    ]
    return min(tried, key=lambda one: one[1])


def _smoothed(
    values: Sequence[float], season: int, *, level: float, trend: float, swing: float
) -> tuple[float, float]:
    """Return the forecast and the errors with these speeds."""
    first, second = values[:season], values[season : 2 * season]
    mean = sum(first) / season
    slope = (sum(second) / season - mean) / season
    middle = (season - 1) / 2
    swings = [value - mean - slope * (place - middle) for place, value in enumerate(first)]
    height = mean + slope * middle
    squares = 0.0
    for place, value in enumerate(values[season:], start=season):
        turn = place % season
        expected = height + slope + swings[turn]
        squares += (value - expected) ** 2
        lifted = level * (value - swings[turn]) + (1 - level) * (height + slope)
        slope = trend * (lifted - height) + (1 - trend) * slope
        swings[turn] = swing * (value - lifted) + (1 - swing) * swings[turn]
        height = lifted
    errors = math.sqrt(squares / (len(values) - season))
    return height + slope + swings[len(values) % season], errors
