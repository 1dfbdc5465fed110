"""Opens an environment's engine: the one place where Spark sessions come from."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from pyspark.sql import SparkSession

from mlops_dagster.engine.databricks import DatabricksConnector
from mlops_dagster.engine.local import LocalConnector
from mlops_dagster.engine.read_only import SessionGuard
from mlops_dagster.engine.remote import RemoteConnector
from mlops_dagster.engine.server import Announce, announce_on_stderr
from mlops_dagster.engine.sessions import PROBE_AFTER_IDLE_SECONDS, Connector, SteppedEngine
from mlops_dagster.spec.environment import Environment, LocalEngine, RemoteEngine


class Engine(Protocol):
    """Gives Spark Connect sessions, whatever runs them."""

    def session(self) -> SparkSession:
        """Return this process's session, new when there was none or it was lost."""
        ...

    def step(self, name: str) -> AbstractContextManager[SparkSession]:
        """Return a context with a working session; no temporary view outlives it.

        Failures of server, session or token inside the block leave it as the product's errors,
        which name the step.
        """
        ...

    def close(self) -> None:
        """Release the session and the hold on the server; the next step opens new ones."""
        ...


def open_engine(
    environment: Environment,
    state_folder: Path,
    *,
    announce: Announce = announce_on_stderr,
    read_only: bool = False,
) -> Engine:
    """Return the environment's engine; nothing is started or connected before the first step.

    Args:
        environment: Its `engine` says which one.
        state_folder: `.mlops/<environment>`; a local server keeps its files below it.
        announce: Receives one line whenever a local server is started or replaced.
        read_only: Sessions refuse what would change a table. On Databricks permissions decide: its
            client takes no guard.
    """
    guard = SessionGuard() if read_only else None
    engine, connector = environment.engine, _connector(environment, state_folder, announce, guard)
    if isinstance(engine, LocalEngine):
        half = engine.session_timeout_seconds / 2
        return SteppedEngine(connector, probe_after_seconds=min(half, PROBE_AFTER_IDLE_SECONDS))
    return SteppedEngine(connector)


def _connector(
    environment: Environment, state_folder: Path, announce: Announce, guard: SessionGuard | None
) -> Connector:
    engine = environment.engine
    if isinstance(engine, LocalEngine):
        return LocalConnector(engine, state_folder, announce, guard=guard)
    if isinstance(engine, RemoteEngine):
        return RemoteConnector(engine, guard=guard)
    return DatabricksConnector(engine)
