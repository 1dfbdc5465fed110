"""What happened to each alert: raised once, and told once to each channel.

The stream of a model is `alert/<use_case>.<model>`, that of a table `alert/<owner>.<layer>.<name>`.
An alert is named by kind, window and a digest of what it says, or of the facts that it tells of.
What is still to be raised is asked again before each one is appended by a compare-and-swap: of two
runs that have the same to tell, one raises it. Sending begins with a compare-and-swap too: of two
runs one sends. A send without an outcome counts as failed after a while: whoever began it was
killed.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from mlops_dagster.errors import StateConflict
from mlops_dagster.monitoring.alerts import Alert
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.state.event import Event

if TYPE_CHECKING:
    from mlops_dagster.state.store import EventStore, StoredEvent

# Longer than any channel takes with all its tries.
SENDING_SECONDS = 600
_ATTEMPTS = 50
_DIGEST_LENGTH = 16


class AlertRaised(Event):
    """Something is to be told, to these channels.

    Attributes:
        alert: Its name: kind, window and digest of severity and text or `tells_of`.
        alert_kind: What it is about.
        severity: How grave it is.
        model: Name of the model, `<use_case>.<model>`; empty where it is about a table.
        window: The window it is about; the newest of several.
        text: One sentence.
        channels: Names of the channels of the environment when it was raised.
        table: Name of the table, `<owner>.<layer>.<name>`; empty where it is about a model.
        windows: All windows where it is about several, oldest first; else empty.
        tells_of: Names of the recorded facts that it tells of; empty where its text says it all.
    """

    kind: ClassVar[str] = "alert_raised"

    alert: str
    alert_kind: AlertKind
    severity: Severity
    model: str
    window: str
    text: str
    channels: tuple[str, ...]
    table: str = ""
    windows: tuple[str, ...] = ()
    tells_of: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """The model or table: what its stream is named after."""
        return self.table or self.model


class AlertSending(Event):
    """A run began to tell an alert to a channel."""

    kind: ClassVar[str] = "alert_sending"

    alert: str
    channel: str


class AlertDelivered(Event):
    """A channel took an alert."""

    kind: ClassVar[str] = "alert_delivered"

    alert: str
    channel: str


class AlertUndelivered(Event):
    """A channel did not take an alert; `problem` holds no secret."""

    kind: ClassVar[str] = "alert_undelivered"

    alert: str
    channel: str
    problem: str


@dataclass(frozen=True)
class Told:
    """An alert and what its channels said.

    Attributes:
        raised: The alert.
        as_of: The instant that it was decided at.
        run_id: The run that raised it.
        delivered: Channels that took it.
        problems: What the last try said, by channel that has not taken it.
        sending: When the last try of a channel began that has no outcome yet.
    """

    raised: AlertRaised
    as_of: datetime
    run_id: str
    delivered: frozenset[str] = frozenset()
    problems: Mapping[str, str] = field(default_factory=dict)
    sending: Mapping[str, datetime] = field(default_factory=dict)

    def is_due(self, channel: str, now: datetime) -> bool:
        """Tell whether the channel is still to be told, and nobody is telling it now."""
        if channel not in self.raised.channels or channel in self.delivered:
            return False
        begun = self.sending.get(channel)
        return begun is None or now - begun >= timedelta(seconds=SENDING_SECONDS)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Channels that have not taken it."""
        return tuple(name for name in self.raised.channels if name not in self.delivered)

    def is_untried(self, now: datetime) -> bool:
        """Tell whether a channel is still to be told that no try has failed with."""
        return any(self.is_due(name, now) for name in self.waiting if name not in self.problems)


@dataclass(frozen=True)
class AlertBook:
    """All alerts about a model or table by name, oldest first; `last_seq` is the last event."""

    about: str
    alerts: Mapping[str, Told] = field(default_factory=dict)
    last_seq: int = 0

    @property
    def told_of(self) -> frozenset[str]:
        """Names of the recorded facts that some alert tells of."""
        return frozenset(name for told in self.alerts.values() for name in told.raised.tells_of)


# What is to be raised beside a book: alerts, and the instant that each was decided at.
Owed: TypeAlias = Callable[[AlertBook], Sequence[tuple[AlertRaised, datetime]]]


def alert_stream(about: str) -> str:
    """Return the stream of the alerts about a model or table, by its name."""
    return f"alert/{about}"


def raised(alert: Alert, channels: Iterable[str]) -> AlertRaised:
    """Return the event of an alert that is to be told to channels."""
    what = "\n".join(alert.tells_of) or alert.text
    said = hashlib.sha256(f"{alert.severity.value}\n{what}".encode()).hexdigest()
    return AlertRaised(
        alert=f"{alert.kind.value}|{alert.window}|{said[:_DIGEST_LENGTH]}",
        alert_kind=alert.kind,
        severity=alert.severity,
        model=alert.model,
        window=alert.window,
        text=alert.text,
        channels=tuple(channels),
        table=alert.table,
        windows=alert.windows,
        tells_of=alert.tells_of,
    )


def read_alerts(store: "EventStore", about: str) -> AlertBook:
    """Return what became of the alerts about a model or table."""
    return fold_alerts(about, store.read(alert_stream(about)))


def fold_alerts(about: str, events: Iterable["StoredEvent"]) -> AlertBook:
    """Return what became of the alerts after some events."""
    alerts: dict[str, Told] = {}
    last_seq = 0
    for stored in events:
        event, last_seq = stored.event, stored.seq
        if isinstance(event, AlertRaised):
            alerts.setdefault(event.alert, Told(event, stored.as_of, stored.run_id))
        elif isinstance(event, AlertSending | AlertDelivered | AlertUndelivered):
            known = alerts.get(event.alert)
            if known is not None:
                alerts[event.alert] = _after(known, event, stored.at)
    return AlertBook(about, alerts, last_seq)


def record_owed(store: "EventStore", about: str, owed: Owed, *, run_id: str) -> None:
    """Record the alerts about a model or table that are owed, until none is.

    Args:
        store: The event store.
        about: The model or table.
        owed: Says what is still to be raised; what the book has is not.
        run_id: The run that raises them.

    Raises:
        StateConflict: Others appended to the stream every time.
    """
    conflicts = 0
    while conflicts < _ATTEMPTS:
        book = read_alerts(store, about)
        due = owed(book)
        if not due:
            return
        event, as_of = due[0]
        try:
            store.append(alert_stream(about), book.last_seq, event, as_of=as_of, run_id=run_id)
        except StateConflict:
            conflicts += 1
    raise StateConflict(f"no event could be appended in {_ATTEMPTS} attempts", where=about)


def begin_sending(
    store: "EventStore", told: Told, *, channel: str, now: datetime, run_id: str
) -> bool:
    """Take the sending of an alert to a channel; False when it is told or somebody else is at it.

    Raises:
        StateConflict: Others appended to the stream every time.
    """
    about, alert = told.raised.about, told.raised.alert
    event = AlertSending(alert=alert, channel=channel)
    for _ in range(_ATTEMPTS):
        book = read_alerts(store, about)
        if not book.alerts[alert].is_due(channel, now):
            return False
        try:
            store.append(
                alert_stream(about), book.last_seq, event, as_of=told.as_of, run_id=run_id, at=now
            )
        except StateConflict:
            continue
        return True
    raise StateConflict(f"no event could be appended in {_ATTEMPTS} attempts", where=about)


def _after(
    known: Told, event: AlertSending | AlertDelivered | AlertUndelivered, at: datetime
) -> Told:
    sending = {name: begun for name, begun in known.sending.items() if name != event.channel}
    problems = {name: said for name, said in known.problems.items() if name != event.channel}
    match event:
        case AlertSending():
            return replace(known, sending={**sending, event.channel: at})
        case AlertDelivered():
            delivered = known.delivered | {event.channel}
            return replace(known, delivered=delivered, problems=problems, sending=sending)
        case AlertUndelivered():
            problems[event.channel] = event.problem
            return replace(known, problems=problems, sending=sending)
