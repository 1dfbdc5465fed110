"""Texts of corrections: what Python accepts, Spark reads as the same value; the rest is refused."""

import math
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.correction_values import check_correction, is_correctable, read, written
from mlops_dagster.data.typed import read_text
from mlops_dagster.errors import CorrectionRefused
from mlops_dagster.rules.values import Value

UTC = timezone.utc
# Type, text, the value and the one text that is kept.
ACCEPTED: tuple[tuple[str, str, Value, str], ...] = (
    ("tinyint", "-128", -128, "-128"),
    ("smallint", "+5", 5, "5"),
    ("int", " 007 ", 7, "7"),
    ("bigint", "9223372036854775807", 2**63 - 1, "9223372036854775807"),
    ("double", "1e400", math.inf, "Infinity"),
    ("double", ".5", 0.5, "0.5"),
    ("double", "1048.36058", 1048.36058, "1048.36058"),
    ("double", "-0", -0.0, "-0.0"),
    ("float", "3.5", 3.5, "3.5"),
    ("decimal(5,2)", "-123.4", Decimal("-123.40"), "-123.40"),
    ("decimal(38,0)", "9" * 38, Decimal("9" * 38), "9" * 38),
    ("decimal(38,18)", "1e-18", Decimal("1e-18"), "0.000000000000000001"),
    ("date", "2012-02-29", date(2012, 2, 29), "2012-02-29"),
    (
        "timestamp",
        "2013-02-12 03:00+01:00",
        datetime(2013, 2, 12, 2, tzinfo=UTC),
        "2013-02-12T02:00:00.000000Z",
    ),
    (
        "timestamp",
        "2013-02-12T03:00:00.1234567 UTC",
        datetime(2013, 2, 12, 3, 0, 0, 123456, tzinfo=UTC),
        "2013-02-12T03:00:00.123456Z",
    ),
    ("timestamp", "2013-02-12", datetime(2013, 2, 12, tzinfo=UTC), "2013-02-12T00:00:00.000000Z"),
    (
        "timestamp_ntz",
        "2013-03-10 02:30",
        datetime(2013, 3, 10, 2, 30),
        "2013-03-10T02:30:00.000000",
    ),
    ("boolean", "TRUE", True, "true"),
    ("string", " as it is ", " as it is ", " as it is "),
)
REFUSED = (
    ("tinyint", "128"),
    ("bigint", "9223372036854775808"),
    ("int", "1.0"),
    ("int", ""),
    ("double", "1d"),
    ("double", "1,5"),
    ("float", "1e39"),
    ("decimal(5,2)", "1000"),
    ("decimal(5,2)", "0.001"),
    ("decimal(5,2)", "NaN"),
    ("decimal(5,2)", "x"),
    ("date", "2013-02-29"),
    ("date", "12.2.2013"),
    ("timestamp", "05:00"),
    ("timestamp", "2013-02-12T25:00"),
    ("timestamp_ntz", "2013-02-12T03:00Z"),
    ("boolean", "yes"),
    ("array<int>", "[1]"),
    ("binary", "ab"),
)


def test_every_value_has_one_text_that_spark_reads_as_the_same_value(spark: SparkSession) -> None:
    columns = []
    for place, (kind, text, value, kept) in enumerate(ACCEPTED):
        assert written(read(text, kind), kind) == kept
        assert read(kept, kind) == value
        columns.append(read_text(F.lit(kept), kind).cast(kind).alias(f"c{place}"))
    # As texts: Python's own form of instants depends on the time zone of this machine.
    (row,) = spark.range(1).select(*(column.cast("string") for column in columns)).collect()
    for found, (kind, _, value, _) in zip(row, ACCEPTED, strict=True):
        if kind.startswith("timestamp"):
            assert isinstance(value, datetime)
            assert datetime.fromisoformat(found) == value.replace(tzinfo=None)
        elif isinstance(value, bool | str | date):
            assert found == written(value, kind)
        else:
            assert Decimal(found.replace("E", "e")) == Decimal(str(value)), kind


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_what_is_no_value_of_the_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(CorrectionRefused, match=r"row ab: this is no value for column 'a'"):
        check_correction({"a": text}, {"a": kind}, where="row ab")


def test_nested_columns_can_only_be_delivered_anew() -> None:
    assert not is_correctable("array<int>")
    with pytest.raises(CorrectionRefused, match="can only be delivered anew"):
        check_correction({"a": "[1]"}, {"a": "array<int>"}, where="row ab")
    assert check_correction({"a": None}, {"a": "array<int>"}, where="row ab") == {"a": None}
