"""Drift as a picture: the shares of the window's values over those of the hold-out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlops_dagster.charts.scale import short
from mlops_dagster.charts.svg import (
    WIDTH,
    centred,
    clipped,
    document,
    image,
    largest,
    path,
    steps,
    text,
    uprights,
)
from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.counts import CategoryCounts, NumericCounts, Profile
from mlops_dagster.monitoring.grid import CategoryGrid, NumericGrid
from mlops_dagster.monitoring.report import ColumnDrift, DriftReport
from mlops_dagster.monitoring.words import percent

REFERENCE, WINDOW = "silver", "teal"
_HEIGHT, _GROUND, _TOP = 124, 106, 22
_BINS = 26
_CATEGORIES = 7
_NAME = 7
# Of both samples; a single far value would leave everything else in one bar.
_SHOWN = (0.01, 0.99)

Shares = NDArray[np.float64]


def most_drifted(report: DriftReport, count: int) -> tuple[ColumnDrift, ...]:
    """Return the columns that changed most: by severity, then by effect over its threshold."""
    tested = [column for column in report.overall if column.tests]
    tested.sort(key=lambda c: (-c.severity.rank, -_effect(c), c.column))
    return tuple(tested[:count])


def drift_overlay(
    baseline: Baseline, profile: Profile, drift: ColumnDrift, *, window: str
) -> str | None:
    """Return Markdown with one column's values in hold-out and window; None if it has none.

    Numbers are bars of equal width from the 1st to the 99th percentile of both samples, cut by the
    cells of the baseline; categories are pairs of bars, the most frequent first.
    """
    grid = next(g for g in baseline.grid.columns if g.name == drift.column)
    before = next(c for c in baseline.reference.overall.columns if c.column == drift.column)
    now = next((c for c in profile.overall.columns if c.column == drift.column), None)
    if now is None or not before.present or not now.present:
        return None
    if isinstance(grid, NumericGrid):
        if isinstance(before, NumericCounts) and isinstance(now, NumericCounts) and grid.edges:
            return _numeric(grid, before, now, drift, window)
    elif isinstance(before, CategoryCounts) and isinstance(now, CategoryCounts):
        return _categories(grid, before, now, drift, window)
    return None


def _numeric(
    grid: NumericGrid, before: NumericCounts, now: NumericCounts, drift: ColumnDrift, window: str
) -> str:
    edges = _reach(np.asarray(grid.edges), before, now)
    samples = [
        np.concatenate([[0.0], np.cumsum(counts.counts)[:-1] / counts.present, [1.0]])
        for counts in (before, now)
    ]
    cuts, at = _cuts(edges, samples)
    shares = [np.diff(np.interp(cuts, at, below)) for below in samples]
    low, high = (cuts[0] + 1, cuts[-1]) if _whole(edges) else (cuts[0], cuts[-1])
    # The edge just below zero is zero to a reader.
    low, high = (0.0 if abs(end) < 1e-9 * (high - low) else end for end in (low, high))

    def draw(bins: int) -> str:
        merged = shares if bins >= len(shares[0]) else [_halved(part) for part in shares]
        width = (WIDTH - 8) // len(merged[0])
        heights = _heights(merged)
        return _picture(
            drift,
            window,
            [
                path(steps((4, _GROUND), width, heights[0]), fill=REFERENCE),
                path(
                    steps((4, _GROUND), width, heights[1]),
                    stroke=WINDOW,
                    fill="none",
                    more="stroke-width='2'",
                ),
                text((4, 119), short(low)),
                text((4 + width * len(merged[0]), 119), short(high), end=True),
            ],
        )

    return largest(draw, len(shares[0]))


def _categories(
    grid: CategoryGrid, before: CategoryCounts, now: CategoryCounts, drift: ColumnDrift, window: str
) -> str:
    shares = [np.asarray(counts.counts) / counts.present for counts in (before, now)]
    own = len(grid.values)
    ranked = sorted(range(own), key=lambda i: (-max(shares[0][i], shares[1][i]), grid.values[i]))

    def draw(count: int) -> str:
        shown = ranked[:count]
        parts = [[*part[shown], 1 - part[shown].sum()] for part in shares]
        names = [*(clipped(grid.values[i], _NAME) for i in shown), "(others)"]
        if max(part[-1] for part in parts) < 0.0005:
            parts, names = [part[:-1] for part in parts], names[:-1]
        room = (WIDTH - 8) // len(names)
        width = min(20, room // 3)
        heights = _heights([np.asarray(part) for part in parts])
        left = [4 + room * place + (room - 2 * width) // 2 for place in range(len(names))]
        return _picture(
            drift,
            window,
            [
                *(
                    path(
                        uprights(
                            (x + shift, _GROUND, _GROUND - h)
                            for x, h in zip(left, part, strict=True)
                        ),
                        stroke=color,
                        more=f"stroke-width='{width}'",
                    )
                    for shift, part, color in (
                        (width // 2, heights[0], REFERENCE),
                        (width + width // 2, heights[1], WINDOW),
                    )
                ),
                centred(text((x + width, 119), name) for x, name in zip(left, names, strict=True)),
            ],
        )

    return largest(draw, min(_CATEGORIES, own))


def _picture(drift: ColumnDrift, window: str, parts: Sequence[str]) -> str:
    title = clipped(drift.column, 24)
    if drift.severity.rank:
        title += f": {drift.severity.value}"
    if (drift.out_of_range or 0) >= 0.01:
        title += f", {percent(drift.out_of_range or 0)} out of range"
    elif (drift.unseen or 0) >= 0.01:
        title += f", {percent(drift.unseen or 0)} never seen"
    elif abs(drift.missing_window - drift.missing_reference) >= 0.01:
        title += f", {percent(drift.missing_window)} missing"
    head = [
        text((4, 13), title),
        text((WIDTH - 70, 13), "hold-out", fill="gray", end=True),
        text((WIDTH - 4, 13), clipped(window, 13), fill=WINDOW, end=True),
    ]
    picture = document([*parts, *head], height=_HEIGHT)
    return image(picture, f"{drift.column} in hold-out and {window}")


def _reach(edges: Shares, before: NumericCounts, now: NumericCounts) -> Shares:
    """Return the edges and how far values lie beyond them: at most the hold-out's range again."""
    span = edges[-1] - edges[0]
    lows = [end for end in (before.low, now.low) if end is not None and np.isfinite(end)]
    highs = [end for end in (before.high, now.high) if end is not None and np.isfinite(end)]
    low = max(min(lows, default=edges[0]), edges[0] - span)
    high = min(max(highs, default=edges[-1]), edges[-1] + span)
    return np.concatenate([[min(low, edges[0])], edges, [max(high, edges[-1])]])


def _cuts(edges: Shares, samples: Sequence[Shares]) -> tuple[Shares, Shares]:
    """Return where bars begin and end, and the edges at which distribution functions are known."""
    first = [int(np.searchsorted(below, _SHOWN[0])) for below in samples]
    last = [int(np.searchsorted(below, _SHOWN[1])) for below in samples]
    low = float(edges[max(0, min(first) - 1)])
    high = float(edges[min(len(edges) - 1, max(last))])
    if _whole(edges):
        # A bar stands for so many whole numbers; below the edge of a heavy one all is smaller.
        at = np.floor(edges + 1e-6)
        start, end = np.floor(low + 1e-6) - 1, np.floor(high + 1e-6)
        step = max(1.0, float(np.ceil((end - start) / _BINS)))
        return np.arange(start, end + step, step), at
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1), edges


def _whole(edges: Shares) -> bool:
    return bool((np.abs(edges - np.round(edges)) < 1e-6).all())


def _halved(shares: Shares) -> Shares:
    return np.add.reduceat(shares, np.arange(0, len(shares), 2))


def _heights(parts: Sequence[Shares]) -> list[list[int]]:
    most = max(float(part.max()) for part in parts) or 1.0
    return [[round((_GROUND - _TOP) * float(s) / most) for s in part] for part in parts]


def _effect(column: ColumnDrift) -> float:
    return max((test.effect / test.threshold for test in column.tests), default=0.0)
