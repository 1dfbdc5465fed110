"""Reports and decisions in the event store: once per content, newest wins, one request a window."""

from datetime import datetime, timezone
from pathlib import Path

import pytest

from mlops_dagster.monitoring.baseline import profile_pandas
from mlops_dagster.monitoring.decision import Decision, DecisionKind, HoldReason
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.events import (
    Decided,
    DriftReported,
    decision_stream,
    history,
    monitor_stream,
    record_decision,
    record_drift,
    record_quality,
)
from mlops_dagster.monitoring.quality_report import LabelCounts, QualityReport
from mlops_dagster.monitoring.report import DriftReport
from mlops_dagster.monitoring.summaries import QualityVerdict
from mlops_dagster.spec.models import Task
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster_tests.monitoring.worlds import baseline_of, rows

MODEL = "flight_delays.departure_delay"
AS_OF = datetime(2013, 5, 1, 12, tzinfo=timezone.utc)
LATER = datetime(2013, 6, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    return open_store(tmp_path / "events.db")


@pytest.fixture(scope="module")
def report() -> DriftReport:
    reference, window = rows(0, days=10, per_day=20), rows(1, days=10, per_day=20)
    window["c0"] = "z"
    baseline = baseline_of(reference)
    profile = profile_pandas(window, baseline.grid)
    return drift_report(baseline, profile, window="2013-04", model_version="1")


def decision(kind: DecisionKind, reason: str = "because", window: str = "2013-04") -> Decision:
    refusal = HoldReason.NO_EVIDENCE if kind is DecisionKind.HOLD else None
    return Decision(window=window, kind=kind, reason=reason, refusal=refusal, champion="1")


def quality(verdict: QualityVerdict) -> QualityReport:
    return QualityReport(
        window="2013-04",
        model_version="1",
        task=Task.BINARY,
        labels=LabelCounts(labelled=9, never=1, pending=0),
        final=True,
        metrics=(),
        verdict=verdict,
        text="",
    )


def record(store: EventStore, made: Decision, as_of: datetime = AS_OF) -> int:
    return record_decision(store, MODEL, made, as_of=as_of, run_id="r").seq


def test_an_equal_report_is_recorded_once(store: EventStore, report: DriftReport) -> None:
    first = record_drift(store, MODEL, report, as_of=AS_OF, run_id="r1")
    again = record_drift(store, MODEL, report, as_of=LATER, run_id="r2")
    assert (first.seq, again.seq, again.run_id) == (1, 1, "r1")
    assert isinstance(first.event, DriftReported)
    assert history(store, MODEL).drift == {"2013-04": report.summary}


def test_a_report_read_back_in_a_new_process_equals_what_was_recorded(
    store: EventStore, report: DriftReport, tmp_path: Path
) -> None:
    record_drift(store, MODEL, report, as_of=AS_OF, run_id="r")
    assert history(open_store(tmp_path / "events.db"), MODEL).drift["2013-04"] == report.summary
    assert report.summary.faults


def test_a_report_that_differs_only_in_a_number_supersedes(
    store: EventStore, report: DriftReport
) -> None:
    record_drift(store, MODEL, report, as_of=AS_OF, run_id="r")
    other = report.model_copy(update={"rows_reference": report.rows_reference + 1})
    assert other.summary == report.summary
    assert record_drift(store, MODEL, other, as_of=AS_OF, run_id="r").seq == 2


def test_drift_and_quality_of_a_window_stand_side_by_side(
    store: EventStore, report: DriftReport
) -> None:
    record_drift(store, MODEL, report, as_of=AS_OF, run_id="r")
    for verdict in (QualityVerdict.UNDECIDED, QualityVerdict.DEGRADED, QualityVerdict.DEGRADED):
        record_quality(store, MODEL, quality(verdict), as_of=AS_OF, run_id="r")
    assert store.last_seq(monitor_stream(MODEL)) == 3
    found = history(store, MODEL)
    assert found.drift["2013-04"] == report.summary
    assert found.quality["2013-04"].verdict is QualityVerdict.DEGRADED


def test_quality_made_again_for_an_earlier_instant_does_not_undo_what_came_later(
    store: EventStore,
) -> None:
    early, late = quality(QualityVerdict.UNDECIDED), quality(QualityVerdict.DEGRADED)
    for report, as_of in ((early, AS_OF), (late, LATER), (early, AS_OF)):
        record_quality(store, MODEL, report, as_of=as_of, run_id="r")
    assert store.last_seq(monitor_stream(MODEL)) == 2
    assert history(store, MODEL).quality["2013-04"] == late.summary
    assert history(store, MODEL, as_of=AS_OF).quality["2013-04"] == early.summary
    changed = early.model_copy(update={"text": "other"})
    record_quality(store, MODEL, changed, as_of=AS_OF, run_id="r")
    assert history(store, MODEL).quality["2013-04"] == late.summary
    assert history(store, MODEL, as_of=AS_OF).quality["2013-04"] == changed.summary


def test_a_decision_that_trains_carries_a_request_and_one_that_holds_none(
    store: EventStore,
) -> None:
    record(store, decision(DecisionKind.HOLD, window="2013-03"))
    record(store, decision(DecisionKind.RETRAIN))
    (request,) = history(store, MODEL).requests
    assert request.request == "flight_delays.departure_delay|2013-04"
    assert (request.decision.window, request.as_of) == ("2013-04", AS_OF)


def test_deciding_a_window_again_asks_for_no_second_training(store: EventStore) -> None:
    assert record(store, decision(DecisionKind.RETRAIN)) == 1
    assert record(store, decision(DecisionKind.RETRAIN), LATER) == 1
    assert record(store, decision(DecisionKind.RETRAIN, "two reasons"), LATER) == 2
    (request,) = history(store, MODEL).requests
    assert request.decision.reason == "two reasons"
    events = [stored.event for stored in store.read(decision_stream(MODEL))]
    assert len({event.request for event in events if isinstance(event, Decided)}) == 1


def test_a_later_hold_takes_a_request_back(store: EventStore) -> None:
    record(store, decision(DecisionKind.RETRAIN))
    record(store, decision(DecisionKind.HOLD))
    found = history(store, MODEL)
    assert found.requests == ()
    assert found.decisions["2013-04"].kind is DecisionKind.HOLD


def test_content_that_returns_to_an_earlier_one_is_recorded(store: EventStore) -> None:
    kinds = (DecisionKind.HOLD, DecisionKind.RETRAIN, DecisionKind.HOLD)
    assert [record(store, decision(kind)) for kind in kinds] == [1, 2, 3]


def test_models_have_streams_of_their_own(store: EventStore) -> None:
    record(store, decision(DecisionKind.HOLD))
    assert history(store, "flight_delays.other").decisions == {}
