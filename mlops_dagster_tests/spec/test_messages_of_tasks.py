"""What fits one task only is refused for the others at load, long before a training."""

from pathlib import Path

import pytest

from mlops_dagster_tests.spec.worlds import PROJECT, USE_CASE, messages, write_project

FAMILY = "family: hist_gradient_boosting, max_iter: 50"
REGRESSION = (
    PROJECT[USE_CASE]
    .replace("task: binary", "task: regression")
    .replace("      calibrate: isotonic\n", "")
    .replace("roc_auc", "r2")
)
MULTICLASS = (
    PROJECT[USE_CASE].replace("task: binary", "task: multiclass").replace("roc_auc", "accuracy")
)
TRAIN = f"{USE_CASE}:42: models.late.train.estimator"


@pytest.mark.parametrize("text", [PROJECT[USE_CASE], REGRESSION, MULTICLASS])
def test_each_task_has_families_and_metrics(tmp_path: Path, text: str) -> None:
    write_project(tmp_path, {USE_CASE: text})
    assert messages(tmp_path) == []


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_ridge_is_for_regression(tmp_path: Path, task: str) -> None:
    text = PROJECT[USE_CASE] if task == "binary" else MULTICLASS
    write_project(tmp_path, {USE_CASE: text.replace(FAMILY, "family: ridge")})
    assert messages(tmp_path) == [
        (
            f"{TRAIN}.family: expected a family for task {task}: 'hist_gradient_boosting', "
            "'lightgbm', 'logistic_regression', 'hook', found 'ridge'"
        )
    ]


def test_logistic_regression_is_for_classification(tmp_path: Path) -> None:
    write_project(
        tmp_path, {USE_CASE: REGRESSION.replace(FAMILY, "family: logistic_regression, c: 2.0")}
    )
    assert messages(tmp_path) == [
        (
            f"{TRAIN}.family: expected a family for task regression: 'hist_gradient_boosting', "
            "'lightgbm', 'ridge', 'hook', found 'logistic_regression'"
        )
    ]


@pytest.mark.parametrize("family", ["hist_gradient_boosting", "lightgbm"])
def test_a_regression_has_no_classes_to_weigh(tmp_path: Path, family: str) -> None:
    weighed = REGRESSION.replace(FAMILY, f"family: {family}, class_weight: balanced")
    write_project(tmp_path, {USE_CASE: weighed})
    assert messages(tmp_path) == [f"{TRAIN}.class_weight: only classification has classes to weigh"]


@pytest.mark.parametrize("calibrate", ["isotonic", "sigmoid"])
def test_a_regression_has_no_probabilities_to_calibrate(tmp_path: Path, calibrate: str) -> None:
    text = REGRESSION.replace("      holdout:", f"      calibrate: {calibrate}\n      holdout:")
    write_project(tmp_path, {USE_CASE: text})
    assert messages(tmp_path) == [
        (
            f"{USE_CASE}:43: models.late.train.calibrate: "
            "only classification has probabilities to calibrate"
        )
    ]


def test_nothing_to_calibrate_or_weigh_may_be_written_for_a_regression(tmp_path: Path) -> None:
    text = REGRESSION.replace(FAMILY, f"{FAMILY}, class_weight: none").replace(
        "      holdout:", "      calibrate: none\n      holdout:"
    )
    write_project(tmp_path, {USE_CASE: text})
    assert messages(tmp_path) == []


def test_a_task_that_is_wrong_itself_is_told_alone(tmp_path: Path) -> None:
    text = REGRESSION.replace("task: regression", "task: forecast").replace(FAMILY, "family: ridge")
    write_project(tmp_path, {USE_CASE: text})
    assert messages(tmp_path) == [
        (
            f"{USE_CASE}:33: models.late.task: expected one of 'binary', 'multiclass', "
            "'regression', found 'forecast'"
        )
    ]


def test_a_label_of_texts_is_no_regression(tmp_path: Path) -> None:
    contract = """\
spec_version: 1
table: deliveries.silver.arrivals
columns:
  - {name: order_id, type: bigint}
  - {name: city, type: string}
  - {name: ordered_at, type: timestamp}
  - {name: arrived_at, type: timestamp}
  - {name: late, type: string}
"""
    write_project(
        tmp_path,
        {USE_CASE: REGRESSION, "use_cases/deliveries/contracts/silver.arrivals.yaml": contract},
    )
    assert messages(tmp_path) == [
        (
            f"{USE_CASE}:35: models.late.label.column: expected a column of numbers for task "
            "regression, found late of type string in deliveries.silver.arrivals"
        )
    ]
