"""Bootstrap: resampled metrics against repeated rows, intervals against theory and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_dagster.spec.metrics import METRICS
from mlops_dagster.spec.models import Task
from mlops_dagster.training.calibration_bins import confidence
from mlops_dagster.training.intervals import (
    MAXIMUM_ROW_GROUPS,
    Bootstrap,
    day_groups,
    expanded_percentiles,
    metric_difference,
    row_groups,
    with_interval,
)
from mlops_dagster.training.metrics import measure
from mlops_dagster.training.outcome import MetricHook, Outcome
from mlops_dagster.training.resampling import resampled_metric
from mlops_dagster_tests.training.worlds import an_outcome

CASES = [(name, task) for name, found in METRICS.items() for task in sorted(found.tasks)]
# Its bins stay those of all rows, so that repeated rows are no oracle.
REPEATABLE = [case for case in CASES if case[0] != "expected_calibration_error"]


@pytest.mark.parametrize(("name", "task"), REPEATABLE)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 8))
def test_a_resampled_metric_is_the_metric_of_the_repeated_rows(
    name: str, task: Task, seed: int, count: int
) -> None:
    outcome = an_outcome(task, rows=40, seed=seed, digits=1)
    rng = np.random.default_rng(seed)
    groups = np.r_[np.arange(count), rng.integers(0, count, 40 - count)]
    draws = rng.multinomial(count, np.ones(count) / count, size=3)
    values = resampled_metric(name, outcome, groups)(draws)
    for counts, value in zip(draws, values, strict=True):
        repeated = outcome.take(np.repeat(np.arange(40), counts[groups]))
        expected = measure(name, repeated).value
        if expected is None:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_a_resampled_calibration_error_keeps_the_bins(task: Task) -> None:
    outcome = an_outcome(task, rows=200, seed=3)
    groups = np.arange(200) % 10
    counts = np.array([3, 0, 1, 1, 2, 0, 1, 1, 0, 1])
    found = confidence(outcome)
    weight = counts[groups]
    gaps = [
        abs(((found.probability - found.came_true) * weight)[found.bins == b].sum())
        for b in range(found.count)
    ]
    value = resampled_metric("expected_calibration_error", outcome, groups)(counts[None, :])[0]
    assert value == pytest.approx(sum(gaps) / weight.sum())


@pytest.mark.parametrize(("name", "task"), CASES)
def test_drawing_each_group_once_gives_the_metric_itself(name: str, task: Task) -> None:
    outcome = an_outcome(task, rows=300, seed=4)
    groups = np.arange(300) % 20
    value = resampled_metric(name, outcome, groups)(np.ones((1, 20), dtype=np.int64))[0]
    assert value == pytest.approx(measure(name, outcome).value)


def test_the_interval_of_a_mean_of_independent_rows_is_that_of_scipy() -> None:
    outcome = an_outcome(Task.REGRESSION, rows=400, seed=5)
    bootstrap = Bootstrap(row_groups(400, seed=0), seed=1, resamples=4000)
    found = with_interval(measure("bias", outcome), outcome, bootstrap=bootstrap).interval
    errors = outcome.predicted - outcome.actual
    expected = stats.bootstrap(
        (errors,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_the_interval_of_the_area_under_the_curve_agrees_with_delong() -> None:
    rng = np.random.default_rng(6)
    positive, negative = rng.normal(1, 1, 150), rng.normal(0, 1, 450)
    outcome = Outcome(
        Task.BINARY, np.repeat([1.0, 0.0], [150, 450]), np.r_[positive, negative], (0, 1)
    )
    bootstrap = Bootstrap(row_groups(600, seed=0), seed=1, resamples=2000)
    found = with_interval(measure("roc_auc", outcome), outcome, bootstrap=bootstrap)
    # DeLong, DeLong and Clarke-Pearson 1988: variance from the placement of each row.
    above = (positive[:, None] > negative[None, :]).astype(float)
    variance = above.mean(axis=1).var(ddof=1) / 150 + above.mean(axis=0).var(ddof=1) / 450
    assert found.interval is not None
    width = found.interval.high - found.interval.low
    assert width == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.1)


@pytest.mark.parametrize("days", [8, 40])
def test_the_interval_covers_the_truth_when_rows_of_a_day_hang_together(days: int) -> None:
    rng = np.random.default_rng(7)
    covered, trials = 0, 300
    groups = day_groups(np.repeat(np.arange(days), 20))
    for trial in range(trials):
        errors = np.repeat(rng.normal(0, 1, days), 20) + rng.normal(0, 1, days * 20)
        outcome = Outcome(Task.REGRESSION, np.zeros(days * 20), errors)
        bootstrap = Bootstrap(groups, seed=trial, resamples=400)
        found = with_interval(measure("bias", outcome), outcome, bootstrap=bootstrap).interval
        covered += found is not None and found.low <= 0 <= found.high
    # 95 % with a standard error of 1.3 %; plain percentiles over rows would cover under 50 %.
    assert 0.90 <= covered / trials <= 0.985


def test_expanded_percentiles_are_wider_for_few_groups_and_usual_for_many() -> None:
    values = np.random.default_rng(8).normal(size=100_000)
    low, high = expanded_percentiles(values, groups=7)
    t = stats.t.ppf(0.975, 6) * np.sqrt(7 / 6)
    assert (low, high) == pytest.approx((-t, t), rel=0.03)
    assert expanded_percentiles(values, groups=100_000) == pytest.approx((-1.96, 1.96), abs=0.03)


def test_the_interval_of_the_calibration_error_holds_its_value() -> None:
    outcome = an_outcome(Task.BINARY, rows=2000, seed=9, digits=6)
    bootstrap = Bootstrap(day_groups(np.arange(2000) // 50), seed=1)
    metric = measure("expected_calibration_error", outcome)
    found = with_interval(metric, outcome, bootstrap=bootstrap)
    assert found.value is not None
    assert found.interval is not None
    assert 0 <= found.interval.low < found.value < found.interval.high


def test_fewer_than_five_days_give_no_interval_and_say_so() -> None:
    outcome = an_outcome(Task.BINARY, rows=100, seed=0)
    bootstrap = Bootstrap(day_groups(np.arange(100) // 25), seed=1)
    found = with_interval(measure("roc_auc", outcome), outcome, bootstrap=bootstrap)
    assert found.interval is None
    assert found.reason == "no interval: 4 days, at least 5 are needed"


def test_a_metric_undefined_on_many_resamples_has_no_interval() -> None:
    # All positives lie on one of six days: a third of the resamples have none.
    days = np.repeat(np.arange(6), 5)
    outcome = Outcome(Task.BINARY, (days == 0).astype(float), np.linspace(1, 0, 30), (0, 1))
    bootstrap = Bootstrap(day_groups(days), seed=1)
    found = with_interval(measure("roc_auc", outcome), outcome, bootstrap=bootstrap)
    assert found.interval is None
    assert "undefined on too many resamples" in (found.reason or "")


def test_equal_seeds_give_equal_intervals() -> None:
    outcome = an_outcome(Task.BINARY, rows=300, seed=0)
    bootstrap = Bootstrap(day_groups(np.arange(300) // 20), seed=1)
    once, again = (
        with_interval(measure("f1", outcome), outcome, bootstrap=bootstrap) for _ in range(2)
    )
    assert once == again


def test_many_rows_are_drawn_in_blocks_of_equal_size() -> None:
    groups = row_groups(3 * MAXIMUM_ROW_GROUPS, seed=0)
    assert groups.count == MAXIMUM_ROW_GROUPS
    assert set(np.bincount(groups.of_row)) == {3}


def test_the_difference_of_a_model_with_itself_is_exactly_zero() -> None:
    outcome = an_outcome(Task.BINARY, rows=300, seed=0)
    bootstrap = Bootstrap(day_groups(np.arange(300) // 20), seed=1)
    found = metric_difference("roc_auc", outcome, outcome, bootstrap=bootstrap)
    assert found.improvement == 0
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (0, 0)


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_pairing_finds_a_small_improvement_that_single_intervals_cannot(name: str) -> None:
    rng = np.random.default_rng(10)
    truth = rng.random(3000)
    actual = (rng.random(3000) < truth).astype(float)
    worse = np.clip(truth + rng.normal(0, 0.15, 3000), 0.01, 0.99)
    challenger = Outcome(Task.BINARY, actual, np.clip(truth, 0.01, 0.99), (0, 1))
    champion = Outcome(Task.BINARY, actual, worse, (0, 1))
    bootstrap = Bootstrap(day_groups(np.arange(3000) // 60), seed=1)
    found = metric_difference(name, challenger, champion, bootstrap=bootstrap)
    alone = with_interval(measure(name, challenger), challenger, bootstrap=bootstrap)
    assert found.interval is not None
    assert alone.interval is not None
    assert found.interval.low > 0
    assert found.interval.high - found.interval.low < alone.interval.high - alone.interval.low


def test_a_difference_needs_both_values() -> None:
    challenger = an_outcome(Task.REGRESSION, rows=50, seed=0)
    champion = Outcome(Task.REGRESSION, challenger.actual, np.full(50, np.nan))
    bootstrap = Bootstrap(row_groups(50, seed=0), seed=1)
    found = metric_difference("r2", challenger, champion, bootstrap=bootstrap)
    assert found.improvement is None
    assert found.reason == "champion: the model predicts NaN or infinity"


def test_differing_numbers_of_rows_are_refused() -> None:
    one, other = (an_outcome(Task.REGRESSION, rows=rows, seed=0) for rows in (50, 51))
    with pytest.raises(ValueError, match="50 rows of the challenger, 51 of the champion"):
        metric_difference("r2", one, other, bootstrap=Bootstrap(row_groups(50, seed=0), seed=1))


def test_a_hook_has_an_interval_from_fewer_resamples() -> None:
    outcome = an_outcome(Task.REGRESSION, rows=200, seed=0)
    hook = MetricHook(
        "cost", True, lambda actual, predicted: float(np.ptp(predicted.astype(float)))
    )
    bootstrap = Bootstrap(day_groups(np.arange(200) // 10), seed=1)
    hooks = {"cost": hook}
    metric = measure("cost", outcome, hooks)
    found = with_interval(metric, outcome, bootstrap=bootstrap, hooks=hooks)
    assert found.value == np.ptp(outcome.predicted)
    assert found.interval is not None
    assert found.interval.resamples == bootstrap.hook_resamples
    assert found.interval.low < found.interval.high <= np.ptp(outcome.predicted)


def test_a_hook_that_fails_on_a_resample_keeps_its_value() -> None:
    outcome = an_outcome(Task.REGRESSION, rows=200, seed=0)
    calls: list[int] = []

    def fragile(actual: object, predicted: object) -> float:
        calls.append(1)
        if len(calls) > 1:
            raise ValueError("again")
        return 1.0

    hooks = {"fragile": MetricHook("fragile", True, fragile)}
    bootstrap = Bootstrap(day_groups(np.arange(200) // 10), seed=1)
    metric = measure("fragile", outcome, hooks)
    found = with_interval(metric, outcome, bootstrap=bootstrap, hooks=hooks)
    assert found.value == 1.0
    assert found.reason == "no interval: the @metric failed on a resample: ValueError: again"
