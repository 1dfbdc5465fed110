from datetime import date
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.errors import SpecError, TrainingRefused
from mlops_dagster.features.split import (
    held_out_windows,
    is_held_out_day,
    is_held_out_group,
    split_column,
)
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


groups = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(max_size=8), st.booleans())


def sides_of(spark: SparkSession, texts: list[str], share: float) -> dict[str, set[str]]:
    """Return the sides on which rows of each group fall."""
    rows = spark.createDataFrame([(text,) for text in texts], "holdout_group string")
    holdout = Holdout(share=share, group="customer")
    split = split_column(holdout, windows=(), features=(), time_zone="UTC")
    sides: dict[str, set[str]] = {}
    for row in few_rows(rows.select("holdout_group", split.alias("side")), what="sides"):
        sides.setdefault(row["holdout_group"], set()).add(row["side"])
    return sides


@settings(
    max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.lists(groups.map(str), min_size=1, max_size=200),
    st.floats(0.01, 0.99),
    st.randoms(use_true_random=False),
)
def test_a_group_is_on_one_side_whatever_other_rows_there_are(
    spark: SparkSession, texts: list[str], share: float, random: Random
) -> None:
    expected = {
        text: {"holdout" if is_held_out_group(text, share) else "fit"} for text in set(texts)
    }
    assert sides_of(spark, texts, share) == expected
    more = [*texts, *texts[:3], *map(str, range(50))]
    random.shuffle(more)
    later = sides_of(spark, more, share)
    assert {text: later[text] for text in expected} == expected


@given(st.integers(0, 2**32), st.floats(0.02, 0.98))
def test_the_share_of_groups_is_about_that_of_rows(start: int, share: float) -> None:
    count = 2_000
    held_out = sum(is_held_out_group(f"customer {start + n}", share) for n in range(count))
    # Six standard deviations of a binomial.
    assert abs(held_out - count * share) < 6 * (count * share * (1 - share)) ** 0.5 + 1


@given(st.text(), st.floats(0.01, 0.98), st.floats(0.001, 0.01))
def test_a_larger_share_holds_out_the_same_groups_and_more(
    group: str, share: float, more: float
) -> None:
    assert not is_held_out_group(group, share) or is_held_out_group(group, share + more)
