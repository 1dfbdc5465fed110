"""Fixtures that every test may use."""

import os
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark_address() -> str:
    """Address (with token) of the Spark Connect server that all tests share."""
    return os.environ["MLOPS_DAGSTER_TEST_REMOTE"]


@pytest.fixture(scope="session")
def spark(spark_address: str) -> Iterator[SparkSession]:
    """One Connect session for all tests that only need DataFrames."""
    session = SparkSession.builder.remote(spark_address).create()
    yield session
    session.stop()
