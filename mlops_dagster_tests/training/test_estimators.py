"""Model families: they learn, take nulls and unseen categories, and repeat by their seed."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

from mlops_dagster.errors import HookError, TrainingRefused
from mlops_dagster.spec.hooks import find_hooks
from mlops_dagster.spec.models import Task
from mlops_dagster.training.encoders import MAXIMUM_CATEGORIES
from mlops_dagster.training.estimators import Unfitted, new_pipeline
from mlops_dagster.training.matrix import column_kinds, model_input, read_labels
from mlops_dagster_tests.training.worlds import FEATURES, SMALL_BOOSTING, a_model, a_training_set

LIGHTGBM = {"family": "lightgbm", "n_estimators": 20, "min_child_samples": 5}
FAMILIES = [
    (Task.BINARY, SMALL_BOOSTING),
    (Task.MULTICLASS, SMALL_BOOSTING),
    (Task.REGRESSION, SMALL_BOOSTING),
    (Task.BINARY, LIGHTGBM),
    (Task.MULTICLASS, LIGHTGBM),
    (Task.REGRESSION, LIGHTGBM),
    (Task.BINARY, {"family": "logistic_regression"}),
    (Task.MULTICLASS, {"family": "logistic_regression"}),
    (Task.REGRESSION, {"family": "ridge"}),
]
COLUMNS = column_kinds(FEATURES)


def rows_and_labels(task: Task, *, seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.generic]]:
    frame = a_training_set(task, seed=seed)
    return model_input(frame, COLUMNS), read_labels(frame["label"], task).values


@pytest.mark.parametrize(("task", "estimator"), FAMILIES)
def test_a_family_learns_more_than_the_mean_without_a_warning(
    task: Task, estimator: dict[str, object]
) -> None:
    rows, labels = rows_and_labels(task)
    new_rows, new_labels = rows_and_labels(task, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = new_pipeline(a_model(task, estimator=estimator), COLUMNS, seed=3)
        fitted = made.pipeline.fit(rows, labels, **made.fit_parameters)
        score = fitted.score(new_rows, new_labels)
    most_frequent = np.unique(labels, return_counts=True)[1].max() / len(labels)
    assert score > (0.0 if task is Task.REGRESSION else most_frequent) + 0.1


@pytest.mark.parametrize(("task", "estimator"), FAMILIES)
def test_equal_seeds_give_equal_predictions(task: Task, estimator: dict[str, object]) -> None:
    rows, labels = rows_and_labels(task)
    found = []
    for _ in range(2):
        made = new_pipeline(a_model(task, estimator=estimator), COLUMNS, seed=3)
        found.append(made.pipeline.fit(rows, labels, **made.fit_parameters).predict(rows))
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize(("task", "estimator"), FAMILIES[:6])
def test_the_number_of_threads_does_not_change_the_model(
    task: Task, estimator: dict[str, object]
) -> None:
    rows, labels = rows_and_labels(task)
    found = []
    for threads in (1, 3):
        made = new_pipeline(a_model(task, estimator=estimator), COLUMNS, seed=3)
        with threadpool_limits(limits=threads):
            made.pipeline.fit(rows.head(300), labels[:300], **made.fit_parameters)
        found.append(made.pipeline.predict(rows))
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize(("task", "estimator"), FAMILIES)
def test_nulls_and_unseen_categories_are_predicted_however_null_is_written(
    task: Task, estimator: dict[str, object]
) -> None:
    rows, labels = rows_and_labels(task)
    made = new_pipeline(a_model(task, estimator=estimator), COLUMNS, seed=3)
    fitted = made.pipeline.fit(rows, labels, **made.fit_parameters)
    strange = rows.head(2).copy()
    strange["city"] = ["Atlantis", None]
    strange[["amount", "age", "member"]] = np.nan
    none, nan = strange.copy(), strange.copy()
    nan["city"] = pd.Series(["Atlantis", np.nan], dtype=object, index=nan.index)
    assert np.isin(fitted.predict(none), np.unique(labels)).all() or task is Task.REGRESSION
    assert (fitted.predict(none) == fitted.predict(nan)).all()


@pytest.mark.parametrize("estimator", [SMALL_BOOSTING, LIGHTGBM])
def test_a_category_is_split_by_membership_not_by_the_order_of_its_codes(
    estimator: dict[str, object],
) -> None:
    rng = np.random.default_rng(0)
    city = rng.choice(list("abcdefgh"), 2000)
    labels = np.isin(city, list("aceg")).astype(int)
    rows = pd.DataFrame({"city": city.astype(object)})
    stump = dict(estimator)
    stump["max_iter" if "max_iter" in stump else "n_estimators"] = 1
    stump["max_leaf_nodes" if "max_iter" in stump else "num_leaves"] = 2
    made = new_pipeline(a_model(estimator=stump), (("city", "category"),), seed=0)
    fitted = made.pipeline.fit(rows, labels, **made.fit_parameters)
    # One split of ordered codes could tell at most five of the eight apart.
    scores = fitted.predict_proba(rows)[:, 1]
    assert scores[labels == 1].min() > scores[labels == 0].max()


def test_more_categories_than_the_bins_hold_share_one_code() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"city": [f"c{number}" for number in rng.integers(0, 1000, 5000)]})
    made = new_pipeline(a_model(), (("city", "category"),), seed=0)
    fitted = made.pipeline.fit(rows.astype(object), rng.integers(0, 2, 5000))
    assert len(np.unique(fitted[0].transform(rows))) == MAXIMUM_CATEGORIES


@pytest.mark.parametrize(
    ("task", "estimator", "message"),
    [
        (Task.BINARY, {"family": "ridge"}, "regression, found task: binary .did you mean logis"),
        (Task.REGRESSION, {"family": "logistic_regression"}, "logistic_regression cannot do"),
        (Task.REGRESSION, {**SMALL_BOOSTING, "class_weight": "balanced"}, "no classes to weigh"),
    ],
)
def test_a_family_that_cannot_do_the_task_is_refused(
    task: Task, estimator: dict[str, object], message: str
) -> None:
    with pytest.raises(TrainingRefused, match=message):
        new_pipeline(a_model(task, estimator=estimator), COLUMNS, seed=0)


def test_balanced_weights_raise_the_probability_of_a_rare_class() -> None:
    rows, labels = rows_and_labels(Task.BINARY)
    rare = labels & (np.arange(len(labels)) % 5 == 0)
    means = []
    for weight in ("none", "balanced"):
        made = new_pipeline(
            a_model(estimator={**SMALL_BOOSTING, "class_weight": weight}), COLUMNS, seed=0
        )
        means.append(made.pipeline.fit(rows, rare).predict_proba(rows)[:, 1].mean())
    assert means[1] > means[0] + 0.1


HOOKS = """
from sklearn.dummy import DummyClassifier
from mlops_dagster.hooks import estimator

@estimator
def guess(seed: int) -> DummyClassifier:
    return DummyClassifier(strategy="uniform", random_state=seed)

@estimator
def nothing(seed: int) -> None:
    return None

@estimator
def broken(seed: int) -> None:
    raise RuntimeError("no such family")
"""


@pytest.fixture
def hooks_file(tmp_path: Path) -> Path:
    file = tmp_path / "hooks.py"
    file.write_text(HOOKS)
    return file


def hooked(file: Path, name: str) -> Unfitted:
    source = next(h for h in find_hooks(file, file.read_bytes()) if h.name == name)
    model = replace(a_model(estimator={"family": "hook", "hook": name}), estimator_hook=source)
    return new_pipeline(model, COLUMNS, seed=11)


def test_a_hooks_estimator_is_fitted_behind_the_encoder(hooks_file: Path) -> None:
    made = hooked(hooks_file, "guess")
    rows, labels = rows_and_labels(Task.BINARY)
    fitted = made.pipeline.fit(rows, labels)
    assert fitted[-1].random_state == 11
    assert fitted.predict_proba(rows)[0].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "expected an unfitted scikit-learn estimator.*found NoneType"),
        ("broken", "no such family"),
    ],
)
def test_a_hook_that_gives_no_estimator_is_named(hooks_file: Path, name: str, message: str) -> None:
    with pytest.raises(HookError, match=message):
        hooked(hooks_file, name)
