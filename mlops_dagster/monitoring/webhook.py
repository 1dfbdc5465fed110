"""Alerts to a web address as JSON.

The address is a secret, because chat services put the right to post into it: it is in no message,
log, event or traceback.
"""

import html
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel, ConfigDict
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError
from urllib3.util.retry import Retry

from mlops_dagster.monitoring.alert_events import Told
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.environment import Webhook
from mlops_dagster.spec.use_case import AlertKind

# Answers that another try may change.
_TRANSIENT_STATUS = (429, 500, 502, 503, 504)
_BACKOFF_FACTOR = 0.25
# These write the path of an address, which is the secret, at DEBUG or when they try again.
_TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry")


class AlertMessage(BaseModel):
    """The body of the request, version 1; fields may be added, a change of one is a new version.

    Attributes:
        version: Version of this schema.
        id: Names the alert in its environment; a receiver may see one twice after a lost answer.
        kind: What it is about.
        severity: How grave it is.
        environment: Name of the environment.
        model: `<use_case>.<model>`; empty where it is about a table.
        table: `<owner>.<layer>.<name>`; empty where it is about a model.
        window: The window it is about; the newest of several.
        windows: All windows it is about, oldest first.
        message: One sentence, as it is.
        text: One line for people, with `&`, `<` and `>` escaped; Slack and those like it show it.
        as_of: The instant that it was decided at.
        run_id: The Dagster run that raised it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    id: str
    kind: AlertKind
    severity: Severity
    environment: str
    model: str
    table: str = ""
    window: str
    windows: tuple[str, ...]
    message: str
    text: str
    as_of: datetime
    run_id: str


class WebhookChannel:
    """Posts alerts to the address in an environment variable.

    Redirects are not followed: the message would go to where nobody sent it.

    Args:
        spec: The variable, the least severity, time limit and number of tries.
        environment: Name of the environment, for the message.
    """

    def __init__(self, spec: Webhook, environment: str) -> None:
        self._spec = spec
        self._environment = environment
        self.name = f"webhook {spec.address_variable}"
        self.at_least = spec.at_least

    def send(self, told: Told) -> str | None:
        """Post an alert, again where that may help; return what went wrong, or None."""
        variable = self._spec.address_variable
        address = os.environ.get(variable, "")
        if not address:
            return f"the variable {variable} is not set"
        if not _is_web_address(address):
            return f"the variable {variable} holds no http or https address"
        body = message_of(told, self._environment).model_dump_json().encode()
        with _silent():
            try:
                status = self._post(address, body)
            except (requests.RequestException, HTTPError, UnicodeError) as error:
                return self._problem(error)
        if 300 <= status < 400:
            return (
                f"it answers with status {status}, a redirect, which is not followed; "
                f"set {variable} to the final address"
            )
        return None if status < 300 else f"it answers with status {status}"

    def _post(self, address: str, body: bytes) -> int:
        tries = Retry(
            total=self._spec.tries - 1,
            status_forcelist=_TRANSIENT_STATUS,
            allowed_methods=None,
            backoff_factor=_BACKOFF_FACTOR,
            raise_on_status=False,
            # A receiver may ask for a wait of hours.
            respect_retry_after_header=False,
        )
        with requests.Session() as session:
            adapter = HTTPAdapter(max_retries=tries)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            # The answer's body is never read: only its status counts.
            with session.post(
                address,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=self._spec.timeout_seconds,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return answer.status_code

    def _problem(self, error: Exception) -> str:
        """Say what went wrong by the type of the error alone: its text quotes the address."""
        reason = getattr(error.args[0], "reason", None) if error.args else None
        refused = isinstance(reason, NewConnectionError)
        if not refused and isinstance(reason or error, TimeoutError | requests.Timeout):
            return f"no answer within {self._spec.timeout_seconds:g} seconds"
        if isinstance(error, requests.exceptions.SSLError):
            return "its certificate is not trusted"
        if isinstance(error, requests.exceptions.ProxyError):
            return "the proxy does not let it through"
        if isinstance(error, requests.ConnectionError):
            return "no connection"
        return f"the variable {self._spec.address_variable} holds no usable address"


def message_of(told: Told, environment: str) -> AlertMessage:
    """Return the body of the request for an alert."""
    alert = told.raised
    line = f"{alert.severity.value}: {alert.alert_kind.value} {alert.about} {alert.window}: "
    return AlertMessage(
        id=alert.alert,
        kind=alert.alert_kind,
        severity=alert.severity,
        environment=environment,
        model=alert.model,
        table=alert.table,
        window=alert.window,
        windows=alert.windows or (alert.window,),
        message=alert.text,
        # Names from data must not become Slack's commands such as <!channel>.
        text=html.escape(line + alert.text, quote=False),
        as_of=told.as_of,
        run_id=told.run_id,
    )


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


@contextmanager
def _silent() -> Iterator[None]:
    """Keep this thread's requests out of the logs of the HTTP client."""
    thread = threading.get_ident()

    def others(_: logging.LogRecord) -> bool:
        return threading.get_ident() != thread

    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    for logger in loggers:
        logger.addFilter(others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(others)
