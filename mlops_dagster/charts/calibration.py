"""Calibration as a picture: what was said to be probable against what came true."""

import math
from collections.abc import Sequence

from mlops_dagster.charts.scale import Scale
from mlops_dagster.charts.svg import DOT, document, dots, image, largest, line, path, text, uprights
from mlops_dagster.training.evaluation import CalibrationBin

_WIDTH, _HEIGHT = 300, 180
_LEFT, _RIGHT, _TOP, _GROUND = 40, 290, 22, 150
# Two-sided 95 % of the normal distribution.
_Z = 1.96


def reliability_diagram(bins: Sequence[CalibrationBin], *, about: str) -> str | None:
    """Return Markdown with a reliability diagram; None without bins.

    A point a bin of equal mass: mean probability and share that came true, with a 95 % Wilson
    interval that takes rows as independent. On the diagonal probabilities are right.
    """
    if not bins:
        return None
    reach = max(max(_interval(part)[1], part.mean_predicted) for part in bins)
    most = min(1.0, math.ceil(10 * reach) / 10)
    x, y = Scale(0, most, _LEFT, _RIGHT), Scale(0, most, _GROUND, _TOP)

    def draw(count: int) -> str:
        shown = _spread(bins, count)
        points = [(x(part.mean_predicted), y(part.observed_share)) for part in shown]
        spans = [
            (at, y(low), y(high))
            for (low, high), (at, _) in zip(map(_interval, shown), points, strict=True)
        ]
        picture = document(
            [
                path(line([(_LEFT, _GROUND), (_RIGHT, _TOP)]), stroke="silver"),
                path(uprights(spans), stroke="teal"),
                path(dots(points), stroke="teal", more=DOT),
                text((4, 13), f"came true, {about}"),
                text((_LEFT - 4, _TOP + 8), f"{most:g}", end=True),
                text((_LEFT - 4, _GROUND), "0", end=True),
                text((_RIGHT, _GROUND + 15), f"{most:g}", end=True),
                text((_LEFT, _GROUND + 15), "0"),
                text((_LEFT + 80, _GROUND + 15), "predicted"),
            ],
            height=_HEIGHT - 8,
            width=_WIDTH,
        )
        return image(picture, f"calibration, {about}")

    return largest(draw, len(bins))


def _spread(bins: Sequence[CalibrationBin], count: int) -> list[CalibrationBin]:
    """Return so many bins, the outer ones among them."""
    if count >= len(bins):
        return list(bins)
    step = (len(bins) - 1) / max(count - 1, 1)
    return [bins[round(place * step)] for place in range(count)]


def _interval(part: CalibrationBin) -> tuple[float, float]:
    """Return the Wilson interval of a bin's share (Wilson 1927)."""
    share, rows = part.observed_share, part.rows
    middle = share + _Z * _Z / (2 * rows)
    half = _Z * math.sqrt(share * (1 - share) / rows + _Z * _Z / (4 * rows * rows))
    grown = 1 + _Z * _Z / rows
    return max(0.0, (middle - half) / grown), min(1.0, (middle + half) / grown)
