import copy
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.pipeline import Pipeline

from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.model_file import check_model, construct_model, model_bytes
from mlops_dagster.registry.tree_bounds import check_trees
from mlops_dagster.spec.models import Task
from mlops_dagster_tests.registry.worlds import Recipe, trained

PLAIN = Recipe("hist_gradient_boosting", Task.BINARY)
CALIBRATED = Recipe("hist_gradient_boosting", Task.BINARY, "isotonic")


def first_trees(estimator: object) -> list[TreePredictor]:
    """Return the trees of the first iteration of the (calibrated) pipeline."""
    if isinstance(estimator, CalibratedClassifierCV):
        estimator = estimator.calibrated_classifiers_[0].estimator
    assert isinstance(estimator, Pipeline)
    trees: list[TreePredictor] = estimator["model"]._predictors[0]
    return trees


def set_left(tree: TreePredictor) -> None:
    tree.nodes["left"][0] = 10_000_000


def set_loop(tree: TreePredictor) -> None:
    tree.nodes["right"][0] = 0


def set_feature(tree: TreePredictor) -> None:
    tree.nodes["feature_idx"][0] = 4


def set_negative_feature(tree: TreePredictor) -> None:
    tree.nodes["feature_idx"][0] = -3


def set_bitset(tree: TreePredictor) -> None:
    tree.nodes["is_categorical"][0] = 1
    tree.nodes["bitset_idx"][0] = 4_000_000


def set_empty(tree: TreePredictor) -> None:
    tree.nodes = tree.nodes[:0]


def set_other_type(tree: TreePredictor) -> None:
    tree.nodes = np.zeros(3)


def set_narrow_bitsets(tree: TreePredictor) -> None:
    tree.raw_left_cat_bitsets = np.zeros((1, 1), dtype=np.uint32)


@pytest.mark.parametrize("recipe", [PLAIN, CALIBRATED], ids=str)
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (set_left, "a left child is not behind its parent"),
        (set_loop, "a right child is not behind its parent"),
        (set_feature, "a feature that there is not"),
        (set_negative_feature, "a feature that there is not"),
        (set_bitset, "a bitset that there is not"),
        (set_empty, "no nodes"),
        (set_other_type, "(another type|Cannot cast)"),
        (set_narrow_bitsets, "bitsets are of another shape"),
    ],
)
def test_a_crafted_tree_is_refused_before_it_predicts(
    recipe: Recipe, change: Callable[[TreePredictor], None], problem: str
) -> None:
    estimator = copy.deepcopy(trained(recipe).fitted.estimator)
    change(first_trees(estimator)[0])
    data = model_bytes(estimator)
    types = check_model(data, "hist_gradient_boosting", where="there")
    with pytest.raises(ModelRefused, match=f"there: .*{problem}"):
        construct_model(data, types, where="there")


def test_trained_trees_are_within_their_bounds() -> None:
    for task in Task:
        check_trees(trained(Recipe("hist_gradient_boosting", task)).fitted.estimator, where="here")


@pytest.mark.parametrize("boosted", [False, True])
def test_forests_of_hooks_are_looked_at_too(boosted: bool) -> None:
    rows, labels = [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], [0, 1, 1]
    kind = GradientBoostingClassifier if boosted else RandomForestClassifier
    forest = kind(n_estimators=2, random_state=0).fit(rows, labels)
    data = model_bytes(forest)
    types = check_model(data, "hook", where="there")
    assert isinstance(construct_model(data, types, where="there"), kind)

    np.ravel(forest.estimators_)[-1].tree_.feature[0] = 9
    with pytest.raises(ModelRefused, match="a feature that there is not"):
        construct_model(model_bytes(forest), types, where="there")
