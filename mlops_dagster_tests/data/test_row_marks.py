"""Marks of rows: of the delivered rows with a content, none is ever missed."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.contracts import contract_of, ddl_of
from mlops_dagster.data.delivery import IS_UNREADABLE, RAW, Delivery
from mlops_dagster.data.row_ids import payload_of
from mlops_dagster.data.row_marks import mark_of, marks_of, may_be_row
from mlops_dagster.spec.refs import TableRef

REF = TableRef("shop", "bronze", "sales")
NEW_YEAR = datetime(2013, 1, 1, tzinfo=timezone.utc)
TYPES = {
    "tiny": "tinyint",
    "small": "smallint",
    "number": "int",
    "id": "bigint",
    "yes": "boolean",
    "ratio": "float",
    "amount": "double",
    "price": "decimal(12,2)",
    "exact": "decimal(38,18)",
    "name": "string",
    "day": "date",
    "at": "timestamp",
    "local": "timestamp_ntz",
    "raw": "binary",
    "tags": "map<string,double>",
    "places": "array<struct<x:double,name:string>>",
}
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=6)
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
reals = st.floats() | st.sampled_from([-0.0, 0.0, float("nan"), 5e-324, 1e16, 0.1])
rows = st.tuples(
    *(st.none() | st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)),
    st.none() | st.booleans(),
    st.none() | st.floats(width=32),
    st.none() | reals,
    st.none() | st.decimals(-(10**9), 10**9, places=2),
    st.none() | st.decimals(-(10**9), 10**9, places=18),
    st.none() | texts,
    st.none() | st.dates(),
    st.none() | moments.map(lambda moment: moment.replace(tzinfo=timezone.utc)),
    st.none() | moments,
    st.none() | st.binary(max_size=4),
    st.none() | st.dictionaries(texts, st.none() | reals, max_size=2),
    st.none() | st.lists(st.none() | st.tuples(reals, st.none() | texts), max_size=2),
)


def delivery_of(frame: DataFrame, types: dict[str, str]) -> Delivery:
    return Delivery(frame, contract_of(REF, types), contract_is_new=False)


def marked(delivery: Delivery) -> list[tuple[str, int]]:
    """The content and the mark of each row."""
    mark = mark_of(delivery)
    assert mark is not None
    found = delivery.frame.select(payload_of(delivery).alias("content"), mark.alias("mark"))
    return [(row["content"], row["mark"]) for row in found.collect()]


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.lists(rows, min_size=30, max_size=60))
def test_a_row_has_one_of_the_marks_of_its_content(
    spark: SparkSession, drawn: list[tuple[object, ...]]
) -> None:
    contract = contract_of(REF, TYPES)
    delivery = delivery_of(spark.createDataFrame(drawn, ddl_of(contract)), TYPES)
    found = marked(delivery)
    marks = marks_of(spark, delivery, [content for content, _ in found])
    assert marks is not None
    assert {mark for _, mark in found} <= marks
    # Half of the contents find half of the rows, but for what is alike.
    half = dict(found[::2])
    few = marks_of(spark, delivery, list(half))
    assert few == frozenset(mark for content, mark in found if content in half)


STRANGE = (
    "timestamp_micros(253402300800000000)",  # the year 10000
    "timestamp_micros(-62198755200000000)",  # before the year 1
    "cast('-0044-03-15' as date)",
    "cast(X'ff61' as string)",
    "cast(X'fe61' as string)",
    "'\ufffda'",
    "cast('1e-7' as decimal(20,10))",
    "cast('NaN' as double)",
    "cast('-Infinity' as float)",
    "cast(-0.0 as double)",
    "variant_get(parse_json('{\"a\": 1.50}'), '$.a', 'double')",
    "''",
    "'null'",
    "'{\"value\":1}'",
)


def test_a_row_whose_content_does_not_say_what_it_was_is_looked_for_among_all(
    spark: SparkSession,
) -> None:
    uncertain = []
    for sql in STRANGE:
        frame = spark.sql(f"select {sql} as value")
        delivery = delivery_of(frame, dict(frame.dtypes))
        ((content, mark),) = marked(delivery)
        marks = marks_of(spark, delivery, [content])
        assert marks is None or mark in marks, sql
        uncertain += [sql] if marks is None else []
    # Two texts become one in JSON, so that says of neither which it was.
    assert set(STRANGE[3:6]) <= set(uncertain)
    assert not set(STRANGE[6:]) & set(uncertain)


def test_unreadable_records_are_found_by_their_text_and_readable_rows_by_their_values(
    spark: SparkSession,
) -> None:
    types = {"id": "bigint", "name": "string"}
    frame = spark.createDataFrame(
        [(1, "a", False, None), (None, None, True, "2,b,c"), (None, "d", True, '{"id":"x"}')],
        f"id bigint, name string, {IS_UNREADABLE} boolean, {RAW} string",
    )
    delivery = delivery_of(frame, types)
    found = dict(marked(delivery))
    assert list(found) == ['{"id":1,"name":"a"}', "2,b,c", '{"id":"x"}']
    for content, mark in found.items():
        marks = marks_of(spark, delivery, [content])
        assert marks is not None
        assert mark in marks
        assert not marks & (set(found.values()) - {mark})


def test_a_table_of_nested_columns_alone_has_no_marks(spark: SparkSession) -> None:
    frame = spark.sql("select map('a', 1) as tags, array(1) as numbers")
    assert mark_of(delivery_of(frame, dict(frame.dtypes))) is None


@pytest.mark.parametrize(
    ("sql", "kind", "is_certain"),
    [
        ("map(1, 'a')", "map<int,string>", False),
        ("array(named_struct('x', map(1D, 2)))", "array<struct<x:map<double,int>>>", False),
        ("parse_json('{}')", "variant", False),
        ("cast('a' as varchar(3))", "varchar(3)", True),
        ("array('a')", "array<char(1)>", True),
    ],
)
def test_a_column_that_cannot_be_read_back_leaves_every_row_in_question(
    spark: SparkSession, sql: str, kind: str, is_certain: bool
) -> None:
    frame = spark.sql(f"select 1L as id, {sql} as value")
    delivery = delivery_of(frame, {"id": "bigint", "value": kind})
    ((content, mark),) = marked(delivery)
    marks = marks_of(spark, delivery, [content])
    assert marks == ({mark} if is_certain else None)


def test_columns_that_do_not_count_leave_the_mark_as_it_is(spark: SparkSession) -> None:
    types = {"id": "bigint", "tags": "map<string,bigint>"}
    frame = spark.sql("select 1L as id, map('a', x) as tags from values 1L, 2L as t(x)")
    (first, one), (second, other) = marked(delivery_of(frame, types))
    assert first != second
    assert one == other


COULD_BE: Sequence[tuple[str, dict[str, str], bool]] = (
    ('{"id":1,"name":"a"}', {"id": "bigint", "name": "string"}, True),
    ('{"id":null,"name":null}', {"id": "bigint", "name": "string"}, True),
    # From before the contract had a column, after it lost one, or in another order.
    ('{"id":1}', {"id": "bigint", "name": "string"}, False),
    ('{"id":1,"name":"a"}', {"id": "bigint"}, False),
    ('{"name":"a","id":1}', {"id": "bigint", "name": "string"}, False),
    # Records of text files that were unreadable.
    ('{"id":"seven"}', {"id": "bigint"}, False),
    ('{"id":1.5}', {"id": "bigint"}, False),
    ('{"id":"seven"}', {"id": "double"}, False),
    ('{"id":"NaN"}', {"id": "double"}, True),
    ('{"id":"NaN"}', {"id": "decimal(10,2)"}, False),
    ('{"id":1.50}', {"id": "decimal(10,2)"}, True),
    ('{"id":true}', {"id": "bigint"}, False),
    ('{"id":1}', {"id": "boolean"}, False),
    ('{"id":"5.1.2013"}', {"id": "date"}, False),
    ('{"id":"-0044-03-15"}', {"id": "date"}, True),
    ('{"id":"+10000-01-01T00:00:00.000000Z"}', {"id": "timestamp"}, True),
    ('{"id":1}', {"id": "string"}, False),
    ('{"id":{"a":[1]}}', {"id": "struct<a:array<int>>"}, True),
    ("1,2,3", {"id": "bigint"}, False),
    ("[1]", {"id": "bigint"}, False),
    ("[" * 100_000, {"id": "bigint"}, True),
)


@pytest.mark.parametrize(("content", "types", "could_be"), COULD_BE)
def test_a_content_that_no_row_of_these_columns_has_is_told_without_spark(
    content: str, types: dict[str, str], could_be: bool
) -> None:
    assert may_be_row(content, types) is could_be


def test_instants_and_long_decimals_are_told_apart_by_their_last_digit(
    spark: SparkSession,
) -> None:
    types = {"at": "timestamp", "exact": "decimal(38,18)"}
    moment, number = NEW_YEAR, Decimal("12345678901234567890.123456789012345678")
    frame = spark.createDataFrame(
        [
            (moment, number),
            (moment + timedelta(microseconds=1), number),
            (moment, number + Decimal("1e-18")),
        ],
        ddl_of(contract_of(REF, types)),
    )
    delivery = delivery_of(frame.orderBy(F.col("at"), F.col("exact")), types)
    found = marked(delivery)
    assert len({mark for _, mark in found}) == 3
    for content, mark in found:
        assert marks_of(spark, delivery, [content]) == frozenset({mark})
