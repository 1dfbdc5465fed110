"""The connection of the event store: SQLite in a file, or PostgreSQL by address.

SQLite connections live for one call, so no lock, journal file or descriptor outlives it and a
forked process inherits nothing; opening one costs well under a millisecond. PostgreSQL connections
are pooled per process.
"""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool

from mlops_dagster.addresses import is_ambiguous
from mlops_dagster.clock import monotonic_seconds
from mlops_dagster.errors import StateUnusable, StorageFull, TransientStateError

# How long a SQLite call waits for another process's write, which takes milliseconds.
BUSY_TIMEOUT_SECONDS = 30.0
CONNECT_TIMEOUT_SECONDS = 10
# How SQLite's messages begin where waiting does not help.
_UNUSABLE = ("unable to open database file", "attempt to write a readonly database")
_DAMAGED = ("file is not a database", "database disk image is malformed")
# What a transaction of ours needs at most, with its journal.
_LEAST_BYTES = 1024 * 1024
# In the words of SQLite and of PostgreSQL.
_FULL = re.compile(r"database or disk is full|No space left on device")

# Byte order in both databases, so that a range of names is a range of the index.
_NAME = String(512).with_variant(String(512, collation="C"), "postgresql")

EVENTS = Table(
    "events",
    MetaData(),
    Column("stream", _NAME, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("as_of", String(32), nullable=False),
    Column("at", String(32), nullable=False),
    Column("run_id", String(255), nullable=False),
)
Index("events_by_kind", EVENTS.c.kind, EVENTS.c.stream, EVENTS.c.seq)


class SqliteDatabase:
    """A SQLite file in WAL mode; it is created by the first write, never by a read."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._prepared = False

    @property
    def name(self) -> str:
        """The file, for messages."""
        return str(self.path)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Yield a connection, or None when there is nothing to read yet."""
        if not self.path.exists():
            yield None
            return
        with self._connected(create=False) as connection:
            yield connection if self._has_table(connection) else None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that holds the write lock from its start."""
        if not self._prepared or not self.path.exists():
            self._prepare()
        with self._connected(create=True) as connection:
            # IMMEDIATE: a transaction that reads first and writes later fails at once when another
            # one wrote in between, whatever the busy timeout says.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    def _prepare(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateUnusable(
                "the state folder cannot be made",
                where=str(self.path.parent),
                found=str(error),
                next_step="Give this user a folder there that it may write to",
            ) from error
        deadline = monotonic_seconds() + BUSY_TIMEOUT_SECONDS
        while True:
            try:
                with self._connected(create=True) as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                    EVENTS.metadata.create_all(connection, checkfirst=True)
                break
            except (TransientStateError, OperationalError):
                # Two processes create the file at once: the change to WAL ignores the busy timeout,
                # and the loser of CREATE TABLE finds the table made.
                if monotonic_seconds() > deadline:
                    raise
                time.sleep(0.02)
        self._prepared = True

    def _has_table(self, connection: Connection) -> bool:
        found = connection.exec_driver_sql(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'events'"
        )
        return found.first() is not None

    @contextmanager
    def _connected(self, *, create: bool) -> Iterator[Connection]:
        mode = "rwc" if create else "rw"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                f"{self.path.as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_TIMEOUT_SECONDS,
                isolation_level=None,
            )

        engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
        with mapped_errors(self.name, disk=self.path.parent), engine.connect() as connection:
            yield connection


class PostgresDatabase:
    """A PostgreSQL database by SQLAlchemy address; the table is created by the first write."""

    def __init__(self, address: str, *, where: str | None = None) -> None:
        if is_ambiguous(address):
            # A password that ends too early would leave its rest as the host or database.
            raise _unreadable_address(where)
        try:
            self._url = make_url(address).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            # The cause may quote the address with its password, so it is not chained.
            raise _unreadable_address(where) from None
        self._engine: tuple[int, Engine] | None = None
        self._prepared = False

    @property
    def name(self) -> str:
        """The address without its password, for messages."""
        return self._url.set(query={}).render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Yield a connection, or None when the table does not exist yet."""
        with mapped_errors(self.name), self._pool().connect() as connection:
            exists = connection.exec_driver_sql("SELECT to_regclass('events')").scalar_one()
            yield connection if exists is not None else None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction."""
        with mapped_errors(self.name):
            if not self._prepared:
                with self._pool().begin() as connection:
                    # Two sessions that create one table at once collide in the catalog; a lock on
                    # an arbitrary fixed number lets them do it one after the other.
                    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7309115)")
                    EVENTS.metadata.create_all(connection, checkfirst=True)
                self._prepared = True
            with self._pool().begin() as connection:
                yield connection

    def _pool(self) -> Engine:
        # A forked process must not share its parent's sockets.
        if self._engine is None or self._engine[0] != os.getpid():
            try:
                engine = create_engine(
                    self._url,
                    pool_pre_ping=True,
                    connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS},
                )
            except (ModuleNotFoundError, NoSuchModuleError) as error:
                raise StateUnusable(
                    "PostgreSQL needs the package psycopg",
                    where=self.name,
                    next_step="Install the extra: pip install 'mlops-dagster[postgres]'",
                ) from error
            self._engine = (os.getpid(), engine)
        return self._engine[1]


Database = SqliteDatabase | PostgresDatabase


def _unreadable_address(where: str | None) -> StateUnusable:
    return StateUnusable(
        "the address of the event store cannot be read",
        where=where,
        expected="postgresql://user:password@host:port/database",
        next_step="Write @ / ? # ; inside the password as %40 %2F %3F %23 %3B",
    )


@contextmanager
def mapped_errors(name: str, *, disk: Path | None = None) -> Iterator[None]:
    """Turn a driver's errors about locks and connections into TransientStateError.

    Args:
        name: The file or address, without secrets.
        disk: A folder on the disk that the database lies on, if it is this machine's.

    Raises:
        TransientStateError: The call may succeed when it is made again.
        StorageFull: The disk that it lies on is full.
        StateUnusable: It will not: the file or its folder cannot be used, or is damaged.
    """
    try:
        yield
    except OperationalError as error:
        if _FULL.search(str(error.orig)) or _is_used_up(disk, error):
            raise StorageFull(
                "There is no room for an event",
                where=name,
                found=str(error.orig),
                next_step="The event was not written. Free space there, then run the same again",
            ) from error
        if str(error.orig).startswith(_UNUSABLE):
            raise StateUnusable(
                "the event store's file cannot be used",
                where=name,
                found=str(error.orig),
                next_step="Let this user read and write the state folder and what is in it",
            ) from error
        raise TransientStateError(
            f"the event store did not answer: {error.orig}",
            where=name,
            next_step="Another process holds it, the server is away, or its disk fails; "
            "the call may be made again",
        ) from error
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.DatabaseError) and str(error.orig).startswith(_DAMAGED):
            raise StateUnusable(
                "the event store's file is damaged",
                where=name,
                found=str(error.orig),
                next_step="Stop all runs and put back a copy of the state folder",
            ) from error
        if error.connection_invalidated:
            raise TransientStateError(
                "the connection to the event store broke", where=name
            ) from error
        raise


def _is_used_up(disk: Path | None, error: OperationalError) -> bool:
    """Tell whether SQLite's failure to write its index or journal comes from a full disk."""
    if disk is None or "disk I/O error" not in str(error.orig):
        return False
    return shutil.disk_usage(disk).free < _LEAST_BYTES
