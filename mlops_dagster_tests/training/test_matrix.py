"""Features by kind and labels by task."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from mlops_dagster.errors import TrainingRefused
from mlops_dagster.spec.models import Task
from mlops_dagster.training.matrix import class_positions, column_kinds, model_input, read_labels
from mlops_dagster_tests.training.worlds import FEATURES


@pytest.mark.parametrize(
    ("spark_type", "kind"),
    [
        ("int", "number"),
        ("double", "number"),
        ("boolean", "number"),
        ("decimal(10,2)", "number"),
        ("string", "category"),
    ],
)
def test_strings_are_categories_and_the_rest_numbers(spark_type: str, kind: str) -> None:
    assert column_kinds([replace(FEATURES[0], type=spark_type)]) == (("amount", kind),)


@pytest.mark.parametrize("spark_type", ["timestamp", "date", "timestamp_ntz"])
def test_a_time_is_refused_with_the_advice_to_derive_numbers(spark_type: str) -> None:
    with pytest.raises(TrainingRefused, match=r"shop\.silver\.visits\.amount.*Derive numbers"):
        column_kinds([replace(FEATURES[0], type=spark_type)])


def test_nulls_become_nan_in_numbers_and_none_in_categories() -> None:
    rows = pd.DataFrame(
        {
            "money": [Decimal("1.50"), None],
            "flag": pd.Series([True, None], dtype=object),
            "count": pd.Series([3, pd.NA], dtype="Int64"),
            "city": pd.Series(["Ulm", np.nan], dtype=object),
            "other": [1, 2],
        }
    )
    kinds = [("city", "category"), ("money", "number"), ("flag", "number"), ("count", "number")]
    found = model_input(rows, kinds)  # type: ignore[arg-type]
    assert list(found.columns) == ["city", "money", "flag", "count"]
    assert found["city"].tolist() == ["Ulm", None]
    assert found["money"].iloc[0] == 1.5
    assert found["flag"].iloc[0] == 1.0
    assert found[["money", "flag", "count"]].iloc[1].isna().all()
    assert {str(found[name].dtype) for name in found} == {"object", "float64"}


def test_missing_feature_columns_are_named() -> None:
    with pytest.raises(TrainingRefused, match=r"lack feature columns.*found age, city"):
        model_input(
            pd.DataFrame({"amount": [1.0]}),
            (("amount", "number"), ("age", "number"), ("city", "category")),
        )


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, False]),
        pd.Series([True, False], dtype=object),
        pd.Series([1, 0]),
        pd.Series([1.0, 0.0]),
        pd.Series([Decimal(1), Decimal(0)]),
        pd.Series([True, False], dtype="boolean"),
    ],
)
def test_binary_labels_become_one_and_zero(column: pd.Series) -> None:
    found = read_labels(column, Task.BINARY)
    assert found.values.tolist() == [1, 0]
    assert found.classes == (0, 1)


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (["yes", "no"], Task.BINARY, "not a number"),
        ([0, 2], Task.BINARY, r"not yes or no; expected booleans, or 0 and 1, found 2\.0"),
        ([0.5, 1.0], Task.MULTICLASS, "texts or integers"),
        ([1.0, np.inf], Task.REGRESSION, "NaN or infinite, found 1 of 2 rows"),
        (["a", "b"], Task.REGRESSION, "not a number"),
        (list(range(101)), Task.MULTICLASS, "too many classes; expected at most 100, found 101"),
    ],
)
def test_labels_that_do_not_fit_the_task_are_refused(
    values: list[object], task: Task, message: str
) -> None:
    with pytest.raises(TrainingRefused, match=message):
        read_labels(pd.Series(values), task)


def test_multiclass_labels_keep_their_type_and_are_sorted() -> None:
    assert read_labels(pd.Series(["b", "a", "b"]), Task.MULTICLASS).classes == ("a", "b")
    # pandas turns integers into floats when some rows have none.
    assert read_labels(pd.Series([30.0, 4.0]), Task.MULTICLASS).classes == (4, 30)


def test_a_label_outside_the_classes_has_position_minus_one() -> None:
    assert class_positions(np.array(["b", "z"]), ("a", "b")).tolist() == [1, -1]
