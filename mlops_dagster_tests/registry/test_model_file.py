import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.model_file import check_model, construct_model, model_bytes
from mlops_dagster.registry.reviewed_types import REVIEWED, reviewed_types
from mlops_dagster.workers.score import predictions
from mlops_dagster_tests.registry import digest_in_process
from mlops_dagster_tests.registry.worlds import RECIPES, Recipe, info_of, rows_of, trained

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_every_model_that_training_makes_is_stored_and_predicts_the_same(recipe: Recipe) -> None:
    found = trained(recipe)
    data = model_bytes(found.fitted.estimator)

    stored = construct_model(data, check_model(data, recipe.estimator, where="here"), where="here")

    info, rows = info_of(recipe), rows_of(recipe)
    again = predictions(stored, rows, info.signature)
    for name, values in found.fitted.predict(rows).items():
        assert [np.asarray(v).tolist() for v in again[name]] == [
            np.asarray(v).tolist() for v in values
        ]
    assert model_bytes(stored) == data


def test_training_again_in_another_process_gives_the_same_bytes() -> None:
    done = subprocess.run(
        [sys.executable, digest_in_process.__file__],
        capture_output=True,
        text=True,
        check=True,
        timeout=280,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "77",
            "OMP_NUM_THREADS": "1",
        },
    )
    ours = [model_bytes(trained(recipe).fitted.estimator) for recipe in RECIPES]
    assert done.stdout.split() == [hashlib.sha256(data).hexdigest() for data in ours]


def test_a_model_of_another_family_is_refused_by_the_name_of_its_type() -> None:
    data = model_bytes(Ridge().fit([[1.0], [2.0]], [1.0, 2.0]))
    with pytest.raises(
        ModelRefused,
        match=r"there: .*not on the reviewed list.* found sklearn\.linear_model\._ridge\.Ridge",
    ):
        check_model(data, "logistic_regression", where="there")


def test_a_function_in_a_model_is_refused_though_skops_trusts_it() -> None:
    data = skops.io.dumps(Pipeline([("log", FunctionTransformer(np.log1p))]).fit([[1.0]]))
    assert skops.io.get_untrusted_types(data=data) == []
    with pytest.raises(ModelRefused, match=r"found numpy\.\S*log1p"):
        check_model(data, "ridge", where="there")


@pytest.mark.parametrize("family", [*REVIEWED, "hook"])
def test_a_function_of_the_operating_system_in_a_model_is_refused(
    family: str,
) -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    model.coef_ = {"a": os.system}
    data = skops.io.dumps(model)
    with pytest.raises(ModelRefused, match=r"posix\.system"):
        check_model(data, family, where="there")


class Unstorable:
    """Has a state that cannot be had."""

    def __getstate__(self) -> object:
        raise TypeError("this has no state")


def test_what_skops_cannot_store_is_refused_when_saving() -> None:
    with pytest.raises(ModelRefused, match="cannot be stored as skops"):
        model_bytes(Ridge(alpha=Unstorable()))


def test_an_estimator_of_hooks_may_be_any_of_scikit_learn() -> None:
    data = model_bytes(
        RandomForestClassifier(n_estimators=2, random_state=0).fit([[0.0], [1.0]], [0, 1])
    )
    check_model(data, "hook", where="there")
    with pytest.raises(ModelRefused, match="RandomForestClassifier"):
        check_model(data, "hist_gradient_boosting", where="there")


def test_an_unknown_family_may_hold_nothing() -> None:
    assert reviewed_types("from_the_future") == frozenset()
    with pytest.raises(ModelRefused, match="not on the reviewed list"):
        check_model(model_bytes(Ridge()), "from_the_future", where="there")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no skops archive"),
        (b"\x80\x04\x95pickle", "no skops archive"),
        (b"PK\x03\x04 but not really", "no skops archive"),
    ],
)
def test_other_files_are_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ModelRefused, match=problem):
        check_model(data, "ridge", where="there")


def test_a_compressed_archive_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 50_000_000)
    with pytest.raises(ModelRefused, match=r"compressed or larger than the file"):
        check_model(buffer.getvalue(), "ridge", where="there")


def test_a_schema_without_end_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", "[" * 200_000)
    with pytest.raises(ModelRefused, match="no skops archive"):
        check_model(buffer.getvalue(), "ridge", where="there")


def test_every_reviewed_type_exists_here() -> None:
    import importlib

    for name in frozenset().union(*REVIEWED.values()):
        module, _, attribute = name.rpartition(".")
        if name not in ("numpy.bool", "numpy.bool_"):
            assert hasattr(importlib.import_module(module), attribute), name
