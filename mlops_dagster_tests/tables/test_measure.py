import math
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.tables.measure import Measure, measure, measure_local

SCHEMA = "id bigint, x double, name string, tags array<string>"
rows = st.lists(
    st.tuples(
        st.none() | st.integers(-2, 2),
        st.none() | st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf]),
        st.none() | st.sampled_from(["", "a", "b"]),
        st.none() | st.lists(st.none() | st.sampled_from(["a", "b"]), max_size=2),
    ),
    max_size=6,
)


def canonical(row: tuple[object, ...]) -> str:
    """Rows that are equal by value, whatever their float's sign of zero."""
    return repr(tuple(0.0 if value == 0.0 and isinstance(value, float) else value for value in row))


def digests(spark: SparkSession, *tables: list[tuple[object, ...]]) -> list[str]:
    return [measure(spark.createDataFrame(table, SCHEMA)).digest for table in tables]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows, rows, st.randoms())
def test_digests_are_equal_for_equal_multisets_of_rows_only(
    spark: SparkSession,
    left: list[tuple[object, ...]],
    right: list[tuple[object, ...]],
    random: object,
) -> None:
    shuffled = sorted(left, key=repr, reverse=True)
    first, again, other = digests(spark, left, shuffled, right)
    assert first == again
    same = sorted(map(canonical, left)) == sorted(map(canonical, right))
    assert (first == other) == same


def frame(spark: SparkSession, *rows: tuple[object, ...], schema: str) -> DataFrame:
    return spark.createDataFrame(list(rows), schema)


def test_small_changes_give_other_digests(spark: SparkSession) -> None:
    base = "a string, b string, c int"
    different = [
        frame(spark, ("x", None, 1), schema=base),
        frame(spark, (None, "x", 1), schema=base),
        frame(spark, ("x", "", 1), schema=base),
        frame(spark, ("x", None, 1), ("x", None, 1), schema=base),
        frame(spark, ("x", None, 1), schema="a string, d string, c int"),
        frame(spark, ("x", None, 1), schema="a string, b string, c bigint"),
        frame(spark, ("x", None, 1), schema=base).where(F.lit(False)),
        frame(spark, ([1, None],), schema="a array<int>"),
        frame(spark, ([None, 1],), schema="a array<int>"),
        frame(spark, ([],), schema="a array<int>"),
        frame(spark, (None,), schema="a array<int>"),
    ]
    found = [measure(one).digest for one in different]
    assert len(set(found)) == len(found)


def test_the_order_of_columns_and_of_map_entries_and_the_kind_of_nan_do_not_matter(
    spark: SparkSession,
) -> None:
    left = spark.sql("select 1 as a, double('nan') as b, map('x', 1, 'y', 2) as m")
    right = spark.sql("select map('y', 2, 'x', 1) as m, -double('nan') as b, 1 as a")
    assert measure(left).digest == measure(right).digest


def test_many_nullable_columns_are_told_apart(spark: SparkSession) -> None:
    names = [f"c{n}" for n in range(130)]
    schema = ", ".join(f"{name} int" for name in names)

    def only(place: int) -> str:
        row = tuple(7 if n == place else None for n in range(len(names)))
        return measure(frame(spark, row, schema=schema)).digest

    assert len({only(0), only(61), only(62), only(129)}) == 4


def test_further_aggregates_come_from_the_same_query(spark: SparkSession) -> None:
    schema = "at timestamp"
    found = measure(
        frame(spark, (datetime(2013, 1, 1),), (datetime(2013, 1, 2),), schema=schema),
        {"latest": F.max("at"), "any": F.count_if(F.col("at").isNull())},
    )
    assert found.rows == 2
    assert found.aggregates == {"latest": datetime(2013, 1, 2), "any": 0}


def local(*rows: tuple[object, ...], ddl: str = "a string, b double") -> Measure:
    return measure_local(pd.DataFrame(list(rows), columns=["a", "b"], dtype=object), ddl=ddl)


def test_rows_on_this_machine_are_digested_in_any_order_and_by_value() -> None:
    first = local(("x", 0.0), ("y", None), ("z", [1.5, {"p": 1, "q": None}]))
    again = local(
        ("z", np.array([1.5, {"q": np.nan, "p": np.int64(1)}], dtype=object)),
        ("x", np.float64(-0.0)),
        ("y", math.nan),
    )
    assert first == again
    assert first.rows == 3


@pytest.mark.parametrize(
    "other",
    [
        local(("x", 0.5)),
        local(("x", 1.0), ("x", 1.0)),
        local(("y", 1.0)),
        local((None, 1.0)),
        local(("x", 1.0), ddl="a string, b float"),
        local(("x", "1.0")),
        local(),
    ],
)
def test_other_rows_on_this_machine_have_another_digest(other: Measure) -> None:
    assert other.digest != local(("x", 1.0)).digest
