"""Telling what somebody asked to be told: from recorded reports to the environment's channels."""

import logging
from collections.abc import Iterable

from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.alerts import Alert, Channel, LogChannel, alerts_of
from mlops_dagster.monitoring.decision import Decision
from mlops_dagster.monitoring.events import history
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace


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


def send_alerts(workspace: Workspace, alerts: Iterable[Alert], logger: logging.Logger) -> None:
    """Send alerts to every channel of the environment; `log` is the run's own log."""
    channels: list[Channel] = [
        LogChannel(logger) for name in workspace.environment.alerts.channels if name == "log"
    ]
    for alert in alerts:
        for channel in channels:
            channel.send(alert)
