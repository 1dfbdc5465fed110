"""Bounds of trees, whose compiled prediction follows indices unchecked.

A crafted node array would make it read foreign memory. Found in scikit-learn 1.9: `_predictor.pyx`
of histogram gradient boosting and `_tree.pyx` of trees and forests index nodes, features and
category bitsets without a look at their lengths.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_dagster.errors import ModelRefused


class _BoostedTree(Protocol):
    nodes: NDArray[np.void]
    binned_left_cat_bitsets: NDArray[np.uint32]
    raw_left_cat_bitsets: NDArray[np.uint32]


class _Tree(Protocol):
    n_features: int
    children_left: NDArray[np.int64]
    children_right: NDArray[np.int64]
    feature: NDArray[np.int64]


def check_trees(estimator: object, *, where: str) -> None:
    """Refuse an estimator with a tree that points outside itself, or back to a parent.

    Raises:
        ModelRefused: Such a tree was found.
    """
    for number, problem in enumerate(_problems(estimator)):
        if problem is not None:
            raise ModelRefused(
                "a tree of the model points outside of it",
                where=where,
                expected="indices within the tree",
                found=f"tree {number}: {problem}",
            )


def _problems(estimator: object) -> Iterator[str | None]:
    """Yield what is wrong with each tree inside an estimator, None where nothing is."""
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
        BaseHistGradientBoosting,
    )
    from sklearn.tree._tree import Tree

    for found in _parts(estimator):
        if isinstance(found, BaseHistGradientBoosting) and "_predictors" in vars(found):
            for iteration in found._predictors:
                for tree in iteration:
                    yield _boosted_problem(tree, found.n_features_in_)
        elif isinstance(found, Tree):
            yield _tree_problem(found)


def _tree_problem(tree: _Tree) -> str | None:
    nodes = len(tree.children_left)
    if nodes == 0:
        return "it has no nodes"
    inner = tree.children_left != -1
    for side, child in (("left", tree.children_left), ("right", tree.children_right)):
        if ((child >= nodes) | (child <= np.arange(nodes)))[inner].any():
            return f"a {side} child is not behind its parent"
    if ((tree.feature < 0) | (tree.feature >= tree.n_features))[inner].any():
        return "a node asks for a feature that there is not"
    return None


def _boosted_problem(tree: _BoostedTree, features: int) -> str | None:
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


def _wrong_bitsets(tree: _BoostedTree) -> str | None:
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


def _parts(estimator: object) -> Iterator[object]:
    """Yield an estimator and everything of scikit-learn that it holds, at any depth."""
    waiting: list[object] = [estimator]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, list | tuple):
            waiting.extend(found)
        elif isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, np.ndarray):
            waiting.extend(found.ravel().tolist() if found.dtype == object else ())
        elif type(found).__module__.startswith("sklearn."):
            yield found
            waiting.extend(getattr(found, "__dict__", {}).values())
