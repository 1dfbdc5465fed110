"""A daemon killed in the midst of launching a training: it is launched once, never twice."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import SensorInstigatorData

from mlops_dagster.assets.tags import REQUEST_TAG
from mlops_dagster.monitoring.decision import Decision, DecisionKind
from mlops_dagster.monitoring.events import record_decision
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project
from mlops_dagster_tests.energy_demand.make_world import World
from mlops_dagster_tests.energy_demand.write_project import write_energy_project

WINDOW = "2024-01-28"
MODEL = "energy_demand.daily_use"
# Dagster's own names of what it has just done.
POINTS = [
    pytest.param("TICK_CREATED", marks=pytest.mark.verify),
    pytest.param("TICK_HELD", marks=pytest.mark.verify),
    pytest.param("RUN_IDS_RESERVED", marks=pytest.mark.verify),
    "RUN_CREATED",
    pytest.param("RUN_LAUNCHED", marks=pytest.mark.verify),
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[LiveProject]:
    """A project whose last decision asks for a training."""
    root = write_energy_project(tmp_path, days=1, world=World(days=1, households=1)).root
    with live_project(root) as project:
        record_decision(
            project.store,
            MODEL,
            Decision(window=WINDOW, kind=DecisionKind.TRAIN_FIRST, reason="28 windows are in"),
            as_of=project.calendar.as_of_close(WINDOW),
            run_id="run",
        )
        yield project


def look(project: LiveProject, *point: str) -> int:
    """Let the daemon look once; return its exit code."""
    root = str(project.workspace.root)
    command = [sys.executable, "-m", "mlops_dagster_tests.crashes.tick_sensor", root, *point]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def wait_over(instance: dg.DagsterInstance) -> None:
    """Let the thirty seconds between two looks be over."""
    for state in instance.all_instigator_state():
        data = state.instigator_data
        assert isinstance(data, SensorInstigatorData)
        instance.update_instigator_state(
            state.with_data(data._replace(last_tick_start_timestamp=0.0, last_tick_timestamp=0.0))
        )


def launched(project: LiveProject) -> list[dg.DagsterRun]:
    return list(project.instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: f"{MODEL}|{WINDOW}"})))


@pytest.mark.verify
@pytest.mark.parametrize("point", POINTS)
def test_a_daemon_killed_while_it_launches_a_training_launches_it_once(
    project: LiveProject, point: str
) -> None:
    assert look(project, point) == -signal.SIGKILL, "the point was not reached"
    wait_over(project.instance)
    assert look(project) == 0
    (run,) = launched(project)
    assert run.status is dg.DagsterRunStatus.QUEUED
    assert project.requested() == []
    tell_trial(
        "killed process",
        "daemon",
        about=f"the retraining sensor at Dagster's point {point}",
        then="the next look goes on; one training is launched",
    )
