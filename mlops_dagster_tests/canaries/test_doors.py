"""Each place that reads an address, given one whose password ends elsewhere for each reader."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_dagster.addresses import without_secrets
from mlops_dagster.assets.links import mlflow_metadata
from mlops_dagster.data.postgres_source import open_postgres
from mlops_dagster.engine.databricks import DatabricksConnector
from mlops_dagster.engine.remote import RemoteConnector
from mlops_dagster.errors import (
    EngineConfigurationError,
    MlopsDagsterError,
    SourceError,
    StateUnusable,
    TrackingRefused,
)
from mlops_dagster.registry.tracking import open_tracker
from mlops_dagster.spec.connections import PostgresConnection
from mlops_dagster.spec.environment import (
    DatabricksEngine,
    Environment,
    LocalEngine,
    PathTables,
    RemoteEngine,
    StateDatabase,
    TrackingServer,
)
from mlops_dagster.spec.problems import Problem
from mlops_dagster.state.store import open_environment_store

VARIABLE = "SECRET_ADDRESS"
ENVIRONMENT = Environment(
    spec_version=1,
    name="test",
    engine=LocalEngine(kind="local"),
    landing="landing/",
    tables=PathTables(kind="paths", warehouse="warehouse/"),
    tracking=TrackingServer(address_variable=VARIABLE),
    state=StateDatabase(address_variable=VARIABLE),
)
# Two canaries around each sign, so that neither half of a password may be seen.
CANARIES = ("CANARYONE", "CANARYTWO")
PASSWORDS = [sign.join(CANARIES) for sign in ("/", "?", "#", "@", ";", "@/", "/@?#", "1/", ":1/@")]


def state() -> None:
    open_environment_store(ENVIRONMENT, Path("unused")).streams()


def tracking() -> None:
    open_tracker(ENVIRONMENT, Path("unused")).find_version("m", "0" * 64)


def source() -> None:
    connection = PostgresConnection(kind="postgresql", address_variable=VARIABLE)
    with open_postgres(connection, "a.b", where="shop.bronze.orders"):
        pass


def spark() -> None:
    RemoteConnector(RemoteEngine(kind="remote", address_variable=VARIABLE)).connect()


def databricks() -> None:
    DatabricksConnector(DatabricksEngine(kind="databricks", host_variable=VARIABLE)).connect()


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    ("address", "door", "refusal"),
    [
        ("postgresql://me:{}@127.0.0.1:1/db", state, StateUnusable),
        ("postgresql://me:{}@127.0.0.1:1/db", source, SourceError),
        ("http://me:{}@127.0.0.1:1", tracking, TrackingRefused),
        ("sc://{}@127.0.0.1:1/", spark, EngineConfigurationError),
        ("sc://127.0.0.1:1;token={}", spark, EngineConfigurationError),
        ("https://me:{}@127.0.0.1:1", databricks, EngineConfigurationError),
    ],
)
def test_an_address_that_is_read_in_two_ways_is_refused_and_not_shown(
    address: str,
    door: Callable[[], None],
    refusal: type[MlopsDagsterError],
    password: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(VARIABLE, address.format(password))
    with caplog.at_level(logging.DEBUG), pytest.raises(refusal) as refused:
        door()
    told = "".join(traceback.format_exception(refused.value)) + caplog.text
    assert "canary" not in told.lower()
    assert f"variable {VARIABLE}" in told


@pytest.mark.parametrize("password", PASSWORDS)
def test_metadata_and_mistakes_in_files_show_nothing_of_it_either(password: str) -> None:
    for address in (f"http://me:{password}@host:5000", f"https://host/a?key={password}"):
        shown = str(mlflow_metadata(address, "run", None))
        assert "canary" not in shown.lower()
        problem = Problem("a.yaml", 1, 1, "landing", expected="a folder", found=f"'{address}'")
        assert "canary" not in str(problem).lower()
    assert "mlflow_run" not in mlflow_metadata(f"http://me:{password}@host:5000", "run", None)


def test_a_password_that_is_encoded_is_no_reason_to_refuse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, "http://me:CANARYONE%2FCANARYTWO%40@127.0.0.1:5000")
    tracker = open_tracker(ENVIRONMENT, tmp_path)
    assert without_secrets(tracker.uri) == "http://127.0.0.1:5000"
    monkeypatch.setenv(VARIABLE, "postgresql://me:CANARYONE%2FCANARYTWO%40@127.0.0.1/db")
    assert "CANARY" not in open_environment_store(ENVIRONMENT, tmp_path).name
