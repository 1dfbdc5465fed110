"""Baselines: cells, counts, dependence, and their JSON."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.baseline import (
    Baseline,
    ExpectedMetric,
    fit_baseline,
    profile_pandas,
)
from mlops_dagster.monitoring.counts import CategoryCounts, NumericCounts
from mlops_dagster.monitoring.grid import (
    HASH_CELLS,
    KNOWN_VALUES,
    CategoryGrid,
    NumericGrid,
    quantile_edges,
)
from mlops_dagster.monitoring.unseen import expected_unseen


def holdout(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "day": np.repeat(np.arange(rows // 20), 20),
            "x": rng.normal(size=rows),
            "c": rng.choice(["a", "b", "ü"], rows),
            "origin": rng.choice(["EWR", "JFK"], rows),
            "score": rng.uniform(size=rows),
            "label": rng.integers(0, 2, rows),
        }
    )


def fitted(frame: pd.DataFrame) -> Baseline:
    return fit_baseline(
        frame,
        features=[("x", "numeric"), ("c", "categorical")],
        prediction=("score", "numeric"),
        slices=["origin"],
        label="label",
        rows_per_window=[10, 30, 20],
        expected_metrics=[ExpectedMetric(metric="roc_auc", value=0.7, low=0.68, high=0.72)],
    )


def numeric(baseline: Baseline, name: str) -> NumericGrid:
    (found,) = (c for c in baseline.grid.columns if c.name == name)
    assert isinstance(found, NumericGrid)
    return found


def category(baseline: Baseline, name: str) -> CategoryGrid:
    (found,) = (c for c in baseline.grid.columns if c.name == name)
    assert isinstance(found, CategoryGrid)
    return found


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=1, max_size=60))
def test_a_baseline_reads_back_equal_from_its_json(values: list[float]) -> None:
    frame = pd.DataFrame({"x": values})
    baseline = fit_baseline(frame, features=[("x", "numeric")], group=None)
    text = baseline.model_dump_json()
    assert Baseline.model_validate_json(text) == baseline
    assert Baseline.model_validate_json(text).model_dump_json() == text


def test_a_whole_baseline_reads_back_equal_and_keeps_what_it_was_given() -> None:
    baseline = fitted(holdout())
    assert Baseline.model_validate_json(baseline.model_dump_json()) == baseline
    assert (baseline.rows, baseline.groups, baseline.rows_per_window) == (400, 20, 20.0)
    assert sum(baseline.label_rates.values()) == pytest.approx(1)
    assert baseline.needed_columns == ("x", "c", "score", "origin")


def test_the_reference_is_the_profile_of_the_holdout_itself() -> None:
    frame = holdout()
    baseline = fitted(frame)
    assert profile_pandas(frame, baseline.grid) == baseline.reference
    assert baseline.reference.overall.rows == 400
    by_value = {s.value: s.rows for s in baseline.reference.slices if s.key == "origin"}
    assert by_value == frame["origin"].value_counts().to_dict()


@given(
    st.lists(st.integers(0, 3).map(float) | st.floats(-1e9, 1e9), min_size=1, max_size=200),
    st.integers(2, 50),
)
def test_heavy_values_have_a_cell_of_their_own_and_nothing_is_out_of_range(
    values: list[float], cells: int
) -> None:
    array = np.array(values)
    edges = np.array(quantile_edges(array, cells))
    assert (np.diff(edges) > 0).all()
    counts = np.bincount(np.searchsorted(edges, array, side="left"), minlength=len(edges) + 1)
    assert counts[0] == counts[-1] == 0
    for value in np.unique(array):
        if (array == value).sum() > len(array) / cells:
            cell = int(np.searchsorted(edges, value, side="left"))
            assert edges[cell] == value
            assert edges[cell - 1] == np.nextafter(value, -np.inf)


def test_an_outlier_leaves_the_cells_of_the_rest_as_they_are() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=10_000)
    with_outlier = np.append(values, 1e6)
    plain, other = quantile_edges(values, 100), quantile_edges(with_outlier, 100)
    assert other[1:-1] == pytest.approx(plain[1:-1], abs=0.1)
    assert other[-1] == 1e6


def test_nulls_in_pandas_are_missing_and_never_a_category_called_nan() -> None:
    frame = pd.DataFrame({"x": [1.0, None, math.nan], "c": ["a", None, math.nan]})
    baseline = fit_baseline(frame, features=[("x", "numeric"), ("c", "categorical")], group=None)
    x, c = baseline.reference.overall.columns
    assert (x.missing, c.missing) == (2, 2)
    assert category(baseline, "c").values == ("a",)


def test_integers_beside_nulls_are_the_same_categories_as_integers() -> None:
    frame = pd.DataFrame({"c": [1.0, 2.0, None]})
    baseline = fit_baseline(frame, features=[("c", "categorical")], group=None)
    window = profile_pandas(pd.DataFrame({"c": [1, 2, 2]}), baseline.grid)
    (counts,) = window.overall.columns
    assert isinstance(counts, CategoryCounts)
    assert counts.unseen == 0


def test_mean_and_deviation_come_from_additive_sums() -> None:
    frame = holdout()
    frame["x"] += 1e6
    baseline = fitted(frame)
    counts = baseline.reference.overall.columns[0]
    assert isinstance(counts, NumericCounts)
    assert counts.mean == pytest.approx(frame["x"].mean(), rel=1e-12)
    assert counts.standard_deviation == pytest.approx(frame["x"].std(), rel=1e-9)


def test_a_long_tail_lies_in_hash_cells() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"c": rng.integers(0, 5000, 20_000).astype(str)})
    grid = category(fit_baseline(frame, features=[("c", "categorical")], group=None), "c")
    assert grid.values == ()
    assert grid.cells.size == HASH_CELLS + 1
    assert grid.complete


def test_identifiers_have_no_unseen_mass_to_tell() -> None:
    frame = pd.DataFrame({"c": [f"id{i}" for i in range(KNOWN_VALUES + 1)]})
    grid = category(fit_baseline(frame, features=[("c", "categorical")], group=None), "c")
    assert not grid.complete
    assert len(grid.rest) == KNOWN_VALUES


def test_the_expected_unseen_mass_is_that_of_values_of_one_day_only() -> None:
    # Day 0 holds 0 and 1, day 1 holds 0 and 2: half of each day would be new to the other.
    share, spread = expected_unseen(np.array([0, 1, 0, 2]), np.array([0, 0, 1, 1]))
    assert (share, spread) == (0.5, 0.0)


def test_a_calendar_column_does_not_vary_within_a_day() -> None:
    frame = holdout()
    frame["month"] = frame["day"] // 10
    baseline = fit_baseline(frame, features=[("x", "numeric"), ("month", "numeric")])
    assert numeric(baseline, "x").varies_within_groups
    assert not numeric(baseline, "month").varies_within_groups


def test_a_column_that_is_not_there_is_named_with_the_nearest_one() -> None:
    with pytest.raises(MonitoringError, match=r"no column 'scor'.*did you mean score\?"):
        fit_baseline(holdout(), features=[("scor", "numeric")])


def test_a_holdout_without_rows_is_refused() -> None:
    with pytest.raises(MonitoringError, match="without rows"):
        fitted(holdout().iloc[:0])


def test_profiles_of_parts_add_up_to_the_profile_of_the_whole() -> None:
    frame = holdout()
    frame.loc[3, "x"] = None
    baseline = fitted(holdout())
    whole = profile_pandas(frame, baseline.grid)
    parts = profile_pandas(frame[:150], baseline.grid) + profile_pandas(frame[150:], baseline.grid)
    for a, b in zip(parts.overall.columns, whole.overall.columns, strict=True):
        assert a.counts == b.counts
        assert a.missing == b.missing
    assert parts.rows == whole.rows


def test_profiles_of_other_cells_cannot_be_added() -> None:
    frame = holdout()
    other = fit_baseline(frame, features=[("x", "numeric")])
    with pytest.raises(MonitoringError, match="two profiles do not fit"):
        _ = fitted(frame).reference + other.reference
