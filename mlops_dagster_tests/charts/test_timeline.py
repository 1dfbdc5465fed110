"""Windows side by side: order, colours, and as many as Dagster shows in place."""

import re

import pytest

from mlops_dagster.charts.svg import fits
from mlops_dagster.charts.timeline import decision_timeline, metric_timeline
from mlops_dagster.monitoring.decision import Decision, DecisionKind
from mlops_dagster.monitoring.summaries import MetricFigure
from mlops_dagster_tests.charts.pictures import paths, words

MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]


def figure(value: float | None, *, degraded: bool = False) -> MetricFigure:
    if value is None:
        return MetricFigure(metric="roc_auc", value=None)
    return MetricFigure(
        metric="roc_auc",
        value=value,
        low=value - 0.02,
        high=value + 0.02,
        expected=0.73,
        accepted=0.71,
        degraded=degraded,
    )


def dots(markdown: str | None, color: str) -> list[tuple[int, int]]:
    return [
        (int(x), int(y))
        for drawn in paths(markdown, color)
        for x, y in re.findall(r"M(\d+) (\d+)h0", drawn)
    ]


def values(markdown: str | None) -> list[tuple[int, int]]:
    """Return the points of the line through the values."""
    drawn = next(path for path in paths(markdown, "teal") if "v" not in path)
    x, y, *steps = (int(number) for number in re.findall(r"-?\d+", drawn))
    points = [(x, y)]
    for dx, dy in zip(steps[::2], steps[1::2], strict=True):
        points.append((points[-1][0] + dx, points[-1][1] + dy))
    return points


def test_a_year_of_months_is_shown_whole_and_in_order() -> None:
    name = "expected_calibration_error"
    figures = [figure(0.7 + 0.004 * place, degraded=place in (5, 6)) for place in range(12)]
    shown = metric_timeline(name, list(zip(MONTHS, figures, strict=True)))
    points = values(shown)
    assert len(points) == 12
    assert points == sorted(points)
    # Heights grow downward.
    assert points == sorted(points, key=lambda point: -point[1])
    assert dots(shown, "tomato") == points[5:7]
    assert words(shown)[0].startswith(name)
    assert words(shown)[-2:] == ["2013-01", "2013-12"]


def test_a_degraded_window_is_red() -> None:
    shown = metric_timeline(
        "roc_auc", [("2013-01", figure(0.72)), ("2013-02", figure(0.6, degraded=True))]
    )
    assert dots(shown, "tomato") == values(shown)[1:]


def test_what_was_expected_lies_above_what_is_accepted_of_a_rank_metric() -> None:
    shown = metric_timeline("roc_auc", [("2013-01", figure(0.72)), ("2013-02", figure(0.72))])
    expected, accepted = (
        int(found[1]) for path in paths(shown, "gray") if (found := re.search(r"M\d+ (\d+)", path))
    )
    assert expected < values(shown)[0][1] < accepted


@pytest.mark.parametrize("count", [1, 13, 24, 500])
def test_of_many_windows_the_newest_fit(count: int) -> None:
    keys = [f"2013-01-{day:05d}T05" for day in range(count)]
    shown = metric_timeline("mean_absolute_error", [(key, figure(0.7123)) for key in keys])
    assert shown is not None
    assert fits(shown)
    assert len(values(shown)) >= min(count, 12)


def test_a_window_without_the_metric_is_left_out() -> None:
    windows = [("2013-01", figure(None)), ("2013-02", figure(0.7))]
    assert len(values(metric_timeline("roc_auc", windows))) == 1
    assert metric_timeline("roc_auc", windows[:1]) is None


def test_decisions_have_a_point_each_and_the_champion_where_it_changes() -> None:
    kinds = [*[DecisionKind.HOLD] * 2, DecisionKind.TRAIN_FIRST, *[DecisionKind.HOLD] * 3]
    kinds += [DecisionKind.RETRAIN, *[DecisionKind.HOLD] * 2, DecisionKind.BLOCKED]
    champions = [*[None] * 3, *["1"] * 4, *["2"] * 3]
    shown = decision_timeline(
        [
            Decision(window=window, kind=kind, reason="", champion=champion)
            for window, kind, champion in zip(MONTHS[:10], kinds, champions, strict=True)
        ]
    )
    assert shown is not None
    assert fits(shown)
    assert [len(dots(shown, color)) for color in ("gray", "teal", "tomato")] == [7, 2, 1]
    assert [word for word in words(shown) if word.startswith("v")] == ["v1", "v2"]


def test_two_years_of_decisions_fit() -> None:
    decisions = [
        Decision(window=f"2013-{n:02d}", kind=list(DecisionKind)[n % 4], reason="", champion=str(n))
        for n in range(60)
    ]
    shown = decision_timeline(decisions)
    assert shown is not None
    assert fits(shown)


def test_the_ends_of_the_scale_are_as_exact_as_the_picture() -> None:
    low = MetricFigure(metric="ece", value=0.02, low=0.007, high=0.12, expected=0.02)
    shown = words(metric_timeline("ece", [("2013-01", low), ("2013-02", low)]))
    assert "0" in shown
    assert "0.127" in shown
