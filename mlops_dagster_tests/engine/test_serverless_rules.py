"""The stand-in for serverless compute refuses what serverless refuses, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster_tests.interceptor import RefusedByServerless


@pytest.mark.parametrize(
    "action",
    [
        lambda spark, path: spark.read.format("delta").load(path).collect(),
        lambda spark, path: spark.read.csv(path).collect(),
        lambda spark, path: spark.table(f"delta.`{path}`").collect(),
        lambda spark, path: spark.sql(f"SELECT * FROM delta.`{path}`").collect(),
        lambda spark, path: spark.sql(f"CREATE TABLE t (a INT) USING delta LOCATION '{path}'"),
        lambda spark, path: spark.sql(f"SELECT * FROM read_files('file:{path}')").collect(),
        lambda spark, path: spark.range(1).write.format("delta").save(path),
        lambda spark, path: spark.range(1).write.parquet(f"file:{path}"),
        lambda spark, path: spark.range(1).write.option("path", path).saveAsTable("t"),
        lambda spark, path: spark.range(1).writeTo(f"delta.`{path}`").append(),
        lambda spark, path: spark.conf.set("spark.databricks.delta.snapshotPartitions", "2"),
        lambda spark, path: spark.conf.unset("spark.sql.adaptive.enabled"),
        lambda spark, path: spark.sql("SET spark.sql.adaptive.enabled=false"),
        lambda spark, path: spark.range(1).cache().count(),
        lambda spark, path: spark.sql("CACHE TABLE t"),
        lambda spark, path: spark.range(1).createGlobalTempView("v"),
    ],
)
def test_paths_settings_and_caches_are_refused_before_they_leave(
    serverless_spark: SparkSession, tmp_path: Path, action: Callable[[SparkSession, str], object]
) -> None:
    with pytest.raises(RefusedByServerless):
        action(serverless_spark, str(tmp_path / "table"))


def test_tables_by_name_views_and_allowed_settings_pass(serverless_spark: SparkSession) -> None:
    spark = serverless_spark
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.sql("CREATE SCHEMA IF NOT EXISTS serverless_rules")
    frame = spark.range(3).withColumn("delta", F.lit("x"))
    frame.write.format("delta").mode("overwrite").saveAsTable("serverless_rules.numbers")
    spark.table("serverless_rules.numbers").createOrReplaceTempView("numbers")
    rows = spark.sql("SELECT count(n.delta) AS rows FROM numbers AS n").collect()
    spark.sql("DROP SCHEMA serverless_rules CASCADE")
    assert rows[0].rows == 3
