"""Where alerts go: a channel delivers one alert and says whether that worked; it never raises."""

import logging
from typing import Protocol

from mlops_dagster.monitoring.alert_events import Told
from mlops_dagster.spec.base import Severity

LOGGER = "mlops_dagster.alerts"


class Channel(Protocol):
    """One place that alerts are told to."""

    @property
    def name(self) -> str:
        """What events and messages call it; holds no secret."""
        ...

    @property
    def at_least(self) -> Severity:
        """Less grave alerts do not go there."""
        ...

    def send(self, told: Told) -> str | None:
        """Deliver an alert; return what went wrong, without secrets, or None."""
        ...


class LogChannel:
    """Writes alerts as warnings to a logger: in Dagster the run's own."""

    name = "log"
    at_least = Severity.INFO

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger(LOGGER)

    def send(self, told: Told) -> str | None:
        """Write one line."""
        alert = told.raised
        self._logger.warning(
            "alert %s (%s) %s %s: %s",
            alert.alert_kind.value,
            alert.severity.value,
            alert.about,
            alert.window,
            alert.text,
        )
        return None
