"""Bounds of boosted trees, whose compiled prediction follows indices unchecked.

A crafted node array would make it read foreign memory. Found in scikit-learn 1.9: `_predictor.pyx`
indexes `nodes`, the row and the category bitsets without a look at their lengths.
"""

from collections.abc import Iterator
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from mlops_dagster.errors import ModelRefused


class _Trees(Protocol):
    n_features_in_: int
    _predictors: list[list["_Tree"]]


class _Tree(Protocol):
    nodes: NDArray[np.void]
    binned_left_cat_bitsets: NDArray[np.uint32]
    raw_left_cat_bitsets: NDArray[np.uint32]


def check_trees(estimator: object, *, where: str) -> None:
    """Refuse an estimator with a tree that points outside itself, or back to a parent.

    Raises:
        ModelRefused: Such a tree was found.
    """
    for model in _boosted(estimator):
        features = model.n_features_in_
        for number, tree in enumerate(tree for step in model._predictors for tree in step):
            problem = _problem(tree, features)
            if problem is not None:
                raise ModelRefused(
                    "a tree of the model points outside of it",
                    where=where,
                    expected="indices within the tree",
                    found=f"tree {number}: {problem}",
                )


def _problem(tree: _Tree, features: int) -> str | None:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes = tree.nodes
    if not isinstance(nodes, np.ndarray) or nodes.dtype != PREDICTOR_RECORD_DTYPE:
        return "its nodes are of another type"
    if nodes.ndim != 1 or len(nodes) == 0:
        return "it has no nodes"
    return _wrong_nodes(nodes, features) or _wrong_bitsets(tree)


def _wrong_nodes(nodes: NDArray[np.void], features: int) -> str | None:
    positions = np.arange(len(nodes))
    inner = nodes["is_leaf"] == 0
    for side in ("left", "right"):
        child = nodes[side].astype(np.int64)
        # Children follow their parent, so a walk always ends.
        if ((child >= len(nodes)) | (child <= positions))[inner].any():
            return f"a {side} child is not behind its parent"
    feature = nodes["feature_idx"].astype(np.int64)
    if ((feature < 0) | (feature >= features))[inner].any():
        return "a node asks for a feature that there is not"
    return None


def _wrong_bitsets(tree: _Tree) -> str | None:
    nodes = tree.nodes
    categorical = (nodes["is_leaf"] == 0) & (nodes["is_categorical"] != 0)
    for bitsets in (tree.binned_left_cat_bitsets, tree.raw_left_cat_bitsets):
        if not isinstance(bitsets, np.ndarray) or bitsets.dtype != np.uint32:
            return "its bitsets are of another type"
        if bitsets.ndim != 2 or bitsets.shape[1] != 8:
            return "its bitsets are of another shape"
        if (nodes["bitset_idx"].astype(np.int64) >= len(bitsets))[categorical].any():
            return "a node asks for a bitset that there is not"
    return None


def _boosted(estimator: object) -> Iterator[_Trees]:
    """Yield every histogram gradient boosting model inside an estimator."""
    from sklearn.base import BaseEstimator
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
        BaseHistGradientBoosting,
    )

    waiting: list[object] = [estimator]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, BaseHistGradientBoosting) and "_predictors" in vars(found):
            yield cast(_Trees, found)
        if isinstance(found, list | tuple):
            waiting.extend(found)
        elif isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, BaseEstimator) or type(found).__module__.startswith("sklearn."):
            waiting.extend(vars(found).values() if hasattr(found, "__dict__") else ())
