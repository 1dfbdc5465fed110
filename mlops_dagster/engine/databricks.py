"""Connects to a Databricks cluster or to serverless compute through Databricks Connect."""

import hashlib
import os
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from pyspark.sql import SparkSession

from mlops_dagster.addresses import holds_secrets, without_secret
from mlops_dagster.errors import EngineConfigurationError
from mlops_dagster.spec.environment import DatabricksEngine


class SessionBuilder(Protocol):
    """The part of `DatabricksSession.builder` that is used here."""

    def host(self, host: str) -> "SessionBuilder":
        """Set the workspace's address."""
        ...

    def token(self, token: str) -> "SessionBuilder":
        """Set the personal or OAuth token."""
        ...

    def clusterId(self, clusterId: str) -> "SessionBuilder":
        """Use this cluster."""
        ...

    def serverless(self, enabled: bool = True) -> "SessionBuilder":
        """Use serverless compute."""
        ...

    def create(self) -> SparkSession:
        """Return a new session."""
        ...


def databricks_builder() -> SessionBuilder:
    """Return a new builder of Databricks Connect.

    Raises:
        EngineConfigurationError: When the package is not installed.
    """
    try:
        module = import_module("databricks.connect")
    except ImportError as error:
        raise EngineConfigurationError(
            "Databricks Connect is not installed",
            expected="package databricks-connect",
            next_step="Install `mlops-dagster[databricks]` in an environment of its own: "
            "databricks-connect replaces pyspark",
        ) from error
    return cast(SessionBuilder, module.DatabricksSession.builder)


class DatabricksConnector:
    """Makes sessions of the cluster or serverless compute that an environment names."""

    def __init__(
        self,
        engine: DatabricksEngine,
        new_builder: Callable[[], SessionBuilder] = databricks_builder,
    ) -> None:
        self._engine = engine
        self._new_builder = new_builder

    def server_identity(self) -> str:
        """Return a digest of host and cluster."""
        text = f"{self._host()} {self._engine.cluster_id or 'serverless'}"
        return hashlib.sha256(text.encode()).hexdigest()

    def connect(self) -> SparkSession:
        """Return a new session; without a token Databricks' own sign-in methods are tried."""
        host = self._host()
        builder = self._new_builder().host(host)
        token = os.environ.get(self._engine.token_variable)
        try:
            if token:
                builder = builder.token(token)
            if self._engine.cluster_id is None:
                return builder.serverless(True).create()
            return builder.clusterId(self._engine.cluster_id).create()
        except ValueError as error:
            # What Databricks Connect says may quote the token, so it is not chained.
            found = without_secret(str(error), token or "")
            raise EngineConfigurationError(
                "Databricks Connect refuses its settings",
                where=f"environment variables {self._engine.host_variable}, "
                f"{self._engine.token_variable}",
                found=found,
                next_step="Correct the variables, or the environment's cluster_id",
            ) from None

    def why_lost(self, where: str) -> None:
        """Return None: the compute is not ours, and nobody here knows."""

    def release(self) -> None:
        """Do nothing: the compute is not ours."""

    def _host(self) -> str:
        host = os.environ.get(self._engine.host_variable, "")
        if not host.startswith("https://") or holds_secrets(host):
            raise EngineConfigurationError(
                "There is no address of a Databricks workspace",
                where=f"environment variable {self._engine.host_variable}",
                expected="https://host, without a user or token",
                found="an address of another form" if host else "nothing",
                next_step="Set the variable, or name another one as engine.host_variable",
            )
        return host
