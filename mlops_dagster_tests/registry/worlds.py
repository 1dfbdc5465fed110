"""Small trained models of every family, and bundles of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from mlops_dagster.registry.bundle import SavedBundle, save_bundle
from mlops_dagster.registry.manifest import BundleColumn, BundleInfo
from mlops_dagster.spec.models import Task
from mlops_dagster.training.train import TrainedModel, train_model
from mlops_dagster_tests.training.worlds import FEATURES, a_model, a_training_set

BOOSTING: Mapping[str, object] = {
    "family": "hist_gradient_boosting",
    "max_iter": 5,
    "min_samples_leaf": 5,
}
LIGHTGBM: Mapping[str, object] = {"family": "lightgbm", "n_estimators": 5, "min_child_samples": 5}
RIDGE: Mapping[str, object] = {"family": "ridge"}
LOGISTIC: Mapping[str, object] = {"family": "logistic_regression"}


@dataclass(frozen=True)
class Recipe:
    """A family, its task and calibration."""

    estimator: str
    task: Task
    calibrate: str = "none"


FAMILIES: Mapping[str, Mapping[str, object]] = {
    "hist_gradient_boosting": BOOSTING,
    "lightgbm": LIGHTGBM,
    "ridge": RIDGE,
    "logistic_regression": LOGISTIC,
}

# Every kind of model that the families can make.
RECIPES = (
    *(Recipe(family, task) for family in ("hist_gradient_boosting", "lightgbm") for task in Task),
    *(
        Recipe(family, Task.BINARY, calibration)
        for family in ("hist_gradient_boosting", "lightgbm", "logistic_regression")
        for calibration in ("isotonic", "sigmoid")
    ),
    Recipe("hist_gradient_boosting", Task.MULTICLASS, "isotonic"),
    Recipe("logistic_regression", Task.BINARY),
    Recipe("logistic_regression", Task.MULTICLASS),
    Recipe("ridge", Task.REGRESSION),
)


@cache
def trained(recipe: Recipe) -> TrainedModel:
    """Train the model of a recipe, once in each process."""
    model = a_model(recipe.task, estimator=FAMILIES[recipe.estimator], calibrate=recipe.calibrate)
    return train_model(a_training_set(recipe.task, rows=300), model=model, features=FEATURES)


def info_of(recipe: Recipe, cutoff_window: str = "2024-01") -> BundleInfo:
    """Return what the bundle of a recipe says it is."""
    found = trained(recipe)
    return BundleInfo(
        model="shop.buys",
        task=recipe.task,
        family=recipe.estimator,
        columns=tuple(BundleColumn.of(feature.name, feature.type) for feature in found.features),
        classes=found.fitted.classes,
        cutoff_window=cutoff_window,
        code_version="1",
        training_digest="t",
        seed=found.seed,
    )


def saved(
    folder: Path,
    recipe: Recipe = RECIPES[0],
    *,
    cutoff_window: str = "2024-01",
    files: Mapping[str, bytes] | None = None,
) -> SavedBundle:
    """Write the bundle of a recipe."""
    found = trained(recipe)
    return save_bundle(
        folder,
        model=found.fitted.estimator,
        info=info_of(recipe, cutoff_window),
        example=found.golden,
        files=files,
    )


def rows_of(recipe: Recipe, count: int = 200) -> pd.DataFrame:
    """Return rows that the model of a recipe was not trained on."""
    return a_training_set(recipe.task, rows=count, seed=5)
