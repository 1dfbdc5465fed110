"""What monitoring and decisions leave in the event store, and how it is read back.

One window has one valid drift report, quality report and decision at an instant: the newest by
`as_of`, then by place in the stream. Recording equal content again appends nothing, other content
supersedes what was there; a report that is made again for an earlier instant does not supersede
what became known later.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from mlops_dagster.errors import StateConflict
from mlops_dagster.monitoring.decision import Decision
from mlops_dagster.monitoring.payload import Payload
from mlops_dagster.monitoring.summaries import DriftSummary, QualitySummary
from mlops_dagster.state.event import Event

if TYPE_CHECKING:
    from mlops_dagster.monitoring.quality_report import QualityReport
    from mlops_dagster.monitoring.report import DriftReport
    from mlops_dagster.state.store import EventStore, StoredEvent

# A window's monitoring and decision have one writer; a second one is a re-run, not a crowd.
_ATTEMPTS = 20


class DriftReported(Event):
    """A window was compared with the baseline of the model in charge."""

    kind: ClassVar[str] = "drift_reported"

    summary: DriftSummary
    report_digest: str

    @property
    def window(self) -> str:
        """The window it is about."""
        return self.summary.window


class QualityReported(Event):
    """A window's predictions were measured against the labels known so far."""

    kind: ClassVar[str] = "quality_reported"

    summary: QualitySummary
    report_digest: str

    @property
    def window(self) -> str:
        """The window it is about."""
        return self.summary.window


class Decided(Event):
    """What was decided after a window; `request` names the training that follows, if one does.

    A window has one request at most: a later decision that trains as well carries the first one's,
    so whoever launches by request launches once.
    """

    kind: ClassVar[str] = "decided"

    decision: Decision
    request: str | None = None

    @property
    def window(self) -> str:
        """The window it is about."""
        return self.decision.window


WindowEvent = DriftReported | QualityReported | Decided


@dataclass(frozen=True)
class TrainingRequest:
    """A training that a valid decision asks for; `request` is the key to launch it once."""

    request: str
    decision: Decision
    as_of: datetime


@dataclass(frozen=True)
class MonitorHistory:
    """What is valid now, by window, in the order in which windows were first recorded."""

    drift: Mapping[str, DriftSummary] = field(default_factory=dict)
    quality: Mapping[str, QualitySummary] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    requests: tuple[TrainingRequest, ...] = ()


def monitor_stream(model_stream: str) -> str:
    """Return the stream of a model's reports; `model_stream` is `<use_case>.<model>`."""
    return f"monitor/{model_stream}"


def decision_stream(model_stream: str) -> str:
    """Return the stream of a model's decisions; `model_stream` is `<use_case>.<model>`."""
    return f"decision/{model_stream}"


def record_drift(
    store: "EventStore", model_stream: str, report: "DriftReport", *, as_of: datetime, run_id: str
) -> "StoredEvent":
    """Record a drift report's summary; return its event, an earlier one if it is equal."""
    event = DriftReported(summary=report.summary, report_digest=content_digest(report))
    return _record(store, monitor_stream(model_stream), event, as_of=as_of, run_id=run_id)


def record_quality(
    store: "EventStore",
    model_stream: str,
    report: "QualityReport",
    *,
    as_of: datetime,
    run_id: str,
) -> "StoredEvent":
    """Record a quality report's summary; return its event, an earlier one if it is equal."""
    event = QualityReported(summary=report.summary, report_digest=content_digest(report))
    return _record(store, monitor_stream(model_stream), event, as_of=as_of, run_id=run_id)


def record_decision(
    store: "EventStore", model_stream: str, decision: Decision, *, as_of: datetime, run_id: str
) -> "StoredEvent":
    """Record a decision; return its event, an earlier one if it is equal.

    A decision that trains carries the request `<use_case>.<model>|<window>`.
    """
    request = f"{model_stream}|{decision.window}" if decision.kind.trains else None
    event = Decided(decision=decision, request=request)
    return _record(store, decision_stream(model_stream), event, as_of=as_of, run_id=run_id)


def history(
    store: "EventStore", model_stream: str, *, as_of: datetime | None = None
) -> MonitorHistory:
    """Return what is valid of a model's reports and decisions; two reads of the store.

    Args:
        store: The event store.
        model_stream: `<use_case>.<model>`.
        as_of: Only what was known by this instant; None for all that is recorded.
    """
    events = (
        *store.read(monitor_stream(model_stream)),
        *store.read(decision_stream(model_stream)),
    )
    return fold_history(e for e in events if as_of is None or e.as_of <= as_of)


def fold_history(events: Iterable["StoredEvent"]) -> MonitorHistory:
    """Return what is valid after some events: of each kind and window the newest."""
    drift: dict[str, DriftSummary] = {}
    quality: dict[str, QualitySummary] = {}
    decided: dict[str, tuple[Decided, datetime]] = {}
    for stored in sorted(events, key=_age):
        event = stored.event
        if isinstance(event, DriftReported):
            drift[event.window] = event.summary
        elif isinstance(event, QualityReported):
            quality[event.window] = event.summary
        elif isinstance(event, Decided):
            decided[event.window] = (event, stored.as_of)
    return MonitorHistory(
        drift=drift,
        quality=quality,
        decisions={window: event.decision for window, (event, _) in decided.items()},
        requests=tuple(
            TrainingRequest(event.request, event.decision, as_of)
            for event, as_of in decided.values()
            if event.request is not None
        ),
    )


def content_digest(report: Payload) -> str:
    """Return a hash of a report's whole content."""
    return hashlib.sha256(report.model_dump_json().encode()).hexdigest()


def _record(
    store: "EventStore", stream: str, event: WindowEvent, *, as_of: datetime, run_id: str
) -> "StoredEvent":
    for _ in range(_ATTEMPTS):
        events = store.read(stream)
        same = [
            stored
            for stored in events
            if isinstance(stored.event, type(event))
            and stored.event.window == event.window
            and stored.as_of <= as_of
        ]
        newest = max(same, key=_age, default=None)
        if newest is not None and newest.event == event:
            return newest
        try:
            return store.append(
                stream, events[-1].seq if events else 0, event, as_of=as_of, run_id=run_id
            )
        except StateConflict:
            continue
    raise StateConflict(f"no event could be appended in {_ATTEMPTS} attempts", where=stream)


def _age(stored: "StoredEvent") -> tuple[datetime, int]:
    return stored.as_of, stored.seq
