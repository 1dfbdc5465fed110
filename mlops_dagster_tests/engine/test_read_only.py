"""A notebook's session refuses what would change a table before it leaves, and nothing else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType

from mlops_dagster.engine.local import new_session
from mlops_dagster.engine.read_only import SessionGuard
from mlops_dagster.errors import ReadOnlySession


@pytest.fixture(scope="module")
def reader(spark_address: str) -> Iterator[SparkSession]:
    session = new_session(spark_address, interceptors=[SessionGuard()])
    yield session
    session.stop()


@pytest.mark.parametrize(
    "action",
    [
        lambda spark, path: spark.range(1).write.format("delta").save(path),
        lambda spark, path: spark.range(1).write.saveAsTable("read_only_t"),
        lambda spark, path: spark.range(1).writeTo(f"delta.`{path}`").append(),
        lambda spark, path: spark.sql(f"CREATE TABLE t (a INT) USING delta LOCATION '{path}'"),
        lambda spark, path: spark.sql(f"/* SELECT */ INSERT INTO delta.`{path}` VALUES (1)"),
        lambda spark, path: spark.sql(f"WITH a AS (SELECT 1) INSERT INTO delta.`{path}` TABLE a"),
        lambda spark, path: spark.sql(f"FROM a INSERT INTO delta.`{path}` SELECT *"),
        lambda spark, path: spark.sql(f"DELETE FROM delta.`{path}`"),
        lambda spark, path: spark.sql(f"OPTIMIZE delta.`{path}`"),
        lambda spark, path: spark.sql(f"VACUUM delta.`{path}`"),
        lambda spark, path: spark.sql(f"RESTORE delta.`{path}` TO VERSION AS OF 0"),
        lambda spark, path: spark.sql("DROP TABLE t"),
        lambda spark, path: spark.sql("CREATE VIEW v AS SELECT 1"),
        lambda spark, path: spark.sql("CREATE GLOBAL TEMPORARY VIEW v AS SELECT 1"),
        lambda spark, path: spark.range(1).createGlobalTempView("v"),
        lambda spark, path: spark.catalog.createTable("t", path=path, source="delta").collect(),
        lambda spark, path: (
            spark.readStream.format("rate").load().writeStream.format("delta").start(path)
        ),
    ],
)
def test_what_would_change_something_is_refused(
    reader: SparkSession, tmp_path: Path, action: Callable[[SparkSession, str], object]
) -> None:
    folder = tmp_path / "table"
    with pytest.raises(ReadOnlySession, match="this session only reads"):
        action(reader, str(folder))
    assert not folder.exists()


def test_the_message_shows_the_statement(reader: SparkSession) -> None:
    with pytest.raises(ReadOnlySession, match="found SQL: DROP TABLE t"):
        reader.sql("DROP TABLE t")


def test_queries_views_functions_settings_and_frames_of_the_session_pass(
    reader: SparkSession,
) -> None:
    reader.conf.set("spark.sql.session.timeZone", "UTC")
    reader.range(5).createOrReplaceTempView("numbers")
    reader.sql("CREATE OR REPLACE TEMPORARY VIEW evens AS SELECT id FROM numbers WHERE id % 2 = 0")
    reader.udf.register("twice", lambda number: 2 * number, LongType())
    found = reader.sql("WITH e AS (SELECT twice(id) AS d FROM evens) SELECT sum(d) AS d FROM e")
    assert found.collect()[0].d == 12
    assert reader.createDataFrame([(1,)], "a int").select(F.sum("a")).collect()[0][0] == 1
    assert reader.sql("SHOW VIEWS").count() >= 2
    assert reader.sql("DESCRIBE numbers").count() == 1
    assert reader.sql("VALUES (1), (2)").count() == 2
    assert reader.catalog.tableExists("numbers")
