"""Connects to the environment's own server on this machine."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import grpc
from pyspark.sql import SparkSession
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession as ConnectSession

from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.named_tables import restore_names
from mlops_dagster.engine.read_only import SessionGuard
from mlops_dagster.engine.server import Announce, LeasedServer, lease_server
from mlops_dagster.engine.server_end import told_end
from mlops_dagster.engine.sessions import abandon
from mlops_dagster.engine.settings import ServerSettings
from mlops_dagster.errors import TransientEngineError
from mlops_dagster.spec.environment import LocalEngine

# Loopback loses nothing: an unreachable server is gone. Spark's own policy goes on for ten minutes,
# also in background threads that the end of the process waits for.
LOCAL_RETRIES = 4


class LocalConnector:
    """Holds a lease on the local server and makes sessions of it."""

    def __init__(
        self,
        engine: LocalEngine,
        state_folder: Path,
        announce: Announce,
        *,
        guard: SessionGuard | None = None,
    ) -> None:
        self._settings = ServerSettings.of(engine)
        self._files = EngineFiles.of(state_folder)
        self._announce = announce
        self._guard = guard
        self._leased: LeasedServer | None = None

    def server_identity(self) -> str:
        """Return the identity of the running server; reads one file when it is the known one."""
        state = self._files.running()
        if self._leased is not None:
            if state is not None and state.identity == self._leased.state.identity:
                return state.identity
            self.release()
        self._leased = lease_server(self._files, self._settings, announce=self._announce)
        return self._leased.state.identity

    def connect(self) -> SparkSession:
        """Return a new session of the leased server."""
        if self._leased is None:
            raise TransientEngineError("The Spark server went away", where=str(self._files.folder))
        address = local_address(self._files, self._leased.state.port)
        session = _session(address)
        try:
            restore_names(
                session,
                files=self._files,
                identity=self._leased.state.identity,
                announce=self._announce,
            )
        except BaseException:
            abandon(session)
            raise
        if self._guard is None:
            return session
        # Giving names back creates tables, which a guarded session may not.
        session.stop()
        return _session(address, self._guard)

    def why_lost(self, where: str) -> TransientEngineError | None:
        """Return the error that says why the leased server ended; None when it lives."""
        return None if self._leased is None else told_end(self._files, self._leased.state, where)

    def release(self) -> None:
        """Give up the lease: from now on the server may stop for being idle."""
        if self._leased is not None:
            self._leased.lease.release()
            self._leased = None


def _session(address: str, *interceptors: grpc.UnaryStreamClientInterceptor) -> SparkSession:
    # A company's proxy must not see calls to this machine, token included.
    return new_session(
        address, channel_options=(("grpc.enable_http_proxy", 0),), interceptors=interceptors
    )


def local_address(files: EngineFiles, port: int) -> str:
    """Return the address of a local server; it holds the token and is a secret."""
    try:
        token = files.token.read_text()
    except FileNotFoundError as error:
        raise TransientEngineError("The Spark server went away", where=str(files.folder)) from error
    # The name, not 127.0.0.1: only with it does Spark's client send a token without TLS.
    return f"sc://localhost:{port}/;token={token}"


def new_session(
    address: str,
    *,
    retries: int = LOCAL_RETRIES,
    channel_options: Sequence[tuple[str, int]] = (),
    interceptors: Sequence[grpc.UnaryStreamClientInterceptor] = (),
) -> SparkSession:
    """Return a new Connect session, never one that this process had before.

    Args:
        address: `sc://host:port/;token=...`, a secret.
        retries: How often a call is made again when the server does not answer; the waits between
            them are 50 ms at first and four times as long each time, at most a minute.
        channel_options: Options of the gRPC channel.
        interceptors: See every request before it leaves, and may refuse it.
    """
    builder = DefaultChannelBuilder(address, channelOptions=list(channel_options))
    for interceptor in interceptors:
        builder.add_interceptor(interceptor)
    # Tells pyspark's functions to build Connect expressions, as its own `builder.remote` does.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    session = ConnectSession.builder.channelBuilder(builder).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=retries)])
    _close_only_when_told(session)
    return cast(SparkSession, session)


# Sessions that nobody has stopped yet, so that none is collected as garbage.
_OPEN: set[ConnectSession] = set()


def _close_only_when_told(session: ConnectSession) -> None:
    """Keep the garbage collector from closing a session.

    pyspark's `SparkSession.__del__` shuts down the thread pool that all sessions of the process
    share and waits for it. Collected inside a thread of that pool, or inside one that is just
    starting, it waits for itself and the process hangs.
    """
    client = session.client
    close = client.close

    def close_once() -> None:
        client.close = _nothing  # type: ignore[method-assign]
        _OPEN.discard(session)
        close()

    client.close = close_once  # type: ignore[method-assign]
    _OPEN.add(session)


def _nothing() -> None:
    """Do nothing: the session was stopped before it is collected."""
