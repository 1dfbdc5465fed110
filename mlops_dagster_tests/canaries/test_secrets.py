"""A canary in every secret: after a life with all its failures, no store or output holds one."""

import gzip
import io
import logging
import sqlite3
import sys
import traceback
import types
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from mlops_dagster.assets import stage
from mlops_dagster.cli import main
from mlops_dagster.engine import remote
from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.resources.workspace import ROOT_VARIABLE, event_store
from mlops_dagster_tests.canaries.lives import (
    CANARIES,
    ENVIRONMENTS,
    free_port,
    mlflow_server,
    variables,
    write_canary_project,
)
from mlops_dagster_tests.canaries.search import everything_below, places_of
from mlops_dagster_tests.end_to_end.live_project import live_project

pytestmark = pytest.mark.long

JOB = "churn_refresh"
PEOPLE_JOB = "people_refresh"
# What the run of each environment says when it fails.
SAYS = {
    "wrong_token": "The Spark server refuses the token",
    "no_spark": "The Spark server went away",
    "spark_text": "There is no usable address of a Spark Connect server",
    "databricks": "Databricks Connect refuses its settings",
    "databricks_host": "There is no address of a Databricks workspace",
    "mlflow_text": "MLflow cannot be at this address",
    "no_state": "the event store did not answer",
    "state_text": "the event store cannot be at this address",
    "state_at_sign": "the address of the event store cannot be read",
    "no_database": "the database did not answer",
    "database_text": "the database cannot be at this address",
    "database_slash": "the address of the database cannot be read",
    "mlflow_slash": "the address of the MLflow server cannot be read",
}


@dataclass(frozen=True)
class Lived:
    """What happened, and everything it left.

    Attributes:
        folder: The project, its stores, and the MLflow server's folder.
        works: Whether the run succeeded in the environment where all is right.
        errors: What the first failed step said, by environment.
        output: Standard output and error, the log, results of commands, and tracebacks.
    """

    folder: Path
    works: bool
    errors: dict[str, str]
    output: str


@pytest.fixture(scope="module")
def lived(spark_address: str, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder = tmp_path_factory.mktemp("canaries")
    root = write_canary_project(folder / "project")
    port = free_port()
    told: list[str] = []
    errors: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables(spark_address, port).items():
            patch.setenv(name, value)
        patch.setenv(ROOT_VARIABLE, str(root))
        patch.setattr(stage, "RETRY_WAIT_SECONDS", 0)
        patch.setattr(remote, "_RETRIES", 0)
        _install_databricks(patch)
        with _everything_said() as said:
            with mlflow_server(folder / "server", port):
                works = _run(root, "works", errors, told)
            _run(root, "works", errors, told)
            for name in SAYS:
                (_look if name.startswith("mlflow_") else _run)(root, name, errors, told)
            for name in ENVIRONMENTS:
                for command in ("check", "status"):
                    done = CliRunner().invoke(main, [command, "--environment", name])
                    told.append(done.output)
                    if done.exception is not None:
                        told += traceback.format_exception(done.exception)
    return Lived(folder, works, errors, "\n".join([*told, said.getvalue()]))


def _run(root: Path, name: str, errors: dict[str, str], told: list[str]) -> bool:
    """Run the job of an environment; keep its first error, and all tracebacks."""
    with live_project(root, name) as project:
        result = project.run(PEOPLE_JOB if "database" in name else JOB, None)
        told += [str(event) for event in result.all_events]
        failures = [e.step_failure_data.error for e in result.all_events if e.is_step_failure]
        if failures and failures[0] is not None:
            errors[name] = failures[0].to_string()
            told.append(errors[name])
        told += _raised(lambda: event_store(project.workspace).streams())
        told += _raised(lambda: project.tracker.find_version("churn.leaves", "0" * 64))
        told += _raised(lambda: project.tracker.alias_version("churn.leaves"))
    return bool(result.success)


def _look(root: Path, name: str, errors: dict[str, str], told: list[str]) -> None:
    """Open the model store of an environment, as a training does at its end."""
    with live_project(root, name) as project:
        told += _raised(lambda: project.tracker)
        errors[name] = told[-1]


def _raised(call: Callable[[], object]) -> list[str]:
    try:
        call()
    except MlopsDagsterError as error:
        return traceback.format_exception(error)
    return []


def _install_databricks(patch: pytest.MonkeyPatch) -> None:
    """Stand in for Databricks Connect, which cannot be installed beside pyspark.

    Its settings are refused with a message that quotes them all.
    """

    class Builder:
        def __init__(self) -> None:
            self.settings: list[object] = []

        def host(self, host: str) -> "Builder":
            self.settings.append(host)
            return self

        def token(self, token: str) -> "Builder":
            self.settings.append(token)
            return self

        def serverless(self, enabled: bool = True) -> "Builder":
            return self

        def create(self) -> object:
            raise ValueError(f"cannot connect with {self.settings}")

    module = types.ModuleType("databricks.connect")
    module.DatabricksSession = type("DatabricksSession", (), {"builder": Builder()})  # type: ignore[attr-defined]
    patch.setitem(sys.modules, "databricks.connect", module)


@contextmanager
def _everything_said() -> Iterator[io.StringIO]:
    """Yield what the process prints and logs at every level while the block lasts."""
    # In memory: a handler that is made meanwhile writes to it afterwards, too.
    said = io.StringIO()
    handler, root = logging.StreamHandler(said), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(said), redirect_stderr(said):
            yield said
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def test_the_life_had_its_success_and_every_failure(lived: Lived) -> None:
    assert lived.works
    assert "MLflow did not answer" in lived.errors.pop("works")
    assert lived.errors.keys() == SAYS.keys()
    for name, error in lived.errors.items():
        assert SAYS[name] in error, error
        assert ". " in error, error


def test_no_canary_is_in_any_file_of_it(lived: Lived) -> None:
    looked = [place for place, _ in everything_below(lived.folder)]
    for kind in (".db", ".yaml", ".skops", ".parquet!", ".json", "server.log"):
        assert any(place.endswith(kind) for place in looked), kind
    assert places_of(CANARIES, everything_below(lived.folder)) == set()


def test_no_canary_is_in_events_commands_or_tracebacks(lived: Lived) -> None:
    assert lived.output.count("Traceback") >= len(SAYS) / 2
    assert "STEP_FAILURE" in lived.output
    assert places_of(CANARIES, iter([("output", lived.output.encode())])) == set()


def test_the_token_of_the_server_that_was_used_is_in_none_of_it(
    lived: Lived, spark_address: str
) -> None:
    secret = {"token": spark_address.partition("token=")[2]}
    assert len(secret["token"]) > 8
    assert places_of(secret, everything_below(lived.folder)) == set()
    assert places_of(secret, iter([("output", lived.output.encode())])) == set()


def test_the_search_finds_a_canary_wherever_it_is_planted(tmp_path: Path) -> None:
    secret = "canary-planted-1234"
    with gzip.open(tmp_path / "a.gz", "wt") as file:
        file.write(f"x{secret}y")
    with zipfile.ZipFile(tmp_path / "b.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", secret * 3)
    pd.DataFrame({"a": [f"{secret} {n}" for n in range(100)]}).to_parquet(tmp_path / "c.parquet")
    with sqlite3.connect(tmp_path / "d.db") as database:
        database.execute("CREATE TABLE events (payload TEXT)")
        database.execute("INSERT INTO events VALUES (?)", [f"at {secret}"])
    database.close()
    (tmp_path / f"e-{secret}").touch()
    (tmp_path / "f.txt").write_text("Basic " + _basic(f"user:{secret}"))
    places = places_of({"it": secret}, everything_below(tmp_path))
    found = {Path(place.partition(" in ")[2].partition("!")[0]).name[0] for place in places}
    assert found == {"a", "b", "c", "d", "e", "f"}


def _basic(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()
