"""The retraining sensor: each decision to train is launched, exactly once."""

import dagster as dg
import pytest

from mlops_dagster.assets.tags import DECISION_TAG, REQUEST_TAG
from mlops_dagster.automation.replay import requested_runs
from mlops_dagster.monitoring.decision import Decision, DecisionKind
from mlops_dagster.monitoring.events import record_decision
from mlops_dagster.registry.events import Evaluated, Rejected, Trained
from mlops_dagster.registry.ledger import record
from mlops_dagster_tests.automation.asked import Asked

MODEL = "energy_demand.daily_use"
JOB = "energy_demand_daily_use_train"
WINDOW = "2024-01-28"
REASON = "28 windows are in and there is no champion"


def decide(asked: Asked, kind: DecisionKind, window: str = WINDOW) -> None:
    record_decision(
        asked.store,
        MODEL,
        Decision(window=window, kind=kind, reason=REASON),
        as_of=asked.calendar.as_of_close(window),
        run_id="run",
    )


def train(asked: Asked, *, to_the_end: bool) -> None:
    attempt = {"cutoff_window": WINDOW, "bundle_digest": "digest"}
    events = [
        Trained(**attempt, code_version="1", training_digest="1", rows=1),
        Evaluated(**attempt, outcome="fail", explanation="no", report_digest="1"),
        Rejected(**attempt, reason="no"),
    ]
    as_of = asked.calendar.as_of_close(WINDOW)
    for event in events if to_the_end else events[:1]:
        record(asked.store, MODEL, event, as_of=as_of, run_id="run")


def test_without_decisions_nothing_is_launched(asked: Asked) -> None:
    data = asked.tick_sensor()
    assert not data.run_requests
    assert data.skip_message == "No decision asks for a training."


@pytest.mark.parametrize("kind", [DecisionKind.TRAIN_FIRST, DecisionKind.RETRAIN])
def test_a_decision_to_train_is_launched_with_its_key(asked: Asked, kind: DecisionKind) -> None:
    decide(asked, kind)
    (request,) = asked.tick_sensor().run_requests or []
    assert request.run_key == f"{MODEL}|{WINDOW}|1"
    assert request.job_name == JOB
    assert request.partition_key == WINDOW
    assert request.tags[DECISION_TAG] == REASON
    assert request.tags[REQUEST_TAG] == f"{MODEL}|{WINDOW}"


@pytest.mark.parametrize("kind", [DecisionKind.HOLD, DecisionKind.BLOCKED])
def test_a_decision_not_to_train_launches_nothing(asked: Asked, kind: DecisionKind) -> None:
    decide(asked, kind)
    assert not asked.tick_sensor().run_requests


def test_the_same_decision_keeps_its_key_however_often_it_is_made(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    first = asked.tick_sensor()
    decide(asked, DecisionKind.TRAIN_FIRST)
    second = asked.tick_sensor()
    keys = [[r.run_key for r in data.run_requests or []] for data in (first, second)]
    assert keys[0] == keys[1]


def test_a_training_in_the_ledger_ends_the_request(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    train(asked, to_the_end=True)
    assert not asked.tick_sensor().run_requests


def test_a_training_that_stopped_half_way_is_asked_for_again(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    train(asked, to_the_end=False)
    assert len(asked.tick_sensor().run_requests or []) == 1


def test_while_its_run_is_unfinished_a_request_is_not_launched_again(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    request = f"{MODEL}|{WINDOW}"
    asked.run(JOB, WINDOW, dg.DagsterRunStatus.STARTED, **{REQUEST_TAG: request})
    data = asked.tick_sensor()
    assert not data.run_requests
    assert data.skip_message == f"{request} is running"


def test_a_run_that_a_lost_daemon_never_launched_is_asked_for_under_its_key(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    (request,) = asked.tick_sensor().run_requests or []
    asked.run(JOB, WINDOW, dg.DagsterRunStatus.NOT_STARTED, **request.tags)
    (again,) = asked.tick_sensor().run_requests or []
    assert again.run_key == request.run_key


def test_a_failed_training_is_tried_again_with_a_new_key_three_times(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    keys = []
    while requests := asked.tick_sensor().run_requests:
        (request,) = requests
        keys.append(request.run_key)
        asked.run(JOB, WINDOW, dg.DagsterRunStatus.FAILURE, **request.tags)
    assert keys == [f"{MODEL}|{WINDOW}|{number}" for number in (1, 2, 3)]
    assert "failed 3 times: see its runs" in str(asked.tick_sensor().skip_message)


def test_the_replay_runs_what_the_sensor_asks_for(asked: Asked) -> None:
    decide(asked, DecisionKind.TRAIN_FIRST)
    requests = requested_runs(asked.definitions, asked.instance, asked.use_case)
    assert [request.partition_key for request in requests] == [WINDOW]
