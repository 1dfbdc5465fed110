"""A run whose process was killed ends as failed; what it was asked for is asked for again."""

import subprocess
import sys
from datetime import timedelta

import dagster as dg
import pytest

from mlops_dagster.assets.tags import REQUEST_TAG
from mlops_dagster.automation import lost_runs
from mlops_dagster.automation.lost_runs import end_lost_runs
from mlops_dagster.automation.replay import requested_runs
from mlops_dagster.clock import utc_now
from mlops_dagster.monitoring.decision import DecisionKind
from mlops_dagster.resources.run_lease import RunLease
from mlops_dagster_tests.automation import live_and_hang
from mlops_dagster_tests.automation.asked import Asked
from mlops_dagster_tests.automation.test_sensors import JOB, MODEL, WINDOW, decide

STARTED = dg.DagsterRunStatus.STARTED


def test_only_a_run_that_was_cut_off_is_ended(asked: Asked) -> None:
    living, killed, elsewhere = (asked.run(JOB, WINDOW, STARTED) for _ in range(3))
    lease = RunLease.show(asked.instance, living.run_id)
    assert lease is not None
    command = [sys.executable, "-m", live_and_hang.__name__]
    home = asked.instance.root_directory
    with subprocess.Popen([*command, home, killed.run_id], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"lives\n"
        assert end_lost_runs(asked.instance, asked.use_case) == ()
        process.kill()
    assert end_lost_runs(asked.instance, asked.use_case) == (killed.run_id,)
    assert end_lost_runs(asked.instance, asked.use_case) == ()
    status = {run.run_id: run.status for run in asked.instance.get_runs()}
    assert status[killed.run_id] is dg.DagsterRunStatus.FAILURE
    assert status[living.run_id] is status[elsewhere.run_id] is STARTED
    lease.release()
    # It ended by itself, and nobody says otherwise.
    assert end_lost_runs(asked.instance, asked.use_case) == ()


def test_a_run_that_started_and_never_showed_that_it_lives_is_ended_after_a_while(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = asked.definitions.resolve_job_def(JOB)
    silent, released = (asked.instance.create_run_for_job(job) for _ in range(2))
    for run in (silent, released):
        started = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job_name=JOB)
        asked.instance.report_dagster_event(started, run.run_id)
    lease = RunLease.show(asked.instance, released.run_id)
    assert lease is not None
    lease.release()
    assert end_lost_runs(asked.instance, asked.use_case) == ()
    later = utc_now() + timedelta(seconds=lost_runs.SILENCE_SECONDS + 1)
    monkeypatch.setattr(lost_runs, "utc_now", lambda: later)
    assert end_lost_runs(asked.instance, asked.use_case) == (silent.run_id,)


def test_a_training_that_was_cut_off_is_asked_for_again(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    request = f"{MODEL}|{WINDOW}"
    run = asked.run(JOB, WINDOW, STARTED, **{REQUEST_TAG: request})
    cut_off(asked, run.run_id)
    (found,) = requested_runs(asked.definitions, asked.instance, asked.use_case)
    assert found.run_key == f"{request}|2"


def test_the_sensor_tells_that_it_ended_a_run_and_asks_at_its_next_look(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    run = asked.run(JOB, WINDOW, STARTED, **{REQUEST_TAG: f"{MODEL}|{WINDOW}"})
    cut_off(asked, run.run_id)
    assert asked.tick_sensor().skip_message == f"Ended runs that were killed: {run.run_id}"
    assert len(asked.tick_sensor().run_requests or []) == 1


def cut_off(asked: Asked, run_id: str) -> None:
    """Leave the sign of life of a process that was killed."""
    lease = RunLease.show(asked.instance, run_id)
    assert lease is not None
    lease._lock.release()
