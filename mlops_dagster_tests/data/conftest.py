"""Fixtures of the data tests."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster_tests.data.worlds import Project


@pytest.fixture
def project(spark: SparkSession, tmp_path: Path) -> Project:
    """An empty project whose tables are folders."""
    return Project(spark, tmp_path)
