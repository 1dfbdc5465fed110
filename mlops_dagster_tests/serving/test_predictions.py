from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.engine import transfer
from mlops_dagster.errors import ContractViolation, ModelRefused
from mlops_dagster.registry.bundle import LoadedModel, load_bundle
from mlops_dagster.serving import predictions
from mlops_dagster.serving.predictions import predictions_frame, predictions_here
from mlops_dagster.spec.models import Task
from mlops_dagster_tests.registry.worlds import Recipe, rows_of, saved

SCORED_AT = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
BINARY = Recipe("hist_gradient_boosting", Task.BINARY, "isotonic")
SCHEMA = "visit string, amount double, age int, member boolean, city string"


def loaded(folder: Path, recipe: Recipe = BINARY) -> LoadedModel:
    written = saved(folder, recipe)
    return load_bundle(written.folder, expected_digest=written.digest)


def spark_rows(session: SparkSession, rows: pd.DataFrame) -> DataFrame:
    """Upload rows with the types of their tables, nulls as nulls."""
    columns = rows[["visit", "amount", "age", "member", "city"]]
    values = [
        (
            visit,
            None if np.isnan(amount) else float(amount),
            int(age),
            member,
            city,
        )
        for visit, amount, age, member, city in columns.itertuples(index=False)
    ]
    uploaded: DataFrame = session.createDataFrame(values, SCHEMA)
    spread: DataFrame = uploaded.repartition(3)
    return spread


def on_workers(session: SparkSession, rows: DataFrame, model: LoadedModel) -> DataFrame:
    return predictions_frame(rows, model, scored_at=SCORED_AT)


def here(session: SparkSession, rows: DataFrame, model: LoadedModel) -> DataFrame:
    found = predictions_here(
        session, rows, model, scored_at=SCORED_AT, what="visits", limit_rows=1_000
    )
    assert found is not None
    return found


Way = Callable[[SparkSession, DataFrame, LoadedModel], DataFrame]
ways = pytest.mark.parametrize("scored_by", [on_workers, here])


def collected(frame: DataFrame) -> pd.DataFrame:
    rows: pd.DataFrame = frame.toArrow().to_pandas()
    return rows.sort_values("visit").reset_index(drop=True)


@ways
@pytest.mark.parametrize(
    "recipe",
    [
        BINARY,
        Recipe("lightgbm", Task.MULTICLASS),
        Recipe("ridge", Task.REGRESSION),
    ],
    ids=str,
)
def test_workers_without_this_package_score_as_the_client_does(
    bare_spark: SparkSession, tmp_path: Path, recipe: Recipe, scored_by: Way
) -> None:
    model, rows = loaded(tmp_path / "b", recipe), rows_of(recipe)

    found = collected(scored_by(bare_spark, spark_rows(bare_spark, rows), model))

    expected = model.predict(rows.sort_values("visit").reset_index(drop=True))
    for name in expected.columns:
        assert [np.asarray(v).tolist() for v in found[name]] == [
            np.asarray(v).tolist() for v in expected[name]
        ]


def test_the_workers_of_that_test_really_lack_the_package(bare_spark: SparkSession) -> None:
    def tries(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import importlib

        for _ in batches:
            try:
                importlib.import_module("mlops_dagster")
                yield pa.RecordBatch.from_pydict({"found": ["imported"]})
            except ModuleNotFoundError as error:
                yield pa.RecordBatch.from_pydict({"found": [str(error)]})

    found = bare_spark.range(1, numPartitions=1).mapInArrow(tries, "found string")  # type: ignore[arg-type]

    assert [row["found"] for row in found.collect()] == [
        "no module named mlops_dagster on this worker"
    ]


@ways
def test_every_other_column_passes_through_as_it_is(
    spark: SparkSession, tmp_path: Path, scored_by: Way
) -> None:
    model = loaded(tmp_path / "b")
    rows = spark.sql(
        """
        SELECT * FROM VALUES
          ('a', 9007199254740993, 1.50, date '2024-01-02', timestamp '2024-01-02 03:04:05.678901',
           array(1, NULL), named_struct('x', 1.5D, 'y', int(NULL)), 0.5D, 30, true, 'Ulm'),
          ('b', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
        AS t(visit, big, price, day, at, list, pair, amount, age, member, city)
        """
    )

    scored = scored_by(spark, rows, model)

    assert dict(scored.dtypes).items() >= dict(rows.dtypes).items()
    assert scored.columns == [*rows.columns, "score", "scored_at"]
    kept = scored.select(*rows.columns)
    assert sorted(map(str, kept.collect())) == sorted(map(str, rows.collect()))
    first = scored.where("visit = 'a'").first()
    assert first is not None
    assert (first["big"], first["price"]) == (9007199254740993, Decimal("1.50"))


def test_decimals_and_integers_are_read_as_the_doubles_they_are(
    spark: SparkSession, tmp_path: Path
) -> None:
    model = loaded(tmp_path / "b")
    doubles = spark_rows(spark, rows_of(BINARY, 40)).selectExpr(
        "visit", "round(amount, 2) AS amount", "age", "member", "city"
    )
    decimals = doubles.selectExpr(
        "visit",
        "CAST(amount AS decimal(10, 2)) AS amount",
        "CAST(age AS bigint) AS age",
        "CAST(member AS int) AS member",
        "city",
    )
    scores = [
        collected(predictions_frame(rows, model, scored_at=SCORED_AT).select("visit", "score"))
        for rows in (doubles, decimals)
    ]
    pd.testing.assert_frame_equal(scores[0], scores[1])


@ways
def test_no_rows_give_no_predictions(spark: SparkSession, tmp_path: Path, scored_by: Way) -> None:
    rows = spark.createDataFrame([], SCHEMA)
    scored = scored_by(spark, rows, loaded(tmp_path / "b"))
    assert scored.collect() == []
    assert scored.columns == [*rows.columns, "score", "scored_at"]


def test_rows_beyond_either_limit_are_left_to_the_workers(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = loaded(tmp_path / "b"), spark_rows(spark, rows_of(BINARY, 40))

    def scored(limit_rows: int) -> DataFrame | None:
        return predictions_here(
            spark, rows, model, scored_at=SCORED_AT, what="visits", limit_rows=limit_rows
        )

    assert scored(limit_rows=39) is None
    assert scored(limit_rows=40) is not None
    monkeypatch.setattr(transfer, "LOCAL_RELATION_BYTES", 100)
    assert scored(limit_rows=40) is None


@ways
def test_rows_scored_before_are_scored_anew(
    spark: SparkSession, tmp_path: Path, scored_by: Way
) -> None:
    model = loaded(tmp_path / "b")
    rows = spark_rows(spark, rows_of(BINARY, 20))
    once = predictions_frame(rows, model, scored_at=datetime(2020, 1, 1, tzinfo=timezone.utc))
    twice = scored_by(spark, once, model)
    assert twice.columns == [*rows.columns, "score", "scored_at"]
    instants = twice.selectExpr("unix_seconds(scored_at) AS at").distinct().collect()
    assert [row["at"] for row in instants] == [int(SCORED_AT.timestamp())]


@pytest.mark.parametrize(
    ("select", "message"),
    [
        (
            ["visit", "age", "member", "city"],
            r"`amount`: .*expected a number .*found no such column",
        ),
        (
            ["visit", "amount", "age", "member", "1 AS city"],
            r"`city`: .*expected a category as in its training set \(string\), found int",
        ),
        (
            ["visit", "CAST(amount AS string) AS amount", "age", "member", "city"],
            r"`amount`: .*expected a number as in its training set \(double\), found string",
        ),
    ],
)
def test_rows_that_do_not_fit_the_model_are_refused_before_anything_runs(
    spark: SparkSession, tmp_path: Path, select: list[str], message: str
) -> None:
    rows = spark.createDataFrame([], SCHEMA).selectExpr(*select)
    with pytest.raises(ContractViolation, match=message):
        predictions_frame(rows, loaded(tmp_path / "b"), scored_at=SCORED_AT)


def test_a_model_too_large_to_ship_is_refused_with_the_limit(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "MAXIMUM_MODEL_BYTES", 1000)
    rows = spark.createDataFrame([], SCHEMA)
    with pytest.raises(ModelRefused, match="too large for batch scoring; expected at most 0 MB"):
        predictions_frame(rows, loaded(tmp_path / "b"), scored_at=SCORED_AT)
