"""A real MLflow server that is away before, during and after a training, and while scoring."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.crashes.conftest import DAYS
from mlops_dagster_tests.crashes.crashed_life import MODEL
from mlops_dagster_tests.crashes.outcome import Difference, Outcome, difference, outcome_of
from mlops_dagster_tests.crashes.servers import MlflowServer
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import (
    LiveProject,
    live_project,
    metadata_of,
    step_failure,
)

VARIABLE = "MLOPS_DAGSTER_TEST_MLFLOW"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path / "mlflow")
    monkeypatch.setenv(VARIABLE, server.address)
    yield server
    server.kill()


@pytest.fixture
def project(
    server: MlflowServer, spark_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveProject]:
    """A project that logs to the server."""
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    root = write_small_project(tmp_path / "project", models=1).root
    with (root / "environments" / "dev.yaml").open("a", encoding="utf-8") as file:
        file.write(f"tracking: {{address_variable: {VARIABLE}}}\n")
    with live_project(root) as project:
        yield project


@contextmanager
def killed_when(server: MlflowServer, moment: Callable[[], bool]) -> Iterator[None]:
    """Kill the server at a moment inside the block."""
    killed = threading.Event()

    def watch() -> None:
        while not killed.is_set():
            if moment():
                server.kill()
                killed.set()
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
        assert killed.is_set(), "the moment never came"
    finally:
        killed.set()
        watcher.join()


def a_run_is_there(server: MlflowServer) -> bool:
    with sqlite3.connect(f"{server.database.as_uri()}?mode=ro", uri=True) as connection:
        return bool(connection.execute("SELECT count(*) FROM runs").fetchone()[0])


def told(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    failed = [e for e in result.all_events if e.is_step_failure]
    (failure,) = failed
    error = failure.step_failure_data.error
    causes = []
    while error is not None:
        causes.append(error.message)
        error = error.cause
    return "\n".join(causes) + (step_failure(result) if not causes else "")


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_mlflow_away_at_every_stage_of_a_training_costs_time_and_nothing_else(
    undisturbed: Outcome, project: LiveProject, server: MlflowServer
) -> None:
    for day in DAYS[:3]:
        assert project.open(day).success
        assert project.close(day).success
    cutoff = DAYS[2]

    before = project.train(MODEL, cutoff)
    assert "MLflow did not answer" in told(before)
    server.start()
    with killed_when(server, lambda: a_run_is_there(server)):
        during = project.train(MODEL, cutoff)
    assert "MLflow did not answer" in told(during)
    assert [attempt.version for attempt in project.ledger(MODEL).trainings] == [None]
    server.start()
    with killed_when(server, lambda: bool(project.ledger(MODEL).trainings[0].version)):
        after = project.train(MODEL, cutoff)
    assert "MLflow did not answer" in told(after)
    assert metadata_of(after, "energy_demand", "model", MODEL)["fitted_now"] is False
    server.start()
    assert project.tracker.alias_version(project.model(MODEL).stream) is None
    assert project.train(MODEL, cutoff).success

    server.kill()
    assert project.open(DAYS[3]).success
    assert project.close(DAYS[3]).success
    server.start()

    found = difference(outcome_of(project), undisturbed)
    assert found == Difference()
    for stage, then in {
        "before": "the model is fitted and kept",
        "during": "what was logged is found again, the model is not fitted again",
        "after": "registered once; the next run tests and promotes it",
    }.items():
        tell_trial(
            "fault",
            f"MLflow down {stage} training",
            about="a real server, killed",
            then=f"`TrackingUnavailable`; {then}",
            found=found,
        )
    tell_trial(
        "fault",
        "MLflow down while scoring",
        about="a real server, killed",
        then="forecasts and monitoring use the fetched copy",
        found=found,
    )
