import ast
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster import workers
from mlops_dagster.registry.bundle import load_bundle
from mlops_dagster.spec.models import Task
from mlops_dagster.workers import score
from mlops_dagster.workers.score import ScoringModel, loaded, model_input, scorer
from mlops_dagster_tests.registry.worlds import Recipe, rows_of, saved, trained

BINARY = Recipe("hist_gradient_boosting", Task.BINARY)


@pytest.fixture
def model(tmp_path: Path) -> ScoringModel:
    written = saved(tmp_path / "b", BINARY)
    return load_bundle(written.folder, expected_digest=written.digest).for_workers()


def test_nothing_of_the_package_is_imported_by_worker_code() -> None:
    for path in Path(next(iter(workers.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [node.module or ""]
            assert not any(name.startswith("mlops_dagster") for name in names), path


NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=True),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1e6, max_value=1e6),
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(NUMBERS, max_size=8), st.lists(st.one_of(st.none(), st.text(max_size=5)), max_size=8)
)
def test_features_are_doubles_and_texts_whatever_they_came_as(
    numbers: list[bool | int | float | Decimal | None], texts: list[str | None]
) -> None:
    rows = pd.DataFrame({"n": pd.Series(numbers, dtype=object)}).assign(other=1)
    found = model_input(rows, [("n", "number")])["n"]
    assert found.dtype == np.float64
    expected = [np.nan if value is None else float(value) for value in numbers]
    np.testing.assert_array_equal(found.to_numpy(), np.array(expected))

    read = model_input(pd.DataFrame({"t": pd.Series(texts, dtype=object)}), [("t", "category")])
    assert read["t"].tolist() == texts


def test_columns_come_in_the_order_of_the_model() -> None:
    rows = pd.DataFrame({"b": [1], "a": ["x"], "c": [2]}, index=[7])
    found = model_input(rows, [("a", "category"), ("b", "number")])
    assert list(found.columns) == ["a", "b"]
    assert list(found.index) == [7]


def test_a_missing_feature_is_an_error() -> None:
    with pytest.raises(KeyError, match="gone"):
        model_input(pd.DataFrame({"a": [1]}), [("gone", "number")])


def test_the_model_is_constructed_once_in_a_process(model: ScoringModel) -> None:
    assert loaded(model) is loaded(replace(model))
    assert sys.modules["_mlops_dagster_models_of_this_process"]


def test_old_models_leave_the_process(model: ScoringModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "_CACHED_MODELS", 1)
    first = loaded(model)
    score._cache()["another"] = score._cache().pop(model.digest)
    assert loaded(model) is not first
    assert list(score._cache()) == [model.digest]


def test_other_bytes_than_those_of_the_digest_are_refused(model: ScoringModel) -> None:
    with pytest.raises(RuntimeError, match=f"{model.digest} arrived, {'0' * 64} were sent"):
        loaded(replace(model, digest="0" * 64))


def test_another_scikit_learn_on_the_worker_is_refused(model: ScoringModel) -> None:
    with pytest.raises(RuntimeError, match=r"the model was checked with 0\.1\.0"):
        loaded(replace(model, digest="1" * 64, library="0.1.0"))


def test_a_type_that_was_not_trusted_is_not_constructed(model: ScoringModel) -> None:
    score._cache().pop(model.digest, None)
    with pytest.raises(Exception, match="TreePredictor"):
        loaded(replace(model, trusted=()))


def test_batches_keep_their_rows_and_columns(model: ScoringModel) -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            "visit": ["a", "b", "c"],
            "amount": pa.array([0.5, None, 2.0]),
            "age": pa.array([30, 40, None], pa.int32()),
            "member": pa.array([True, None, False]),
            "city": pa.array(["Ulm", None, "(never seen)"]),
        }
    )
    empty = batch.slice(0, 0)
    found, nothing = scorer(model, batch.schema.names)(iter([batch, empty]))
    assert found.select(batch.schema.names) == batch
    assert found.schema.names == [*batch.schema.names, "score"]
    assert found.schema == nothing.schema
    assert nothing.num_rows == 0
    assert all(0 < value < 1 for value in found["score"].to_pylist())


def test_spark_may_know_the_columns_by_plainer_names(model: ScoringModel) -> None:
    names = ["amount", "age", "member", "city"]
    columns = [[0.5, None], [30, 40], [True, None], ["Ulm", None]]
    as_named = pa.RecordBatch.from_pydict(dict(zip(names, columns, strict=True)))
    plain = pa.RecordBatch.from_arrays(as_named.columns, names=["c0", "c1", "c2", "c3"])
    (expected,) = scorer(model, names)(iter([as_named]))
    (found,) = scorer(model, names)(iter([plain]))
    assert found.schema.names == ["c0", "c1", "c2", "c3", "score"]
    assert found["score"] == expected["score"]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("ridge", Task.REGRESSION),
        Recipe("logistic_regression", Task.BINARY),
        Recipe("logistic_regression", Task.MULTICLASS),
        Recipe("logistic_regression", Task.BINARY, "sigmoid"),
        Recipe("hist_gradient_boosting", Task.BINARY, "sigmoid"),
        Recipe("lightgbm", Task.MULTICLASS),
    ],
    ids=str,
)
def test_a_prediction_does_not_depend_on_the_rows_beside_it(recipe: Recipe) -> None:
    fitted, rows = trained(recipe).fitted, rows_of(recipe, 1000)
    alone = fitted.predict(rows)
    rng = np.random.default_rng(1)
    for _ in range(5):
        order = rng.permutation(len(rows))
        cuts = np.sort(rng.integers(1, len(rows), 20))
        pieces = np.split(order, cuts)
        parts = [fitted.predict(rows.take(part.tolist())) for part in pieces if len(part)]
        pd.testing.assert_frame_equal(pd.concat(parts).sort_index(), alone, check_exact=True)
