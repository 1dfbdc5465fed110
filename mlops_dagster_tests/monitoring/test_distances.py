"""Distances from counts against scipy on the values themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from mlops_dagster.monitoring.distances import (
    equal_mass_groups,
    jensen_shannon,
    ks_bounds,
    l_infinity,
    merged,
    population_stability_index,
    total_variation,
    wasserstein_bounds,
)
from mlops_dagster.monitoring.grid import quantile_edges

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Values = st.lists(
    st.integers(-5, 5).map(float) | st.floats(-100, 100) | st.just(1e6), min_size=1, max_size=80
)


def counts_of(values: list[float], edges: Floats) -> Ints:
    cells = np.searchsorted(edges, np.array(values), side="left")
    return np.bincount(cells, minlength=len(edges) + 1)


@given(reference=Values, window=Values, cells=st.integers(2, 30))
def test_the_ks_distance_of_scipy_lies_within_the_bounds(
    reference: list[float], window: list[float], cells: int
) -> None:
    edges = np.array(quantile_edges(np.array(reference), cells))
    bounds = ks_bounds(edges, counts_of(reference, edges), counts_of(window, edges))
    true = stats.ks_2samp(reference, window, method="asymp").statistic
    assert bounds.low - 1e-12 <= true <= bounds.high + 1e-12


@given(reference=Values, window=Values)
def test_the_ks_distance_is_exact_when_every_value_has_its_own_cell(
    reference: list[float], window: list[float]
) -> None:
    both = np.unique([*reference, *window])
    edges = np.unique([*np.nextafter(both, -np.inf), *both])
    bounds = ks_bounds(edges, counts_of(reference, edges), counts_of(window, edges))
    true = stats.ks_2samp(reference, window, method="asymp").statistic
    assert bounds.low == pytest.approx(true, abs=1e-12)
    assert bounds.high == pytest.approx(true, abs=1e-12)


def test_the_gap_of_the_bounds_is_at_most_the_mass_of_a_cell() -> None:
    rng = np.random.default_rng(1)
    reference, window = rng.normal(size=50_000), rng.normal(0.3, 1.2, size=30_000)
    edges = np.array(quantile_edges(reference, 100))
    bounds = ks_bounds(edges, counts_of(list(reference), edges), counts_of(list(window), edges))
    assert 0 < bounds.high - bounds.low <= 0.0101


Counts = st.lists(st.integers(0, 50), min_size=2, max_size=12)


@given(st.data())
def test_tv_js_and_l_infinity_are_those_of_the_shares(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 12))
    rows = st.lists(st.integers(0, 50), min_size=size, max_size=size).filter(any)
    a, b = np.array(data.draw(rows)), np.array(data.draw(rows))
    p, q = a / a.sum(), b / b.sum()
    assert total_variation(a, b) == pytest.approx(np.maximum(p - q, 0).sum())
    assert l_infinity(a, b) == pytest.approx(np.abs(p - q).max())
    assert jensen_shannon(a, b) == pytest.approx(jensenshannon(p, q, base=2), abs=1e-7)


def test_the_stability_index_of_a_worked_example() -> None:
    # Shares 0.5/0.5 against 0.8/0.2: 0.3 ln(0.8/0.5) - 0.3 ln(0.2/0.5), half rows negligible.
    found = population_stability_index(np.array([500_000, 500_000]), np.array([800_000, 200_000]))
    assert found == pytest.approx(0.3 * np.log(1.6) + 0.3 * np.log(2.5), rel=1e-4)


def test_the_stability_index_of_equal_data_goes_to_zero_and_stays_finite_on_empty_cells() -> None:
    assert population_stability_index(np.array([10, 0, 5]), np.array([10, 0, 5])) == 0
    assert np.isfinite(population_stability_index(np.array([10, 0]), np.array([0, 10])))


def test_equal_mass_groups_hold_about_a_tenth_each() -> None:
    rng = np.random.default_rng(2)
    values = rng.exponential(size=10_000)
    edges = np.array(quantile_edges(values, 100))
    counts = counts_of(list(values), edges)
    groups = merged(counts, equal_mass_groups(counts))
    assert len(groups) == 10
    assert groups.sum() == 10_000
    assert np.abs(groups / 10_000 - 0.1).max() < 0.011


def test_the_wasserstein_distance_lies_within_the_bounds() -> None:
    rng = np.random.default_rng(3)
    reference, window = rng.normal(size=5000), rng.normal(0.4, 1.5, size=4000)
    edges = np.array(quantile_edges(reference, 100))
    a, b = counts_of(list(reference), edges), counts_of(list(window), edges)

    def sums(values: Floats) -> Floats:
        cells = np.searchsorted(edges, values, side="left")
        by_cell = [values[cells == cell].sum() for cell in range(len(edges) + 1)]
        return np.array(by_cell, dtype=np.float64)

    bounds = wasserstein_bounds(edges, (a, sums(reference)), (b, sums(window)))
    below = np.cumsum(a / a.sum())[:-1]
    low = edges[np.searchsorted(below, 0.05)]
    high = edges[np.searchsorted(below, 0.95)]
    true = stats.wasserstein_distance(reference.clip(low, high), window.clip(low, high))
    assert bounds.low - 1e-9 <= true <= bounds.high + 1e-9
    assert bounds.high - bounds.low < 0.05
