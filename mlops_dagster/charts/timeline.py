"""Windows side by side: a metric with its interval beside what was expected, and decisions."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from mlops_dagster.charts.scale import places, scale_of
from mlops_dagster.charts.svg import (
    DOT,
    clipped,
    document,
    dots,
    image,
    largest,
    line,
    path,
    text,
    uprights,
)
from mlops_dagster.monitoring.decision import Decision, DecisionKind
from mlops_dagster.monitoring.summaries import MetricFigure

# The newest; more would be too close to tell apart.
_WINDOWS = 24
# Dagster's cell beside a key of this length is as wide on a screen of 1,440 points.
_WIDTH = 360
_LEFT, _RIGHT = 44, _WIDTH - 6
_KINDS: Mapping[str, tuple[str, tuple[DecisionKind, ...]]] = {
    "hold": ("gray", (DecisionKind.HOLD,)),
    "train": ("teal", (DecisionKind.TRAIN_FIRST, DecisionKind.RETRAIN)),
    "blocked": ("tomato", (DecisionKind.BLOCKED,)),
}


def metric_timeline(metric: str, windows: Sequence[tuple[str, MetricFigure]]) -> str | None:
    """Return Markdown with a metric window by window; None if no window has it.

    A line through the values, each with its 95 % interval and a red dot where it is degraded; grey
    is what the hold-out of the model in charge led to expect, dashed the worst accepted value.

    Args:
        metric: Name of the metric.
        windows: Keys of the windows and what was measured, in the order of time.
    """
    known = [(key, figure) for key, figure in windows if figure.value is not None]
    if not known:
        return None

    def draw(count: int) -> str:
        shown = known[-count:]
        figures = [figure for _, figure in shown]
        x = places(len(shown), _LEFT, _RIGHT)
        y = scale_of(_values(figures), 92, 22)
        points = [(at, y(f.value or 0.0)) for at, f in zip(x, figures, strict=True)]
        bad = [point for point, f in zip(points, figures, strict=True) if f.degraded]
        spans = [
            (at, y(f.low), y(f.high))
            for at, f in zip(x, figures, strict=True)
            if f.low is not None and f.high is not None
        ]
        return image(
            document(
                [
                    _level(x, [None if f.expected is None else y(f.expected) for f in figures]),
                    _level(
                        x,
                        [None if f.accepted is None else y(f.accepted) for f in figures],
                        more="stroke-dasharray='3'",
                    ),
                    path(uprights(spans), stroke="teal"),
                    path(line(points), stroke="teal", fill="none"),
                    path(dots(bad), stroke="tomato", more=DOT),
                    text((4, 13), f"{clipped(metric, 30)}; grey: expected, dashed: accepted"),
                    text((4, 30), y.shown(y.high)),
                    text((4, 92), y.shown(y.low)),
                    *_ends([key for key, _ in shown], x, 110),
                ],
                height=116,
                width=_WIDTH,
            ),
            f"{metric} by window",
        )

    return largest(draw, min(_WINDOWS, len(known)))


def decision_timeline(decisions: Sequence[Decision]) -> str | None:
    """Return Markdown with a point a window, coloured by what was decided; None without any.

    Above the points stands the version in charge, where it changes.
    """
    if not decisions:
        return None

    def draw(count: int) -> str:
        shown = decisions[-count:]
        x = places(len(shown), 8, _RIGHT)
        parts = []
        for place, (name, (color, kinds)) in enumerate(_KINDS.items()):
            found = [(at, 46) for at, one in zip(x, shown, strict=True) if one.kind in kinds]
            parts.append(path(dots(found), stroke=color, more=DOT.replace("5", "11")))
            parts.append(text((8 + 60 * place, 13), name, fill=color))
        before = None
        for at, one in zip(x, shown, strict=True):
            if one.champion != before and one.champion is not None:
                parts.append(text((at - 4, 34), f"v{clipped(one.champion, 6)}"))
            before = one.champion
        picture = document(
            [*parts, *_ends([one.window for one in shown], x, 68)], height=74, width=_WIDTH
        )
        return image(picture, "decisions by window")

    return largest(draw, min(_WINDOWS, len(decisions)))


def _values(figures: Sequence[MetricFigure]) -> list[float | None]:
    return [v for f in figures for v in (f.value, f.low, f.high, f.expected, f.accepted)]


def _level(x: Sequence[int], heights: Sequence[int | None], *, more: str = "") -> str:
    """Return a line at the height of each window, broken where there is none."""
    half = (x[1] - x[0]) // 2 if len(x) > 1 else 20
    drawn = ""
    for height, same in groupby(zip(x, heights, strict=True), key=lambda place: place[1]):
        at = [place for place, _ in same]
        if height is not None:
            drawn += f"M{at[0] - half} {height}H{at[-1] + half}"
    return path(drawn, stroke="gray", more=more)


def _ends(keys: Sequence[str], x: Sequence[int], y: int) -> list[str]:
    """Return the first and the last window under their places."""
    first = text((max(4, x[0] - 20), y), clipped(keys[0], 13))
    if len(keys) == 1:
        return [first]
    return [first, text((_WIDTH - 4, y), clipped(keys[-1], 13), end=True)]
