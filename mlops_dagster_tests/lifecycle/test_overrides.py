"""What a run by hand overrides: in words, and the few rows it trains on."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.lifecycle.overrides import NOTHING, Overrides


def test_overrides_are_told_in_words() -> None:
    assert NOTHING.words == ()
    assert NOTHING.tags == {}
    both = Overrides(max_rows=500, ignore_gates=True)
    assert both.words == ("at most 500 rows", "gates ignored")
    assert both.tags == {"mlops_dagster.experimental": "at most 500 rows, gates ignored"}


def test_the_few_rows_are_the_same_in_whatever_order_they_come(spark: SparkSession) -> None:
    rows = spark.range(1000).select("id", F.timestamp_seconds("id").alias("event_time"))
    few = Overrides(max_rows=50)
    first = few.rows_of(rows, ["id"])
    again = few.rows_of(rows.repartition(7).orderBy(F.desc("id")), ["id"])
    ids = sorted(row.id for row in first.collect())
    assert ids == sorted(row.id for row in again.collect())
    assert len(ids) == 50
    # Chosen by a hash: from all over, not the first ones.
    assert ids[0] < 200 < 800 < ids[-1]
    assert NOTHING.rows_of(rows, ["id"]) is rows
