"""Counting on cells in one process, and shipping the counter by value."""

import base64
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark import cloudpickle

from mlops_dagster.workers import profile as worker
from mlops_dagster.workers.profile import (
    CategoryCells,
    NumericCells,
    SliceValues,
    category_text,
    cells_of,
    counter,
)

Place = tuple[str | None, str | None, str]

EDGES = (-1.0, 0.0, float(np.nextafter(5.0, -np.inf)), 5.0)


def counted(
    table: pa.Table, *columns: worker.Cells, slices: tuple[SliceValues, ...] = ()
) -> Mapping[Place, dict[str, Any]]:
    rows = [
        row
        for batch in counter(columns, slices)(iter(table.to_batches(max_chunksize=3)))
        for row in batch.to_pylist()
    ]
    return {(row["slice_key"], row["slice_value"], row["column"]): row for row in rows}


def cell_by_hand(value: float) -> int:
    return sum(1 for edge in EDGES if value > edge)


@given(st.lists(st.none() | st.floats() | st.sampled_from(EDGES), max_size=40))
def test_a_number_lies_in_the_cell_whose_upper_edge_it_does_not_pass(
    values: list[float | None],
) -> None:
    column = NumericCells("x", EDGES, 0.0)
    found = cells_of(pa.array(values, pa.float64()), column).tolist()
    by_hand = [-1 if v is None or math.isnan(v) else cell_by_hand(v) for v in values]
    assert found == by_hand


@given(st.lists(st.none() | st.floats(-1e6, 1e6) | st.just(math.nan), max_size=30))
def test_counts_are_those_of_plain_python_over_any_batches(values: list[float | None]) -> None:
    table = pa.table({"x": pa.array(values, pa.float64())})
    row = counted(table, NumericCells("x", EDGES, 2.0))[None, None, "x"]
    numbers = [v for v in values if v is not None and not math.isnan(v)]
    assert row["rows"] == len(values)
    assert row["nulls"] == sum(v is None for v in values)
    assert row["nans"] == sum(v is not None and math.isnan(v) for v in values)
    assert row["zeros"] == sum(v == 0 for v in numbers)
    assert row["low"] == min(numbers, default=None)
    assert row["high"] == max(numbers, default=None)
    assert row["counts"] == [sum(cell_by_hand(v) == c for v in numbers) for c in range(5)]
    assert row["sums"] == pytest.approx(
        [math.fsum(v for v in numbers if cell_by_hand(v) == c) for c in range(5)], abs=1e-6
    )
    assert row["moments"][0] == pytest.approx(math.fsum(v - 2 for v in numbers), abs=1e-6)
    assert row["moments"][1] == pytest.approx(math.fsum((v - 2) ** 2 for v in numbers), rel=1e-9)


def test_infinities_lie_in_the_outer_cells_and_in_no_sum() -> None:
    table = pa.table({"x": [math.inf, -math.inf, 1.0]})
    row = counted(table, NumericCells("x", EDGES, 0.0))[None, None, "x"]
    assert row["counts"] == [1, 0, 1, 0, 1]
    assert (row["positive_infinities"], row["negative_infinities"]) == (1, 1)
    assert row["sums"] == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert (row["low"], row["high"]) == (1.0, 1.0)


def test_values_never_seen_lie_in_the_last_cell_with_examples_most_frequent_first() -> None:
    table = pa.table({"c": ["a", "ü", "new", "new", "newer", None, "a"]})
    column = CategoryCells("c", {"a": 0, "ü": 1}, 2, 0, True)
    row = counted(table, column)[None, None, "c"]
    assert row["counts"] == [2, 1, 3]
    assert row["nulls"] == 1
    assert {item["value"]: item["count"] for item in row["unseen"]} == {"new": 2, "newer": 1}
    assert row["unseen"][0]["value"] == "new"


def test_unknown_values_of_an_incomplete_dictionary_go_to_their_hash_cell() -> None:
    column = CategoryCells("c", {"a": 0}, 1, 4, complete=False)
    row = counted(pa.table({"c": ["a", "b", "b"]}), column)[None, None, "c"]
    assert row["counts"][0] == 1
    assert sorted(row["counts"][1:5]) == [0, 0, 0, 2]
    assert row["counts"][5] == 0


def test_slices_are_counted_in_the_same_pass_and_unlisted_values_left_out() -> None:
    table = pa.table({"x": [1.0, 2.0, None, 9.0], "s": ["p", "q", "p", "other"]})
    rows = counted(table, NumericCells("x", EDGES, 0.0), slices=(SliceValues("s", ("p", "q")),))
    assert rows["s", "p", "x"]["rows"] == 2
    assert rows["s", "p", "x"]["nulls"] == 1
    assert rows["s", "q", "x"]["high"] == 2.0
    assert rows[None, None, "x"]["rows"] == 4


def test_a_partition_without_rows_yields_zeros() -> None:
    row = counted(pa.table({"x": pa.array([], pa.float64())}), NumericCells("x", EDGES, 0.0))
    assert row[None, None, "x"]["rows"] == 0
    assert row[None, None, "x"]["low"] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (np.float64(3.0), "3"),
        (1.5, "1.5"),
        (True, "true"),
        (np.bool_(False), "false"),
        (None, None),
        (math.nan, None),
        ("ü", "ü"),
    ],
)
def test_a_category_has_one_text_however_pandas_carries_it(value: object, text: str | None) -> None:
    assert category_text(value) == text


def test_the_counter_runs_where_this_package_cannot_be_imported() -> None:
    cloudpickle.register_pickle_by_value(worker)  # type: ignore[no-untyped-call]
    columns: list[worker.Cells] = [
        NumericCells("x", EDGES, 0.0),
        CategoryCells("c", {"a": 0}, 1, 0, True),
    ]
    count = counter(columns, [SliceValues("c", ("a",))])
    shipped = base64.b64encode(cloudpickle.dumps(count))  # type: ignore[no-untyped-call]
    program = f"""
import base64, pickle, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "mlops_dagster":
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import pyarrow as pa
count = pickle.loads(base64.b64decode({shipped!r}))
batch = pa.record_batch({{"x": [1.0, None], "c": ["a", "b"]}})
print([row["counts"] for out in count(iter([batch])) for row in out.to_pylist()])
"""
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert out.stdout.strip() == "[[0, 0, 1, 0, 0], [1, 1], [0, 0, 1, 0, 0], [1, 0]]", out.stderr
