"""The event store: streams of numbered events; appending is a compare-and-swap."""

import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from sqlalchemy import ColumnElement, RowMapping, func, insert, select
from sqlalchemy.exc import IntegrityError

from mlops_dagster.addresses import shown_scheme
from mlops_dagster.clock import utc_now
from mlops_dagster.errors import StateConflict, StateUnusable
from mlops_dagster.spec.environment import Environment
from mlops_dagster.state.database import EVENTS, Database, PostgresDatabase, SqliteDatabase
from mlops_dagster.state.event import Event, from_payload, to_payload

# A writer that loses this often in a row meets a stream that never rests, which is a fault
# elsewhere.
APPEND_ATTEMPTS = 200
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class StoredEvent:
    """An event in its place; `as_of` decided it, `at` is when it was written (both UTC)."""

    stream: str
    seq: int
    kind: str
    event: Event
    as_of: datetime
    at: datetime
    run_id: str


def open_store(address: str | Path, *, where: str | None = None) -> "EventStore":
    """Return the store at a file, or at a SQLAlchemy address; nothing is opened or created yet.

    Args:
        address: Path of a SQLite file, `sqlite:///...` or `postgresql://...`.
        where: What holds the address, for messages.

    Raises:
        StateUnusable: The address is of another database, or cannot be read.
    """
    if isinstance(address, Path):
        return EventStore(SqliteDatabase(address))
    scheme = address.partition("://")[0]
    if "://" not in address:
        return EventStore(SqliteDatabase(Path(address)))
    if scheme == "sqlite":
        return EventStore(SqliteDatabase(Path(address.removeprefix("sqlite:///"))))
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        return EventStore(PostgresDatabase(address, where=where))
    raise StateUnusable(
        "the event store cannot be in this database",
        where=where,
        expected="a file, sqlite:///... or postgresql://...",
        found=shown_scheme(address),
        next_step="Correct the variable that holds it",
    )


def open_environment_store(environment: Environment, state_folder: Path) -> "EventStore":
    """Return the store of an environment: `events.db` in its state folder, or a database.

    Raises:
        StateUnusable: The environment variable that holds the address is not set.
    """
    if environment.state == "sqlite":
        return open_store(state_folder / "events.db")
    variable = environment.state.address_variable
    address = os.environ.get(variable)
    if not address:
        raise StateUnusable(
            "the address of the event store is not set",
            where=f"environment '{environment.name}'",
            expected=f"the variable {variable}",
            next_step=f"Set {variable}=postgresql://user:password@host/database",
        )
    if "://" not in address:
        # A path would name a file, and that name might hold a password.
        raise StateUnusable(
            "the event store cannot be at this address",
            where=f"environment variable {variable}",
            expected="postgresql://user:password@host/database",
            found=shown_scheme(address),
            next_step="Correct the variable",
        )
    return open_store(address, where=f"environment variable {variable}")


class EventStore:
    """All streams of one environment. Numbers in a stream are 1, 2, 3, ... without gaps.

    Every method raises TransientStateError when the database is locked or away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        """The file or address, without secrets."""
        return self._database.name

    def append(
        self,
        stream: str,
        expected_seq: int,
        event: Event,
        *,
        as_of: datetime,
        run_id: str,
        at: datetime | None = None,
    ) -> StoredEvent:
        """Write an event as number `expected_seq + 1`, if `expected_seq` is still the last one.

        Args:
            stream: Name of the stream.
            expected_seq: Number of the last event that the caller has seen; 0 for an empty stream.
            event: What happened.
            as_of: The instant that decided it.
            run_id: The run that writes.
            at: The instant of writing; the wall clock by default.

        Raises:
            StateConflict: Somebody else appended first.
        """
        payload = to_payload(event)
        stored = StoredEvent(
            stream=stream,
            seq=expected_seq + 1,
            kind=type(event).kind,
            event=event,
            as_of=_utc(as_of, "as_of"),
            at=_utc(at or utc_now(), "at"),
            run_id=run_id,
        )
        try:
            with self._database.writing() as connection:
                last = connection.execute(
                    select(func.max(EVENTS.c.seq)).where(EVENTS.c.stream == stream)
                ).scalar()
                if (last or 0) != expected_seq:
                    raise _conflict(stream, expected_seq, last or 0)
                connection.execute(
                    insert(EVENTS).values(
                        stream=stream,
                        seq=stored.seq,
                        kind=stored.kind,
                        payload=payload,
                        as_of=_text(stored.as_of),
                        at=_text(stored.at),
                        run_id=run_id,
                    )
                )
        except IntegrityError as error:
            raise _conflict(stream, expected_seq, expected_seq + 1) from error
        return stored

    def append_next(
        self,
        stream: str,
        event: Event,
        *,
        as_of: datetime,
        run_id: str,
        at: datetime | None = None,
    ) -> StoredEvent:
        """Write an event after whatever is last: for facts that no state can refuse.

        Raises:
            StateConflict: Others were faster every time.
        """
        for attempt in range(APPEND_ATTEMPTS):
            last = self.last_seq(stream)
            try:
                return self.append(stream, last, event, as_of=as_of, run_id=run_id, at=at)
            except StateConflict:
                # Spreads the writers that lost together.
                time.sleep(random.uniform(0, 0.001 * min(attempt + 1, 20)))  # noqa: S311
        raise StateConflict(
            f"no event could be appended in {APPEND_ATTEMPTS} attempts", where=stream
        )

    def read(self, stream: str, *, after: int = 0) -> tuple[StoredEvent, ...]:
        """Return the events of a stream numbered above `after`, in order."""
        return self._select(EVENTS.c.stream == stream, EVENTS.c.seq > after)

    def last(self, stream: str, kind: str | None = None) -> StoredEvent | None:
        """Return the last event of a stream, or its last of a kind."""
        conditions = [EVENTS.c.stream == stream]
        if kind is not None:
            conditions.append(EVENTS.c.kind == kind)
        newest = select(func.max(EVENTS.c.seq)).where(*conditions).scalar_subquery()
        found = self._select(EVENTS.c.stream == stream, EVENTS.c.seq == newest)
        return found[0] if found else None

    def last_seq(self, stream: str) -> int:
        """Return the number of a stream's last event; 0 when it is empty."""
        with self._database.reading() as connection:
            if connection is None:
                return 0
            newest = select(func.max(EVENTS.c.seq)).where(EVENTS.c.stream == stream)
            return connection.execute(newest).scalar() or 0

    def last_of_kind(self, prefix: str, kind: str) -> Mapping[str, StoredEvent]:
        """Return the last event of a kind of each stream that starts with `prefix`, by stream."""
        newest = (
            select(EVENTS.c.stream, func.max(EVENTS.c.seq).label("seq"))
            .where(*_starts_with(prefix), EVENTS.c.kind == kind)
            .group_by(EVENTS.c.stream)
            .subquery()
        )
        found = self._select(
            EVENTS.c.stream == newest.c.stream,
            EVENTS.c.seq == newest.c.seq,
        )
        return {stored.stream: stored for stored in found}

    def of_kind(self, prefix: str, kind: str, *, after: int = 0) -> tuple[StoredEvent, ...]:
        """Return the events of a kind in the streams that start with `prefix`, in their order.

        Args:
            prefix: What the names of the streams start with.
            kind: The kind.
            after: Only events that are numbered above it in their stream.
        """
        return self._select(*_starts_with(prefix), EVENTS.c.kind == kind, EVENTS.c.seq > after)

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of all streams that start with `prefix`, sorted."""
        with self._database.reading() as connection:
            if connection is None:
                return ()
            names = select(EVENTS.c.stream).where(*_starts_with(prefix)).distinct()
            return tuple(sorted(connection.execute(names).scalars()))

    def _select(self, *conditions: ColumnElement[bool]) -> tuple[StoredEvent, ...]:
        with self._database.reading() as connection:
            if connection is None:
                return ()
            query = select(EVENTS).where(*conditions).order_by(EVENTS.c.stream, EVENTS.c.seq)
            rows = connection.execute(query).mappings().all()
        return tuple(_stored(row) for row in rows)


def _stored(row: RowMapping) -> StoredEvent:
    stream, seq, kind = str(row["stream"]), int(row["seq"]), str(row["kind"])
    return StoredEvent(
        stream=stream,
        seq=seq,
        kind=kind,
        event=from_payload(kind, str(row["payload"]), where=f"{stream} #{seq}"),
        as_of=datetime.fromisoformat(row["as_of"]),
        at=datetime.fromisoformat(row["at"]),
        run_id=str(row["run_id"]),
    )


def _starts_with(prefix: str) -> tuple[ColumnElement[bool], ...]:
    # A range instead of LIKE: exact about case in SQLite, and served by the index in both
    # databases.
    return (EVENTS.c.stream >= prefix, EVENTS.c.stream < prefix + _LAST_CHARACTER)


def _conflict(stream: str, expected_seq: int, last: int) -> StateConflict:
    return StateConflict(
        "another writer appended to the stream first",
        where=stream,
        expected=f"event #{expected_seq} to be the last",
        found=f"event #{last}",
        next_step="Read the stream again and decide anew",
    )


def _utc(instant: datetime, name: str) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{name} must carry a time zone: {instant}")
    return instant.astimezone(timezone.utc)


def _text(instant: datetime) -> str:
    # Fixed width: texts order as the instants do.
    return instant.isoformat(timespec="microseconds")
