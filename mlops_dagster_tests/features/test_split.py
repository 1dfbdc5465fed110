from datetime import date

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.errors import SpecError, TrainingRefused
from mlops_dagster.features.split import held_out_windows, is_held_out_day, split_column
from mlops_dagster.spec.models import Holdout


@pytest.mark.parametrize("time_zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_same_local_days_are_held_out_whatever_the_training(
    spark: SparkSession, time_zone: str
) -> None:
    hours = spark.range(24 * 12).select(
        F.timestamp_seconds(F.lit(1_365_000_000) + F.col("id") * 3600).alias("event_time")
    )
    holdout = Holdout(by="day", every=5)
    split = split_column(holdout, windows=(), features=(), time_zone=time_zone)
    local = F.convert_timezone(None, F.lit(time_zone), F.col("event_time"))
    rows = few_rows(
        hours.select(local.cast("string").alias("local"), split.alias("split")), what="hours"
    )
    for row in rows:
        held_out = is_held_out_day(date.fromisoformat(row["local"][:10]), 5)
        assert row["split"] == ("holdout" if held_out else "fit")
    assert len({row["split"] for row in rows}) == 2


def test_a_share_is_held_out_by_content_in_any_order_of_columns(spark: SparkSession) -> None:
    rows = spark.range(20_000).select(
        (F.col("id") % 10_000).alias("a"), F.when(F.col("id") % 3 > 0, "x").alias("b")
    )
    holdout = Holdout(share=0.2)
    one, other = (
        split_column(holdout, windows=(), features=features, time_zone="UTC")
        for features in (("a", "b"), ("b", "a"))
    )
    counts = rows.agg(
        F.count_if(one != other).alias("differ"), F.count_if(one == "holdout").alias("held_out")
    )
    found = few_rows(counts, what="counts")[0]
    assert found["differ"] == 0
    # Five standard deviations of a binomial with 10,000 distinct contents, each counted twice.
    assert abs(found["held_out"] - 4_000) < 2 * 5 * (10_000 * 0.2 * 0.8) ** 0.5


def test_the_last_windows_are_held_out() -> None:
    assert held_out_windows(("a", "b", "c"), 2) == ("b", "c")


def test_a_hold_out_of_all_windows_is_refused() -> None:
    with pytest.raises(TrainingRefused, match="more than 2 windows in the training set, found 2"):
        held_out_windows(("a", "b"), 2)


def test_a_hold_out_of_no_form_is_refused() -> None:
    with pytest.raises(SpecError, match="holdout needs one of"):
        split_column(Holdout(), windows=(), features=(), time_zone="UTC")
