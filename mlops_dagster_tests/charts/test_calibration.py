"""Reliability diagrams: bins from left to right, intervals that hold their shares."""

import re

import numpy as np
import pytest
from scipy import stats

from mlops_dagster.charts.calibration import reliability_diagram
from mlops_dagster.charts.svg import fits
from mlops_dagster.spec.models import Task
from mlops_dagster.training.calibration_bins import calibration_table
from mlops_dagster.training.evaluation import CalibrationBin
from mlops_dagster.training.outcome import Outcome
from mlops_dagster_tests.charts.pictures import paths, words


def bins(seed: int, rows: int) -> tuple[CalibrationBin, ...]:
    rng = np.random.default_rng(seed)
    said = rng.beta(1, 3, rows)
    true = (rng.uniform(size=rows) < said).astype(float)
    return calibration_table(Outcome(Task.BINARY, true, said))


@pytest.mark.parametrize("rows", [30, 300, 30_000])
def test_points_go_from_left_to_right_and_lie_in_their_intervals(rows: int) -> None:
    shown = reliability_diagram(bins(1, rows), about="hold-out")
    assert shown is not None
    assert fits(shown)
    whiskers, dots = paths(shown, "teal")
    points = [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h0", dots)]
    spans = [[int(n) for n in found] for found in re.findall(r"M(\d+) (\d+)v(-?\d+)", whiskers)]
    assert 2 <= len(points) == len(spans)
    assert points == sorted(points, key=lambda point: point[0])
    for (x, y), (at, low, length) in zip(points, spans, strict=True):
        assert x == at
        # Heights grow downward.
        assert low + length <= y <= low


def test_calibrated_probabilities_lie_on_the_diagonal() -> None:
    shown = reliability_diagram(bins(2, 200_000), about="hold-out")
    (diagonal,) = paths(shown, "silver")
    assert diagonal == "M40 150l250-128"
    _, dots = paths(shown, "teal")
    for x, y in re.findall(r"M(\d+) (\d+)h0", dots):
        assert int(y) == pytest.approx(150 - (int(x) - 40) * 128 / 250, abs=3)


def test_the_interval_is_wilsons() -> None:
    one = CalibrationBin(low=0.1, high=0.3, rows=50, mean_predicted=0.2, observed_share=0.2)
    shown = reliability_diagram([one], about="x")
    whiskers, _ = paths(shown, "teal")
    _, low, length = (int(n) for n in re.findall(r"-?\d+", whiskers))
    expected = stats.binomtest(10, 50).proportion_ci(method="wilson")
    most = float(words(shown)[1])
    for pixel, value in ((low, expected.low), (low + length, expected.high)):
        assert pixel == pytest.approx(150 - 128 * value / most, abs=1)


def test_without_bins_there_is_no_picture() -> None:
    assert reliability_diagram((), about="hold-out") is None
