"""Calls to MLflow: short time-outs, no telemetry, errors told apart by whether a retry helps."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mlops_dagster.addresses import holds_secrets, redacted, without_secrets
from mlops_dagster.errors import StorageFull, TrackingRefused, TrackingUnavailable
from mlops_dagster.registry.folder import is_full

# MLflow's own defaults keep a step waiting for minutes a call; a retry is the orchestrator's to
# make.
_SETTINGS: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # It would print the address with its password.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# What SQLite says, also through MLflow.
_DATABASE_FULL = "database or disk is full"
_TRANSIENT_CODES = frozenset(
    {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_CONFLICT"}
)


@contextmanager
def mlflow_calls(uri: str) -> Iterator[None]:
    """Run calls to MLflow under short time-outs; settings that are in the environment already win.

    Raises:
        TrackingUnavailable: It did not answer, or its database is locked.
        TrackingRefused: It answered with a refusal.
        StorageFull: There is no room for its database or its files on this machine.
    """
    with _environment(), _quiet():
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException
        from sqlalchemy.exc import OperationalError

        try:
            yield
        except MlflowException as error:
            if _says_full(error):
                raise _full(uri, error) from _shown_cause(uri, error)
            # A failed connection arrives as a bare exception with INTERNAL_ERROR.
            if error.error_code in _TRANSIENT_CODES:
                raise _unavailable(uri, error) from _shown_cause(uri, error)
            raise _refused(uri, error) from _shown_cause(uri, error)
        except OSError as error:
            # Errors of requests are OSErrors as well.
            if is_full(error):
                raise _full(uri, error) from _shown_cause(uri, error)
            if not isinstance(error, RequestException):
                raise
            raise _unavailable(uri, error) from _shown_cause(uri, error)
        except OperationalError as error:
            told = _full if _says_full(error) else _unavailable
            raise told(uri, error) from _shown_cause(uri, error)


def _shown_cause(uri: str, error: Exception) -> Exception | None:
    """Return the cause to chain: none where the address holds secrets, which causes quote."""
    return None if holds_secrets(uri) else error


def _unavailable(uri: str, error: Exception) -> TrackingUnavailable:
    return TrackingUnavailable(
        f"MLflow did not answer: {type(error).__name__}",
        where=without_secrets(uri),
        found=_first_line(uri, error),
        next_step="The call may be made again; what was logged already is found by its digest. "
        "If it fails again, see whether the server runs and the address is right",
    )


def _full(uri: str, error: Exception) -> StorageFull:
    return StorageFull(
        "There is no room for what is logged to MLflow",
        where=without_secrets(uri),
        found=_first_line(uri, error),
        next_step="Free space there, then run the same again; what was logged already is found",
    )


def _says_full(error: Exception) -> bool:
    return _DATABASE_FULL in str(error)


def _refused(uri: str, error: Exception) -> TrackingRefused:
    return TrackingRefused(
        "MLflow refused the request",
        where=without_secrets(uri),
        found=_first_line(uri, error),
        next_step="Check the address, the user's rights, and the server's log",
    )


def _first_line(uri: str, error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0]
    return redacted(line, uri)[:300]


@contextmanager
def _environment() -> Iterator[None]:
    added = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _quiet() -> Iterator[None]:
    # Both report each table they create, as if something were wrong.
    loggers = [logging.getLogger(name) for name in ("mlflow.store.db.utils", "alembic")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
