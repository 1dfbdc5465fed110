"""Metrics by name: values against scikit-learn or plain Python, undefined cases with a reason."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from mlops_dagster.spec.metrics import METRICS, metrics_for
from mlops_dagster.spec.models import Task
from mlops_dagster.training.calibration_bins import calibration_table
from mlops_dagster.training.metrics import improvement, measure, measure_all
from mlops_dagster.training.outcome import MetricHook, Outcome
from mlops_dagster_tests.training.worlds import an_outcome

BINARY = an_outcome(Task.BINARY, rows=400, seed=1)
MULTICLASS = an_outcome(Task.MULTICLASS, rows=400, seed=2)
REGRESSION = an_outcome(Task.REGRESSION, rows=400, seed=3)


def binary(actual: list[int], predicted: list[float]) -> Outcome:
    return Outcome(Task.BINARY, np.array(actual, float), np.array(predicted, float), (0, 1))


@pytest.mark.parametrize("task", Task)
def test_every_metric_of_the_specification_has_a_value_for_its_tasks(task: Task) -> None:
    values = measure_all(an_outcome(task, rows=60, seed=0))
    assert [value.name for value in values] == list(metrics_for(task))
    assert all(value.value is not None for value in values)


def test_binary_metrics_are_those_of_scikit_learn() -> None:
    y, p = BINARY.actual, BINARY.predicted
    expected = {
        "roc_auc": sk.roc_auc_score(y, p),
        "average_precision": sk.average_precision_score(y, p),
        "log_loss": sk.log_loss(y, p),
        "brier_score": sk.brier_score_loss(y, p),
        "accuracy": sk.accuracy_score(y, p > 0.5),
        "f1": sk.f1_score(y, p > 0.5),
    }
    for name, value in expected.items():
        assert measure(name, BINARY).value == pytest.approx(value)


def test_multiclass_metrics_are_those_of_scikit_learn() -> None:
    y, p = MULTICLASS.actual, MULTICLASS.predicted
    expected = {
        "accuracy": sk.accuracy_score(y, p.argmax(axis=1)),
        "f1_macro": sk.f1_score(y, p.argmax(axis=1), average="macro"),
        "log_loss": sk.log_loss(y, p),
        "roc_auc_ovr": sk.roc_auc_score(y, p, multi_class="ovr"),
    }
    for name, value in expected.items():
        assert measure(name, MULTICLASS).value == pytest.approx(value)


def test_bias_is_positive_when_predictions_are_too_high() -> None:
    outcome = Outcome(Task.REGRESSION, np.array([1.0, 2.0]), np.array([2.0, 2.5]))
    assert measure("bias", outcome).value == pytest.approx(0.75)


def test_calibration_error_is_the_mean_gap_weighted_by_rows() -> None:
    # Two distinct predictions give two bins: |0.2 - 1/4| on 4 rows, |0.9 - 1/2| on 2.
    outcome = binary([0, 0, 0, 1, 1, 0], [0.2, 0.2, 0.2, 0.2, 0.9, 0.9])
    expected = 4 / 6 * abs(0.2 - 1 / 4) + 2 / 6 * abs(0.9 - 1 / 2)
    assert measure("expected_calibration_error", outcome).value == pytest.approx(expected)


def test_calibration_error_of_distinct_scores_agrees_with_equal_sized_chunks() -> None:
    rng = np.random.default_rng(5)
    p = rng.permutation(np.linspace(0.01, 0.99, 150))
    y = (rng.random(150) < p**2).astype(float)
    order = np.argsort(p)
    chunks = np.array_split(order, 15)
    expected = sum(len(c) / 150 * abs(p[c].mean() - y[c].mean()) for c in chunks)
    outcome = Outcome(Task.BINARY, y, p, (0, 1))
    assert measure("expected_calibration_error", outcome).value == pytest.approx(expected)


def test_multiclass_calibration_is_about_the_predicted_class() -> None:
    outcome = Outcome(
        Task.MULTICLASS,
        np.array([0.0, 1.0, 1.0]),
        np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.7, 0.2]]),
        ("a", "b", "c"),
    )
    assert measure("expected_calibration_error", outcome).value == pytest.approx(0.7 - 2 / 3)


def test_the_calibration_table_adds_up_to_the_error() -> None:
    table = calibration_table(BINARY)
    assert sum(piece.rows for piece in table) == BINARY.rows
    gaps = [p.rows / BINARY.rows * abs(p.mean_predicted - p.observed_share) for p in table]
    assert measure("expected_calibration_error", BINARY).value == pytest.approx(sum(gaps))
    assert [piece.low for piece in table] == sorted(piece.low for piece in table)


@pytest.mark.parametrize(
    ("name", "actual", "reason"),
    [
        ("roc_auc", [1, 1], "every row is positive"),
        ("roc_auc", [0, 0], "no row is positive"),
        ("average_precision", [0, 0], "no row is positive"),
        ("f1", [0, 0], "no row is positive"),
    ],
)
def test_a_metric_that_one_class_leaves_undefined_has_a_reason_instead_of_a_value(
    name: str, actual: list[int], reason: str
) -> None:
    found = measure(name, binary(actual, [0.2, 0.7]))
    assert (found.value, found.reason) == (None, reason)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_no_metric_has_a_value_without_rows(name: str) -> None:
    task = next(iter(METRICS[name].tasks))
    shape = (0, 3) if task is Task.MULTICLASS else 0
    found = measure(name, Outcome(task, np.empty(0), np.empty(shape), ("a", "b", "c")))
    assert (found.value, found.reason) == (None, "there are no labelled rows")


def test_predictions_that_are_not_finite_make_every_metric_undefined() -> None:
    outcome = binary([0, 1], [0.1, math.nan])
    reasons = {value.reason for value in measure_all(outcome)}
    assert reasons == {"the model predicts NaN or infinity"}


def test_r2_is_undefined_when_all_labels_are_equal() -> None:
    outcome = Outcome(Task.REGRESSION, np.ones(3), np.array([1.0, 2.0, 3.0]))
    assert measure("r2", outcome).reason == "all labels are equal"


def test_a_class_that_was_never_fitted_makes_log_loss_undefined_and_counts_as_an_error() -> None:
    predicted = np.array([[0.9, 0.1], [0.2, 0.8]])
    outcome = Outcome(Task.MULTICLASS, np.array([0.0, -1.0]), predicted, ("a", "b"))
    assert "1 of 2 rows" in (measure("log_loss", outcome).reason or "")
    assert measure("accuracy", outcome).value == 0.5


def test_a_missing_class_makes_the_one_against_rest_area_undefined_by_name() -> None:
    even = np.full((2, 3), 1 / 3)
    outcome = Outcome(Task.MULTICLASS, np.array([0.0, 1.0]), even, ("a", "b", "c"))
    assert measure("roc_auc_ovr", outcome).reason == "not every class is present: c"


def test_a_hook_is_called_with_labels_for_multiclass() -> None:
    seen: list[list[str]] = []

    def cost(actual: NDArray[np.generic], predicted: NDArray[np.generic]) -> float:
        seen.append([*actual.tolist(), *predicted.tolist()])
        return 2.0

    outcome = Outcome(Task.MULTICLASS, np.array([1.0, -1.0]), np.eye(2), ("a", "b"))
    found = measure("cost", outcome, {"cost": MetricHook("cost", True, cost)})
    assert found.value == 2.0
    assert seen == [["b", "(unseen)", "a", "b"]]


@pytest.mark.parametrize(
    ("returned", "reason"), [(math.nan, "returned nan"), (math.inf, "returned inf")]
)
def test_a_hook_that_returns_no_number_is_undefined(returned: float, reason: str) -> None:
    hook = MetricHook("cost", True, lambda actual, predicted: returned)
    assert reason in (measure("cost", BINARY, {"cost": hook}).reason or "")


def test_a_hook_that_fails_is_undefined_and_says_why() -> None:
    def broken(actual: object, predicted: object) -> float:
        raise ZeroDivisionError("no cost")

    found = measure("cost", BINARY, {"cost": MetricHook("cost", True, broken)})
    assert found.reason == "the @metric failed: ZeroDivisionError: no cost"


def test_improvement_is_positive_when_the_challenger_is_better_in_each_direction() -> None:
    assert improvement(0.8, 0.7, metric=measure("roc_auc", BINARY)) == pytest.approx(0.1)
    assert improvement(0.3, 0.4, metric=measure("log_loss", BINARY)) == pytest.approx(0.1)
    assert improvement(-0.1, 0.3, metric=measure("bias", REGRESSION)) == pytest.approx(0.2)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])), max_size=12
    )
)
def test_a_metric_is_a_finite_number_or_none_with_a_reason(rows: list[tuple[int, float]]) -> None:
    outcome = binary([actual for actual, _ in rows], [score for _, score in rows])
    for found in measure_all(outcome):
        if found.value is None:
            assert found.reason
        else:
            assert math.isfinite(found.value)
            assert found.reason is None
