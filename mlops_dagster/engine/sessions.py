"""One Spark session a process, made anew when it was lost, and the steps that use it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

from pyspark.sql import SparkSession
from pyspark.sql.connect.session import SparkSession as ConnectSession

from mlops_dagster.clock import monotonic_seconds
from mlops_dagster.engine.failures import engine_errors
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.errors import EngineLost, MlopsDagsterError, TransientEngineError

PROBE_AFTER_IDLE_SECONDS = 60.0


class Connector(Protocol):
    """Knows one kind of server."""

    def server_identity(self) -> str:
        """Return a text that changes when the server is another one; starts it if need be.

        This must be cheap for a server that runs: it is asked at every step.
        """
        ...

    def connect(self) -> SparkSession:
        """Return a new session of that server."""
        ...

    def why_lost(self, where: str) -> TransientEngineError | None:
        """Return the error that says why the server went away under a call, if that is known."""
        ...

    def release(self) -> None:
        """Give up the hold on the server, if there is such a thing."""
        ...


class SteppedEngine:
    """An engine that reuses one session between steps; safe to use from several threads.

    Args:
        connector: Where sessions come from.
        probe_after_seconds: A session that was idle for longer is asked whether it still lives
            before a step gets it.
    """

    def __init__(
        self, connector: Connector, *, probe_after_seconds: float = PROBE_AFTER_IDLE_SECONDS
    ) -> None:
        self._connector = connector
        self._probe_after_seconds = probe_after_seconds
        self._lock = threading.RLock()
        self._session: SparkSession | None = None
        self._identity = ""
        self._used_at = 0.0
        self._open_steps = 0

    def session(self) -> SparkSession:
        """Return the session, made anew when it was lost or belongs to a server of the past."""
        with self._lock, engine_errors("connecting to Spark"):
            identity = self._connector.server_identity()
            if self._session is not None and not self._still_good(self._session, identity):
                self._forget_session()
            if self._session is None:
                self._session = self._connector.connect()
                self._identity = identity
            self._used_at = monotonic_seconds()
            return self._session

    @contextmanager
    def step(self, name: str) -> Iterator[SparkSession]:
        """Yield a working session; drop the step's temporary views when the last open step ends."""
        with self._lock:
            session = self.session()
            self._open_steps += 1
        lost = False
        try:
            with engine_errors(name):
                yield session
        except TransientEngineError as error:
            lost = True
            told = self._connector.why_lost(name) if isinstance(error, EngineLost) else None
            if told is not None:
                raise told from error
            raise
        finally:
            with self._lock:
                self._open_steps -= 1
                if lost:
                    self._lose(session)
                elif self._open_steps == 0:
                    self._drop_views(session)
                self._used_at = monotonic_seconds()

    def close(self) -> None:
        """End the session and release the server."""
        with self._lock:
            session, self._session = self._session, None
            if session is not None:
                session.stop()
            self._connector.release()

    def _still_good(self, session: SparkSession, identity: str) -> bool:
        if identity != self._identity or cast(ConnectSession, session).is_stopped:
            return False
        if monotonic_seconds() - self._used_at < self._probe_after_seconds:
            return True
        try:
            with engine_errors("probing the Spark session"):
                session.conf.get("spark.sql.session.timeZone")
        except TransientEngineError:
            return False
        return True

    def _lose(self, session: SparkSession) -> None:
        if self._session is session:
            self._forget_session()

    def _forget_session(self) -> None:
        if self._session is not None:
            abandon(self._session)
            self._session = None

    def _drop_views(self, session: SparkSession) -> None:
        """Drop all temporary views; one query finds them."""
        try:
            with engine_errors("dropping temporary views"):
                views = session.sql("SHOW VIEWS").where("isTemporary").select("viewName")
                for row in few_rows(views, what="names of temporary views"):
                    session.catalog.dropTempView(row.viewName)
        except MlopsDagsterError:
            # Whatever it is, the step has told it or the next one will.
            self._lose(session)


def abandon(session: SparkSession) -> None:
    """Close the client's side of a session without a word to a server that may be gone.

    Saying goodbye to a dead server would retry; not closing would leave this session as the one
    that `SparkSession.getActiveSession` returns.
    """
    connected = cast(ConnectSession, session)
    connected.release_session_on_close = False
    connected.stop()
