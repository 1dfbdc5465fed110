"""Drift overlays show the shares that were counted, whatever the columns hold."""

import re

import numpy as np
import pandas as pd
import pytest

from mlops_dagster.charts.overlay import REFERENCE, WINDOW, drift_overlay, most_drifted
from mlops_dagster.charts.svg import fits
from mlops_dagster.monitoring.baseline import profile_pandas
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.grid import ColumnKind
from mlops_dagster_tests.charts.pictures import paths, words
from mlops_dagster_tests.charts.test_svg import HOSTILE
from mlops_dagster_tests.monitoring.worlds import baseline_of


def overlay(before: pd.Series, now: pd.Series, kind: ColumnKind) -> str | None:
    """The picture of the only column of two samples."""
    name = str(before.name)
    days = np.arange(len(before)) % 20
    baseline = baseline_of(pd.DataFrame({"day": days, name: before}), [(name, kind)])
    profile = profile_pandas(pd.DataFrame({name: now}), baseline.grid)
    report = drift_report(baseline, profile, window="2013-04", model_version="1")
    (column,) = report.overall
    return drift_overlay(baseline, profile, column, window="2013-04")


def heights(outline: str) -> list[int]:
    """Return the height of each step of an outline, in its order."""
    found, height = [], 0
    for up, _ in re.findall(r"v(-?\d+)|(h\d+)", outline):
        if up:
            height -= int(up)
        else:
            found.append(height)
    return found


def test_a_shifted_number_is_drawn_to_the_right_of_the_hold_out() -> None:
    rng = np.random.default_rng(0)
    before = pd.Series(rng.normal(size=20_000), name="temperature")
    shown = overlay(before, pd.Series(rng.normal(1.5, 1, 20_000)), "numeric")
    (reference,), (window,) = paths(shown, REFERENCE), paths(shown, WINDOW)
    first, second = heights(reference), heights(window)
    assert len(first) == len(second)
    place = np.arange(len(first))
    middles = [np.average(place, weights=found) for found in (first, second)]
    low, high = (float(text) for text in words(shown)[:2])
    width = (high - low) / len(first)
    assert (middles[1] - middles[0]) * width == pytest.approx(1.5, abs=0.15)
    assert words(shown)[2].startswith("temperature: ")


def test_what_lies_beyond_the_hold_out_is_drawn_at_most_its_range_away() -> None:
    rng = np.random.default_rng(0)
    before = pd.Series(rng.uniform(0, 10, 20_000), name="x")
    now = pd.Series(rng.uniform(5, 15, 20_000))
    shown = overlay(before, now, "numeric")
    low, high = (float(text) for text in words(shown)[:2])
    assert low == pytest.approx(0, abs=0.3)
    assert high == pytest.approx(15, abs=0.3)
    assert words(shown)[2].endswith("out of range")
    now[:1_000] = 1e9
    assert float(words(overlay(before, now, "numeric"))[1]) == pytest.approx(20, abs=0.1)


def test_an_end_just_below_zero_is_zero() -> None:
    rng = np.random.default_rng(0)
    before = pd.Series(rng.uniform(0, 1, 20_000).clip(0.4) - 0.4, name="share")
    assert words(overlay(before, before, "numeric"))[0] == "0"


def test_whole_numbers_have_a_bar_each() -> None:
    rng = np.random.default_rng(0)
    before = pd.Series(rng.integers(5, 23, 20_000), name="hour")
    now = pd.Series(rng.integers(5, 23, 20_000))
    now[:10_000] = 7
    shown = overlay(before, now, "numeric")
    (window,) = paths(shown, WINDOW)
    found = heights(window)
    assert words(shown)[:2] == ["5", "22"]
    assert len(found) == 18
    assert found.index(max(found)) == 2


def test_a_column_of_one_value_is_drawn() -> None:
    same = pd.Series(np.ones(2_000), name="constant")
    assert overlay(same, same, "numeric") is not None


def test_categories_are_pairs_of_bars_and_the_rest_stands_together() -> None:
    before = pd.Series(list("aaabbcdefghij") * 200, name="carrier")
    now = pd.Series(["a"] * 400 + ["new"] * 600)
    shown = overlay(before, now, "categorical")
    names = words(shown)[:-3]
    assert len(names) >= 7
    assert names[0] == "a"
    assert names[-1] == "(others)"
    (reference,), (window,) = paths(shown, REFERENCE), paths(shown, WINDOW)
    first, second = ([-int(h) for h in re.findall(r"v(-?\d+)", p)] for p in (reference, window))
    assert len(first) == len(second) == len(names)
    assert second[-1] == max(second)
    assert second[0] * 6 == pytest.approx(second[-1] * 4, abs=4)
    assert words(shown)[-3].endswith("60 % never seen")


def test_a_column_without_values_has_no_picture() -> None:
    before = pd.Series(np.arange(1_000.0), name="x")
    assert overlay(before, pd.Series([np.nan] * 1_000), "numeric") is None


@pytest.mark.parametrize("named", [False, True])
def test_hostile_categories_and_names_stay_inside_the_picture(named: bool) -> None:
    texts = [text for text in HOSTILE if "\ud800" not in text]
    for text in texts:
        name = text if named else "column"
        before = pd.Series([*texts, "🛫" * 40, "ü" * 40] * 100, name=name)
        shown = overlay(before, before.sample(frac=0.5, random_state=1), "categorical")
        assert shown is not None
        assert fits(shown)
        words(shown)


def test_the_columns_that_changed_most_come_first() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"day": np.arange(9_000) % 30})
    names = ["same", "little", "much"]
    for name in names:
        frame[name] = rng.normal(size=9_000)
    baseline = baseline_of(frame, [(name, "numeric") for name in names])
    now = pd.DataFrame({name: rng.normal(size=9_000) for name in names})
    now["little"] += 0.3
    now["much"] += 1
    profile = profile_pandas(now, baseline.grid)
    report = drift_report(baseline, profile, window="2013-04", model_version="1")
    assert [c.column for c in most_drifted(report, 2)] == ["much", "little"]
