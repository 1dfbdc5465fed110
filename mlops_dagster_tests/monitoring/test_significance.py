"""p-values and false discovery rates against scipy and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlops_dagster.monitoring.dependence import estimate_dependence
from mlops_dagster.monitoring.significance import (
    chi_squared,
    chi_squared_p_value,
    expected_total_variation,
    ks_p_value,
    q_values,
    share_p_value,
)


def test_the_ks_p_value_of_independent_rows_is_close_to_the_exact_one() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=300), rng.normal(0.15, 1, size=400)
    exact = stats.ks_2samp(a, b, method="exact")
    found = ks_p_value(exact.statistic, reference_rows=300, window_rows=400, effect=1, groups=0)
    assert found == pytest.approx(exact.pvalue, rel=0.1)


def test_chi_squared_of_independent_rows_is_that_of_scipy() -> None:
    a, b = np.array([50, 30, 20]), np.array([40, 45, 35])
    statistic, freedom = chi_squared(a, b, effect=1.0)
    scipy = stats.chi2_contingency(np.array([a, b]), correction=False)
    assert statistic == pytest.approx(scipy.statistic)
    assert freedom == scipy.dof
    p_value = chi_squared_p_value(statistic, freedom, free_cells=None, groups=0)
    assert p_value == pytest.approx(scipy.pvalue)


def test_a_design_effect_makes_the_same_difference_less_significant() -> None:
    independent = share_p_value((100, 1000), (140, 1000), effect=1, groups=0)
    by_day = share_p_value((100, 1000), (140, 1000), effect=10, groups=20)
    assert independent < 0.01 < 0.3 < by_day


def test_two_equal_shares_have_p_value_one_also_when_nothing_varies() -> None:
    assert share_p_value((0, 100), (0, 50), effect=1, groups=0) == 1
    assert share_p_value((100, 100), (50, 50), effect=3, groups=9) == 1


@given(st.lists(st.floats(0, 1), max_size=30))
def test_q_values_are_those_of_the_step_up_procedure(p_values: list[float]) -> None:
    found = q_values(p_values)
    order = np.argsort(p_values)
    best = 1.0
    for rank in range(len(p_values), 0, -1):
        index = int(order[rank - 1])
        best = min(best, p_values[index] * len(p_values) / rank)
        assert found[index] == pytest.approx(best)


def test_the_expected_total_variation_is_the_mean_over_equal_samples() -> None:
    rng = np.random.default_rng(4)
    shares = rng.dirichlet(np.ones(30))
    samples = [(rng.multinomial(800, shares), rng.multinomial(500, shares)) for _ in range(300)]
    seen = [np.abs(a / 800 - b / 500).sum() / 2 for a, b in samples]
    expected = [expected_total_variation(a, b, effect=1.0) for a, b in samples]
    assert np.mean(expected) == pytest.approx(np.mean(seen), rel=0.05)


def test_independent_rows_have_a_design_effect_of_about_one() -> None:
    rng = np.random.default_rng(5)
    cells, days = rng.integers(0, 20, 20_000), np.repeat(np.arange(100), 200)
    found = estimate_dependence(cells, days, 20)
    assert found.cumulative == pytest.approx(1.0, abs=0.3)
    assert found.cells == pytest.approx(1.0, abs=0.2)


def test_a_value_shared_by_all_rows_of_a_day_has_the_rows_of_a_day_as_design_effect() -> None:
    rng = np.random.default_rng(6)
    days = np.repeat(np.arange(80), 50)
    found = estimate_dependence(rng.integers(0, 10, 80)[days], days, 10)
    assert found.cumulative == pytest.approx(50, rel=0.05)
    assert found.cells == pytest.approx(50, rel=0.05)


def test_without_groups_rows_count_as_independent() -> None:
    found = estimate_dependence(np.array([0, 1, 1]), None, 2)
    assert (found.groups, found.cumulative, found.cells, found.missing) == (0, 1, 1, 1)
