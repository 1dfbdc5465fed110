"""Connects to a Spark Connect server that somebody else runs."""

import hashlib
import os
import re

from pyspark.sql import SparkSession

from mlops_dagster.engine.local import new_session
from mlops_dagster.engine.read_only import SessionGuard
from mlops_dagster.errors import EngineConfigurationError
from mlops_dagster.spec.environment import RemoteEngine

# About a minute and a half: long enough for a load balancer, short enough for a run.
_RETRIES = 6
# Spark's client takes what comes before a `/`, also a token, for the host and says so, and leaves
# out what comes after a `?` or `#`.
_FORM = re.compile(r"sc://[^/;?#@\s]+(?:/(?:;[^?#\s]*)?)?")


class RemoteConnector:
    """Takes the server's address from an environment variable and never shows it."""

    def __init__(self, engine: RemoteEngine, *, guard: SessionGuard | None = None) -> None:
        self._variable = engine.address_variable
        self._interceptors = () if guard is None else (guard,)

    def server_identity(self) -> str:
        """Return a digest of the address: another address is another server."""
        return hashlib.sha256(self._address().encode()).hexdigest()

    def connect(self) -> SparkSession:
        """Return a new session."""
        try:
            return new_session(self._address(), retries=_RETRIES, interceptors=self._interceptors)
        except ValueError:  # PySparkValueError, or what reads the port
            # The cause quotes the address with its token, so it is not chained.
            raise self._error("an address of another form") from None

    def why_lost(self, where: str) -> None:
        """Return None: the server is not ours, and nobody here knows."""

    def release(self) -> None:
        """Do nothing: the server is not ours."""

    def _address(self) -> str:
        address = os.environ.get(self._variable, "")
        if not address:
            raise self._error("nothing")
        if not _FORM.fullmatch(address):
            raise self._error("an address of another form")
        return address

    def _error(self, found: str) -> EngineConfigurationError:
        return EngineConfigurationError(
            "There is no usable address of a Spark Connect server",
            where=f"environment variable {self._variable}",
            expected="sc://host:port/;token=...",
            found=found,
            next_step="Set the variable, or name another one as engine.address_variable",
        )
