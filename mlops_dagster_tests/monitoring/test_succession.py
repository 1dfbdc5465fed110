"""The comparison of a champion with the first model on later windows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.succession import succession, windows_to_compare


def rows(seed: int, *, gain: float, days: int = 30, a_day: int = 40) -> pd.DataFrame:
    """Return labelled rows whose later scores are better by `gain` in the signal's weight."""
    rng = np.random.default_rng(seed)
    size = days * a_day
    label = rng.integers(0, 2, size)
    noise = rng.normal(size=size)
    return pd.DataFrame(
        {
            "label": label,
            "day": np.repeat([f"d{day:02d}" for day in range(days)], a_day),
            "earlier": 1 / (1 + np.exp(-(0.5 * label + noise))),
            "later": 1 / (1 + np.exp(-((0.5 + gain) * label + noise))),
        }
    )


def test_means_are_those_of_scikit_learn_by_window() -> None:
    windows = {"2013-08": rows(1, gain=0.3), "2013-09": rows(2, gain=0.3, days=9)}
    found = succession(windows)
    for name, mean in (("earlier", found.earlier), ("later", found.later)):
        expected = [roc_auc_score(frame["label"], frame[name]) for frame in windows.values()]
        assert mean == pytest.approx(np.mean(expected))
    assert found.difference == pytest.approx(found.later - found.earlier)
    assert found.days == 39
    assert found.windows == ("2013-08", "2013-09")


def test_interval_is_near_that_of_a_bootstrap_of_repeated_rows() -> None:
    windows = {"a": rows(3, gain=0.2, days=12), "b": rows(4, gain=0.2, days=12)}
    found = succession(windows)
    rng = np.random.default_rng(11)
    gains = []
    for _ in range(400):
        by_window = []
        for frame in windows.values():
            days = [day for _, day in frame.groupby("day")]
            drawn = pd.concat([days[i] for i in rng.integers(0, len(days), len(days))])
            by_window.append(
                roc_auc_score(drawn["label"], drawn["later"])
                - roc_auc_score(drawn["label"], drawn["earlier"])
            )
        gains.append(np.mean(by_window))
    spread = np.std(gains)
    assert found.low < found.difference < found.high
    # 24 days: Student's t of 23 degrees of freedom, expanded once more by sqrt(24 / 23).
    assert found.high - found.low == pytest.approx(2 * 2.07 * 1.02 * spread, rel=0.2)


def test_equal_scores_differ_by_nothing() -> None:
    same = rows(5, gain=0.0)
    found = succession({"a": same})
    assert (found.difference, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_window_of_one_class_is_refused_by_name() -> None:
    frame = rows(6, gain=0.1)
    with pytest.raises(MonitoringError, match=r"2013-09.*both classes"):
        succession({"2013-08": frame, "2013-09": frame[frame["label"] == 1]})


MONTHS = tuple(f"2013-{month:02d}" for month in range(4, 13))


@pytest.mark.parametrize(
    ("cutoffs", "chosen", "first"),
    [
        ({"1": "2013-03"}, "1", "2013-04"),
        ({"1": "2013-03", "2": "2013-07"}, "2", "2013-08"),
        ({"1": "2013-03", "2": "2013-09"}, "2", "2013-10"),
        ({"1": "2013-03", "2": "2013-07", "3": "2013-10"}, "2", "2013-08"),
    ],
)
def test_the_newest_version_with_three_windows_after_it_is_compared(
    cutoffs: dict[str, str], chosen: str, first: str
) -> None:
    found = windows_to_compare(cutoffs, MONTHS)
    assert found is not None
    assert (found[0], found[1][0]) == (chosen, first)


@given(st.integers(0, 2))
def test_fewer_than_three_windows_are_no_comparison(count: int) -> None:
    assert windows_to_compare({"1": "2013-03"}, MONTHS[:count]) is None
