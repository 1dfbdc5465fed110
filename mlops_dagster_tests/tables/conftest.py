"""Fixtures of the table tests."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster_tests.tables.worlds import World, path_world


@pytest.fixture
def world(spark: SparkSession, tmp_path: Path) -> World:
    """A world whose tables are folders."""
    return path_world(spark, tmp_path)
