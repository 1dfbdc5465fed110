"""The one-scan profile on Spark against plain pandas."""

import math

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.monitoring.baseline import Baseline, fit_baseline
from mlops_dagster.monitoring.counts import CategoryCounts, NumericCounts, Profile
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.profile import add_profiles, window_profile
from mlops_dagster.monitoring.summaries import FaultKind

SCHEMA = "x double, n bigint, `odd ``name` string, flag boolean, s string"


def reference() -> Baseline:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "day": np.repeat(np.arange(20), 25),
            "x": rng.normal(size=500).round(1),
            "n": rng.integers(0, 5, 500),
            "odd `name": rng.choice(["a", "b", "größe"], 500),
            "flag": rng.choice([True, False], 500),
            "s": rng.choice(["p", "q"], 500),
        }
    )
    frame.loc[:99, "x"] = 0.0
    return fit_baseline(
        frame,
        features=[
            ("x", "numeric"),
            ("n", "numeric"),
            ("odd `name", "categorical"),
            ("flag", "categorical"),
        ],
        slices=["s", "n"],
    )


def window_rows(baseline: Baseline) -> list[tuple[object, ...]]:
    """Ties at edges, null, NaN, infinities, unseen and foreign text."""
    edges = baseline.grid.columns[0].cells.edges  # type: ignore[union-attr]
    numbers = [None, math.nan, math.inf, -math.inf, -0.0, 1e300, *edges, *(e + 0.05 for e in edges)]
    names = ["a", "größe", "日本", None, "", "b "]
    return [
        (x, i % 7 if i % 11 else None, names[i % 6], [True, False, None][i % 3], "pqr"[i % 3])
        for i, x in enumerate(numbers * 3)
    ]


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return reference()


@pytest.fixture(scope="module")
def window(spark: SparkSession, baseline: Baseline) -> DataFrame:
    return spark.createDataFrame(window_rows(baseline), SCHEMA)


@pytest.fixture(scope="module")
def profile(window: DataFrame, baseline: Baseline) -> Profile:
    # More partitions than rows of one slice value leave some of them empty.
    return window_profile(window.repartition(5, "s"), baseline)


def part_of(rows: list[tuple[object, ...]], key: str | None, value: str | None) -> list[object]:
    place = {"s": 4, "n": 1}
    if key is None:
        return list(rows)
    return [row for row in rows if row[place[key]] is not None and str(row[place[key]]) == value]


def test_every_number_is_that_of_plain_python_overall_and_by_slice(
    profile: Profile, baseline: Baseline
) -> None:
    rows = window_rows(baseline)
    for part in profile.slices:
        inside = part_of(rows, part.key, part.value)
        assert part.rows == len(inside)
        counts = part.columns[0]
        assert isinstance(counts, NumericCounts)
        x = [row[0] for row in inside]  # type: ignore[index]
        numbers = [v for v in x if v is not None and not math.isnan(v)]
        edges = np.array(baseline.grid.columns[0].cells.edges)  # type: ignore[union-attr]
        cells = [int((edges < v).sum()) for v in numbers]
        assert counts.nulls == x.count(None)
        assert counts.nans == sum(v is not None and math.isnan(v) for v in x)
        assert counts.positive_infinities == numbers.count(math.inf)
        assert counts.negative_infinities == numbers.count(-math.inf)
        assert counts.zeros == numbers.count(0.0)
        assert list(counts.counts) == np.bincount(cells, minlength=len(edges) + 1).tolist()
        finite = [v for v in numbers if math.isfinite(v)]
        assert (counts.low, counts.high) == (min(finite, default=None), max(finite, default=None))
        small = [v for v in finite if v < 1e299]
        sums = [math.fsum(v for v in small if (edges < v).sum() == c) for c in range(len(edges))]
        assert counts.sums[:-1] == pytest.approx(sums, abs=1e-9)


def test_slices_are_those_of_the_baseline_in_its_order(profile: Profile) -> None:
    keys = [(part.key, part.value) for part in profile.slices]
    assert keys[0] == (None, None)
    assert {key for key in keys if key[0] == "s"} == {("s", "p"), ("s", "q")}
    assert ("n", "0") in keys


def test_categories_unseen_ones_and_missing_ones_are_counted(
    profile: Profile, baseline: Baseline
) -> None:
    name, flag = profile.overall.columns[2:]
    assert isinstance(name, CategoryCounts)
    assert isinstance(flag, CategoryCounts)
    texts = [row[2] for row in window_rows(baseline)]
    values = baseline.grid.columns[2].values  # type: ignore[union-attr]
    assert list(name.counts[:-1]) == [texts.count(value) for value in values]
    assert name.nulls == texts.count(None)
    assert {v.value: v.count for v in name.unseen_values} == {
        text: texts.count(text) for text in ("日本", "", "b ")
    }
    assert flag.unseen == 0


def test_the_profile_does_not_depend_on_partitions_and_adds_up(
    window: DataFrame, profile: Profile, baseline: Baseline
) -> None:
    one = window_profile(window.coalesce(1), baseline)
    here = window_profile(window, baseline, limit_rows_here=1_000)
    too_many = window_profile(window, baseline, limit_rows_here=1)
    halves = add_profiles(
        [
            window_profile(window.where(F.col("s") == "p"), baseline),
            window_profile(window.where(F.col("s") != "p"), baseline),
        ]
    )
    for other in (one, here, too_many, halves):
        assert other.grid == profile.grid
        assert (other.absent, other.wrong_types) == (profile.absent, profile.wrong_types)
        for a, b in zip(other.slices, profile.slices, strict=True):
            assert a.rows == b.rows
            for x, y in zip(a.columns, b.columns, strict=True):
                assert (x.counts, x.nulls, x.nans) == (y.counts, y.nulls, y.nans)
                if isinstance(x, NumericCounts) and isinstance(y, NumericCounts):
                    assert (x.zeros, x.low, x.high) == (y.zeros, y.low, y.high)
                    assert x.sums == pytest.approx(y.sums)
                    assert x.deviations == pytest.approx(y.deviations)
                    assert x.squares == pytest.approx(y.squares)
                if isinstance(x, CategoryCounts) and isinstance(y, CategoryCounts):
                    assert set(x.unseen_values) == set(y.unseen_values)


def test_a_window_without_rows_has_a_profile(window: DataFrame, baseline: Baseline) -> None:
    for limit in (0, 1_000):
        empty = window_profile(window.where(F.lit(False)), baseline, limit_rows_here=limit)
        assert empty.rows == 0
        assert all(sum(c.counts) == 0 for c in empty.overall.columns)


def test_absent_and_wrongly_typed_columns_are_findings_and_the_rest_is_counted(
    window: DataFrame, baseline: Baseline
) -> None:
    broken = window.drop("n").withColumn("x", F.col("x").cast("string"))
    profile = window_profile(broken, baseline)
    assert profile.absent == ("n",)
    assert [(w.column, w.found) for w in profile.wrong_types] == [("x", "string")]
    report = drift_report(baseline, profile, window="w", model_version="1")
    assert [f.kind for f in report.faults[:2]] == [FaultKind.ABSENT_COLUMN, FaultKind.WRONG_TYPE]
    assert {c.column for c in report.overall} == {"odd `name", "flag"}


def test_decimals_and_small_types_count_as_the_numbers_they_are(
    window: DataFrame, baseline: Baseline
) -> None:
    plain = window.where("n is not null").withColumn("x", F.col("n").cast("double"))
    other = plain.withColumn("x", F.col("n").cast("decimal(10,2)")).withColumn(
        "n", F.col("n").cast("tinyint")
    )
    a, b = window_profile(plain, baseline), window_profile(other, baseline)
    assert [c.counts for c in a.overall.columns] == [c.counts for c in b.overall.columns]
