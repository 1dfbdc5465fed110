"""Telling what somebody asked to be told: from recorded reports to the environment's channels."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from mlops_dagster.clock import utc_now
from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.alert_events import (
    AlertBook,
    AlertDelivered,
    AlertRaised,
    AlertUndelivered,
    Told,
    alert_stream,
    begin_sending,
    raised,
    read_alerts,
    record_owed,
)
from mlops_dagster.monitoring.alerts import Alert, alerts_of
from mlops_dagster.monitoring.channels import Channel, LogChannel
from mlops_dagster.monitoring.decision import Decision
from mlops_dagster.monitoring.events import history
from mlops_dagster.monitoring.webhook import WebhookChannel
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.environment import Webhook
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace
from mlops_dagster.state.store import EventStore

# Dagster gives a look of a sensor a minute.
_HURRIED_SECONDS = 3.0

# Alerts, and the instant that each was decided at.
DatedAlerts: TypeAlias = Sequence[tuple[Alert, datetime]]


@dataclass(frozen=True)
class AlertsTold:
    """Deliveries of one run: those that channels took, and channels that did not take one."""

    delivered: int
    failed: int


def alerts_of_window(
    place: Place, use_case: ResolvedUseCase, model: ResolvedModel, decision: Decision
) -> tuple[Alert, ...]:
    """Return the alerts of the place's window that the use case asks for, gravest first."""
    told = history(place.store, model.stream, as_of=place.as_of)
    return alerts_of(
        model=model.stream,
        window=place.window,
        wanted=use_case.spec.alerts,
        drift=told.drift.get(place.window),
        quality=told.quality.get(place.window),
        decision=decision,
    )


def gate_alerts(
    place: Place, use_case: ResolvedUseCase, model: ResolvedModel, refusal: str
) -> tuple[Alert, ...]:
    """Return the alert of a training that was not promoted, if the use case asks for it."""
    if AlertKind.GATE_FAILED not in use_case.spec.alerts:
        return ()
    alert = Alert(AlertKind.GATE_FAILED, Severity.WARNING, model.stream, place.window, refusal)
    return (alert,)


def tell_alerts(
    place: Place, model: ResolvedModel, alerts: Iterable[Alert], logger: logging.Logger
) -> AlertsTold:
    """Raise alerts and tell each channel what it was not told yet, earlier alerts included.

    An alert that was raised before, by an earlier run of its window, is not told again. After a
    failed delivery the rest of that channel waits for the next run. Nothing here fails the stage
    that has something to tell: what goes wrong is logged, and recorded where that is possible.

    Args:
        place: Where and when the stage runs; its environment names the channels.
        model: The model.
        alerts: What there is to tell.
        logger: Where the channel `log` and failures are written.
    """
    found = {raised(alert, ()).alert: (alert, place.as_of) for alert in alerts}
    return tell_about(
        model.stream,
        lambda book: [one for name, one in found.items() if name not in book.alerts],
        store=place.store,
        channels=channels_of(place.workspace, logger),
        run_id=place.run_id,
        logger=logger,
    )


def tell_about(
    about: str,
    owed: Callable[[AlertBook], DatedAlerts],
    *,
    store: EventStore,
    channels: Sequence[Channel],
    run_id: str,
    logger: logging.Logger,
) -> AlertsTold:
    """Raise alerts about a model or table and tell channels, as `tell_alerts` does.

    Args:
        about: `<use_case>.<model>`, or `<owner>.<layer>.<name>` of a table.
        owed: What is to be told beside the alerts that were raised before.
        store: The event store.
        channels: Who is told.
        run_id: The run that raises it.
        logger: Where failures are written.
    """

    def to_raise(book: AlertBook) -> list[tuple[AlertRaised, datetime]]:
        return [
            (raised(alert, _hearing(channels, alert.severity)), as_of)
            for alert, as_of in owed(book)
        ]

    try:
        record_owed(store, about, to_raise, run_id=run_id)
        return deliver(store, about, channels, run_id=run_id, logger=logger)
    except MlopsDagsterError as error:
        logger.warning("alerts of %s could not be recorded: %s", about, error)
        return AlertsTold(0, 1)


def deliver(
    store: EventStore,
    about: str,
    channels: Iterable[Channel],
    *,
    run_id: str,
    logger: logging.Logger,
) -> AlertsTold:
    """Tell each channel the alerts about a model or table that it was not told yet, oldest first.

    Raises:
        StateConflict: Others appended to the stream every time.
        TransientStateError: The event store is away.
    """
    delivered = failed = 0
    for channel in channels:
        for told in read_alerts(store, about).alerts.values():
            outcome = _send(store, told, channel, run_id=run_id)
            if isinstance(outcome, AlertDelivered):
                delivered += 1
            elif outcome is not None:
                failed += 1
                logger.warning(
                    "alert %s was not told to %s: %s",
                    told.raised.alert,
                    channel.name,
                    outcome.problem,
                )
                break
    return AlertsTold(delivered, failed)


def channels_of(
    workspace: Workspace, logger: logging.Logger | None = None, *, patient: bool = True
) -> tuple[Channel, ...]:
    """Return the channels of the environment; `log` is the run's own log.

    One that is not patient tries once and waits a few seconds at most: who it holds up must answer.
    """
    environment = workspace.environment
    return tuple(
        LogChannel(logger)
        if channel == "log"
        else WebhookChannel(
            channel.webhook if patient else _hurried(channel.webhook), environment.name
        )
        for channel in environment.alerts.channels
    )


def _hearing(channels: Iterable[Channel], severity: Severity) -> list[str]:
    return [one.name for one in channels if severity.rank >= one.at_least.rank]


def _hurried(spec: Webhook) -> Webhook:
    seconds = min(spec.timeout_seconds, _HURRIED_SECONDS)
    return spec.model_copy(update={"tries": 1, "timeout_seconds": seconds})


def _send(
    store: EventStore, told: Told, channel: Channel, *, run_id: str
) -> AlertDelivered | AlertUndelivered | None:
    """Tell a channel an alert and record the outcome; None when it is not due."""
    about, alert = told.raised.about, told.raised.alert
    now = utc_now()
    if not told.is_due(channel.name, now) or not begin_sending(
        store, told, channel=channel.name, now=now, run_id=run_id
    ):
        return None
    problem = channel.send(told)
    outcome: AlertDelivered | AlertUndelivered = (
        AlertDelivered(alert=alert, channel=channel.name)
        if problem is None
        else AlertUndelivered(alert=alert, channel=channel.name, problem=problem)
    )
    store.append_next(alert_stream(about), outcome, as_of=told.as_of, run_id=run_id)
    return outcome
