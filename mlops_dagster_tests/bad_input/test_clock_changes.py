"""Times in an hour that clocks skip or repeat: as instants, and as the local time of a column."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.delivery import IS_UNREADABLE, RAW
from mlops_dagster.data.typed import typed_rows
from mlops_dagster.tables.instants import instant

ZONE = "America/New_York"
# A text, and the instant that it means as a `timestamp`.
TEXTS = {
    "2024-03-10T02:30:00": datetime(2024, 3, 10, 2, 30),
    "2024-03-10T02:30:00-05:00": datetime(2024, 3, 10, 7, 30),
    "2024-03-10T03:30:00-04:00": datetime(2024, 3, 10, 7, 30),
    "2024-11-03T01:30:00-04:00": datetime(2024, 11, 3, 5, 30),
    "2024-11-03T01:30:00-05:00": datetime(2024, 11, 3, 6, 30),
    "2024-11-03T01:30:00Z": datetime(2024, 11, 3, 1, 30),
}
LOCAL = ["2024-03-10 02:30:00", "2024-11-03 01:30:00", "2024-11-03 00:00:00"]


@pytest.fixture(scope="module")
def read(spark: SparkSession) -> dict[str, tuple[object, ...]]:
    """What each text was read as: whether it is unreadable, the instant, the local time's."""
    texts = [*TEXTS, *LOCAL]
    rows = spark.createDataFrame(
        [(text, text if text in LOCAL else None, None) for text in texts],
        f"at string, l string, {RAW} string",
    )
    typed = typed_rows(
        rows.withColumn("text", F.col("at")),
        {"text": "string", "at": "timestamp", "l": "timestamp_ntz"},
        nulls=[],
    )
    shown = typed.select(
        "text",
        IS_UNREADABLE,
        F.unix_timestamp("at").alias("at"),
        F.unix_timestamp(instant(typed, "l", ZONE)).alias("local"),
    )
    return {row["text"]: tuple(row)[1:] for row in shown.collect()}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_means_one_instant_in_every_hour(
    read: dict[str, tuple[object, ...]], text: str
) -> None:
    unreadable, at, _ = read[text]
    assert not unreadable
    assert at == int(TEXTS[text].replace(tzinfo=timezone.utc).timestamp())


@pytest.mark.parametrize("text", LOCAL)
def test_a_local_time_that_clocks_skip_is_later_and_one_they_repeat_is_the_first(
    read: dict[str, tuple[object, ...]], text: str
) -> None:
    unreadable, _, local = read[text]
    assert not unreadable
    first = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE), fold=0)
    assert local == int(first.timestamp())
