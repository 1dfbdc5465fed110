"""Fixtures that every test may use: one Spark server for the whole run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

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
from mlops_dagster_tests.postgres import postgres_running

# Files of end_to_end/ whose tests read and continue one project.
FILES_OF_ONE_LIFE = frozenset(
    {
        "test_again.py",
        "test_by_name.py",
        "test_loop.py",
        "test_notebook.py",
        "test_own_code.py",
        "test_two_clocks.py",
    }
)
_LONGEST = frozenset({"customer_churn", "end_to_end", "energy_demand", "flight_delays"})
REMOTE_VARIABLE = "MLOPS_DAGSTER_TEST_REMOTE"


def folder_of_all_processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of this run of pytest, the same in each of its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def environment_with(engine: LocalEngine | RemoteEngine) -> Environment:
    """Return an environment where only the engine matters."""
    return Environment(
        spec_version=1,
        name="test",
        engine=engine,
        landing="landing/",
        tables=PathTables(kind="paths", warehouse="warehouse/"),
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, so that no process waits for the other at the end."""
    items.sort(key=lambda item: item.path.parent.name not in _LONGEST)


class _FilesTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps the tests of a file in one process, and the files that share a life."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.partition("::")[0])
        return "one life" if path.name in FILES_OF_ONE_LIFE else str(path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Return how tests are given to the processes."""
    return _FilesTogether(config, log)


@pytest.fixture(scope="session")
def spark_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address (with token) of the Spark Connect server that all tests share.

    The server named by MLOPS_DAGSTER_TEST_REMOTE, else one of our own, stopped at the end.
    """
    address = os.environ.get(REMOTE_VARIABLE)
    if address:
        yield address
        return
    files = EngineFiles.of(folder_of_all_processes(tmp_path_factory) / "shared_engine")
    settings = ServerSettings.of(LocalEngine(kind="local", memory=Memory(megabytes=2048)))
    leased = lease_server(files, settings)
    try:
        yield local_address(files, leased.state.port)
    finally:
        leased.lease.release()
        # The last process stops it.
        if not files.in_use():
            stop_server(files)


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a PostgreSQL server, without a database name; skips where there is none."""
    with postgres_running() as address:
        yield address


@pytest.fixture
def serverless_spark(spark_address: str) -> Iterator[SparkSession]:
    """A session that refuses what serverless compute refuses: paths and most settings."""
    session = new_session(spark_address, interceptors=[ServerlessRules()])
    yield session
    session.stop()
