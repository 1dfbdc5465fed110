"""Training: what comes out, what is refused, and that the same rows give the same model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, roc_auc_score

from mlops_dagster.errors import HookError, TrainingRefused
from mlops_dagster.features.columns import FeatureColumn
from mlops_dagster.spec.hooks import find_hooks
from mlops_dagster.spec.models import Task
from mlops_dagster.training import checks
from mlops_dagster.training.train import TrainedModel, load_metric_hooks, train_model
from mlops_dagster_tests.training.worlds import FEATURES, ROWS, a_model, a_training_set

LIGHTGBM = {"family": "lightgbm", "n_estimators": 20, "min_child_samples": 5}


def train(
    frame: pd.DataFrame, task: Task = Task.BINARY, *, calibrate: str = "none"
) -> TrainedModel:
    return train_model(frame, model=a_model(task, calibrate=calibrate), features=FEATURES)


@pytest.fixture(scope="module")
def found() -> TrainedModel:
    return train_model(
        a_training_set(rows=1500), model=a_model(calibrate="isotonic"), features=FEATURES
    )


def test_metrics_are_those_of_the_hold_out_rows(found: TrainedModel) -> None:
    frame = a_training_set(rows=1500)
    held_out = frame[frame["split"] == "holdout"]
    scores = found.fitted.predict(held_out)["score"]
    metric = found.evaluation.metric("roc_auc")
    assert metric is not None
    assert metric.value == pytest.approx(roc_auc_score(held_out["label"].astype(bool), scores))
    assert metric.interval is not None
    assert (metric.interval.grouped_by, metric.interval.groups) == ("day", 6)
    assert found.fit_rows == len(frame) - len(held_out)


def test_the_baseline_frame_has_all_hold_out_rows_with_their_predictions() -> None:
    frame = a_training_set()
    frame["label"] = frame["label"].astype(object)
    frame.loc[:4, ["label", "label_state"]] = [None, "never"]
    trained = train(frame)
    held_out = frame[frame["split"] == "holdout"].set_index("visit")
    baseline = trained.holdout.set_index("visit")
    assert set(baseline.index) == set(held_out.index)
    assert trained.evaluation.rows == len(held_out) - 5
    expected = trained.fitted.predict(held_out.loc[baseline.index])["score"]
    assert baseline["score"].tolist() == expected.tolist()


@pytest.mark.parametrize("task", Task)
def test_another_order_of_rows_gives_the_same_model(task: Task) -> None:
    frame = a_training_set(task)
    calibrate = "none" if task is Task.REGRESSION else "isotonic"
    shuffled = frame.sample(frac=1, random_state=3).reset_index(drop=True)
    one, other = train(frame, task, calibrate=calibrate), train(shuffled, task, calibrate=calibrate)
    assert (one.outcome.predicted == other.outcome.predicted).all()
    assert one.evaluation == other.evaluation
    assert one.importances == other.importances


def test_rows_that_only_their_features_tell_apart_are_ordered_too() -> None:
    frame = a_training_set().drop(columns=["visit", "event_time"])
    shuffled = frame.sample(frac=1, random_state=3).reset_index(drop=True)
    assert train(frame).evaluation == train(shuffled).evaluation


def test_another_seed_is_used_instead_of_the_models() -> None:
    frame = a_training_set()
    model = a_model(estimator={**LIGHTGBM, "n_estimators": 5}, calibrate="none")
    trained = train_model(frame, model=model, features=FEATURES, seed=99)
    assert trained.seed == 99
    assert trained.fitted.estimator[-1].random_state == 99


def test_the_hold_out_does_not_reach_the_model() -> None:
    frame = a_training_set()
    changed = frame.copy()
    held_out = changed["split"] == "holdout"
    changed.loc[held_out, "amount"] = 99.0
    changed.loc[held_out, "city"] = "Atlantis"
    changed.loc[held_out, "label"] = ~changed.loc[held_out, "label"].astype(bool)
    probe = frame[frame["split"] == "fit"].head(50)
    one, other = train(frame, calibrate="isotonic"), train(changed, calibrate="isotonic")
    assert one.fitted.predict(probe).equals(other.fitted.predict(probe))


def test_unlabelled_rows_are_not_fitted_on() -> None:
    frame = a_training_set()
    frame["label"] = frame["label"].astype(object)
    gone = frame.index[(frame["split"] == "fit")][:100]
    frame.loc[gone, ["label", "label_state"]] = [None, "pending"]
    one, other = train(frame), train(frame.drop(gone))
    assert one.fit_rows == other.fit_rows
    assert (one.outcome.predicted == other.outcome.predicted).all()


@pytest.mark.parametrize("estimator", [None, LIGHTGBM, {"family": "ridge"}])
def test_a_regression_beats_the_mean(estimator: dict[str, object] | None) -> None:
    frame = a_training_set(Task.REGRESSION)
    trained = train_model(
        frame, model=a_model(Task.REGRESSION, estimator=estimator), features=FEATURES
    )
    fit_mean = frame.loc[frame["split"] == "fit", "label"].mean()
    error = trained.evaluation.values["mean_absolute_error"]
    guess = mean_absolute_error(trained.outcome.actual, np.full(trained.outcome.rows, fit_mean))
    assert error is not None
    assert error < 0.8 * guess


def test_multiclass_predictions_are_labels_with_probabilities() -> None:
    trained = train(a_training_set(Task.MULTICLASS), Task.MULTICLASS, calibrate="sigmoid")
    assert trained.fitted.classes == ("0", "1", "2")
    assert set(trained.holdout["prediction"]) <= {"0", "1", "2"}
    assert np.allclose(trained.outcome.predicted.sum(axis=1), 1)
    assert trained.evaluation.values["accuracy"] > 0.5  # type: ignore[operator]


def test_constant_features_are_left_out_with_a_warning() -> None:
    frame = a_training_set().assign(country="DE", nothing=np.nan)
    extra = (
        FeatureColumn(ROWS, "country", "country", "string"),
        FeatureColumn(ROWS, "nothing", "nothing", "double"),
    )
    trained = train_model(frame, model=a_model(), features=(*FEATURES, *extra))
    assert trained.dropped_features == ("country", "nothing")
    assert trained.features == FEATURES
    assert "left out, one value on all fit rows: country, nothing" in trained.evaluation.warnings


def test_the_features_that_make_the_label_are_the_important_ones(found: TrainedModel) -> None:
    order = [importance.feature for importance in found.importances]
    assert order[0] == "amount"
    assert order[-1] == "age"
    assert {importance.metric for importance in found.importances} == {"roc_auc"}


def test_golden_rows_span_the_predictions_and_hold_nulls_and_unseen_categories(
    found: TrainedModel,
) -> None:
    golden = found.golden
    scores = found.fitted.predict(golden)["score"]
    assert scores.notna().all()
    assert scores.min() == found.outcome.predicted.min()
    assert scores.max() == found.outcome.predicted.max()
    assert golden.isna().all(axis=1).sum() == 1
    assert (golden["city"] == "(never seen)").sum() == 1
    assert golden["city"].map(type).isin([str, type(None)]).all()


def test_an_evaluation_survives_json(found: TrainedModel) -> None:
    text = found.evaluation.model_dump_json()
    assert type(found.evaluation).model_validate_json(text) == found.evaluation
    assert "NaN" not in text


def changed(**columns: str | float | list[bool | None] | None) -> pd.DataFrame:
    frame = a_training_set()
    for name, values in columns.items():
        frame[name] = values
    return frame


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (a_training_set().head(40), r"shop\.buys: too few labelled rows.*at least 50, found 2\d"),
        (changed(label=None, label_state="pending"), "too few labelled rows.*found 0"),
        (changed(split="fit"), "no labelled rows to evaluate on, found 0 hold-out rows"),
        (changed(label=True), "same label: there is nothing to learn.*found 1"),
        (changed(label="yes"), "label of a binary model is not a number"),
        (changed(label=[None, *[True] * 599]), "labels are NaN or infinite, found 1 of 600 rows"),
        (changed(amount=np.inf), "features are infinite, found amount"),
        (changed(amount=1.0, age=2, member=None, city="x"), "no feature varies"),
        (a_training_set().drop(columns="age"), "lack feature columns, found age"),
    ],
)
def test_a_training_set_that_cannot_give_a_model_is_refused(
    frame: pd.DataFrame, message: str
) -> None:
    with pytest.raises(TrainingRefused, match=message):
        train(frame)


def test_a_training_set_too_large_for_the_client_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "MAXIMUM_CELLS", 1000)
    with pytest.raises(TrainingRefused, match="1,000 values, found 600 rows of 4 features"):
        train(a_training_set())


def test_a_regression_has_nothing_to_calibrate() -> None:
    with pytest.raises(TrainingRefused, match=r"train\.calibrate: shop\.buys is a regression"):
        train(a_training_set(Task.REGRESSION), Task.REGRESSION, calibrate="isotonic")


HOOKS = """
import numpy as np
from mlops_dagster.hooks import metric

@metric(lower_is_better=True)
def missed_sales(actual, predicted):
    return float(np.mean(actual * (1 - predicted)))
"""


def test_a_metric_hook_is_measured_with_an_interval(tmp_path: Path) -> None:
    file = tmp_path / "hooks.py"
    file.write_text(HOOKS)
    model = replace(a_model(), metric_hooks=find_hooks(file, file.read_bytes()))
    trained = train_model(
        a_training_set(), model=model, features=FEATURES, hooks=load_metric_hooks(model)
    )
    measured = trained.evaluation.metric("missed_sales")
    expected = float(np.mean(trained.outcome.actual * (1 - trained.outcome.predicted)))
    assert measured is not None
    assert measured.value == pytest.approx(expected)
    assert measured.lower_is_better
    assert measured.interval is not None


def test_a_metric_hook_without_a_direction_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hooks.py"
    file.write_text(HOOKS.replace("lower_is_better=True", ""))
    model = replace(a_model(), metric_hooks=find_hooks(file, file.read_bytes()))
    with pytest.raises(HookError, match="missed_sales does not say which direction is better"):
        load_metric_hooks(model)
