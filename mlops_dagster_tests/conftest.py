"""Fixtures that every test may use: one Spark server for the whole run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.engine.connect import Engine, open_engine
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.local import local_address, new_session
from mlops_dagster.engine.server import lease_server, stop_server
from mlops_dagster.engine.settings import ServerSettings
from mlops_dagster.spec.base import Memory
from mlops_dagster.spec.environment import (
    Environment,
    LocalEngine,
    PathTables,
    RemoteEngine,
)
from mlops_dagster_tests.interceptor import ServerlessRules

REMOTE_VARIABLE = "MLOPS_DAGSTER_TEST_REMOTE"


def environment_with(engine: LocalEngine | RemoteEngine) -> Environment:
    """Return an environment where only the engine matters."""
    return Environment(
        spec_version=1,
        name="test",
        engine=engine,
        landing="landing/",
        tables=PathTables(kind="paths", warehouse="warehouse/"),
    )


@pytest.fixture(scope="session")
def spark_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address (with token) of the Spark Connect server that all tests share.

    The server named by MLOPS_DAGSTER_TEST_REMOTE, else one of our own, stopped at the end.
    """
    address = os.environ.get(REMOTE_VARIABLE)
    if address:
        yield address
        return
    files = EngineFiles.of(tmp_path_factory.mktemp("shared_engine"))
    settings = ServerSettings.of(LocalEngine(kind="local", memory=Memory(megabytes=2048)))
    leased = lease_server(files, settings)
    try:
        yield local_address(files, leased.state.port)
    finally:
        leased.lease.release()
        stop_server(files, force=True)


@pytest.fixture(scope="session")
def spark(spark_address: str) -> Iterator[SparkSession]:
    """One Connect session for all tests that only need DataFrames."""
    session = new_session(spark_address)
    yield session
    session.stop()


@pytest.fixture
def engine(spark_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on the shared server, with sessions of its own."""
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    remote = RemoteEngine(kind="remote", address_variable=REMOTE_VARIABLE)
    engine = open_engine(environment_with(remote), tmp_path / "state")
    yield engine
    engine.close()


@pytest.fixture
def serverless_spark(spark_address: str) -> Iterator[SparkSession]:
    """A session that refuses what serverless compute refuses: paths and most settings."""
    session = new_session(spark_address, interceptors=[ServerlessRules()])
    yield session
    session.stop()
