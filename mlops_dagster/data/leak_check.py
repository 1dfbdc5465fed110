"""The leak test over a whole project: every derived table, at instants drawn for each slice."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.leaks import Leak, find_leaks
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.fence import SlicePublished, published_windows
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.instants import instant
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.pins import pin

INSTANTS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class TableChecked:
    """What the leak test says about one derived table.

    Attributes:
        table: The table.
        window: The slice that was built again; None when the table was left out.
        instants: The instants at which its inputs were cut off.
        leaks: What was found, a few for each instant.
        left_out: Why the table was not tested; empty when it was.
    """

    table: str
    window: str | None
    instants: tuple[datetime, ...] = ()
    leaks: tuple[Leak, ...] = ()
    left_out: str = ""


def check_leaks(
    session: SparkSession,
    *,
    workspace: Workspace,
    store: EventStore,
    locations: Locations,
    window: str | None = None,
) -> Iterator[TableChecked]:
    """Yield the result of the leak test for each derived table; publishes nothing.

    A slice is tested at INSTANTS instants between the first and the last time at which one of its
    rows became known. They are drawn from the slice's name: equal projects, equal instants.
    Cost: see `find_leaks`, and one aggregate a table.

    Args:
        session: A Spark session.
        workspace: The project.
        store: Its event store.
        locations: Where its tables lie.
        window: The window to test; by default each table's newest. Static tables have none.
    """
    for table in workspace.tables.values():
        if table.is_derived:
            yield _checked(
                session,
                workspace=workspace,
                table=table,
                store=store,
                locations=locations,
                window=window,
            )


def _checked(
    session: SparkSession,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    store: EventStore,
    locations: Locations,
    window: str | None,
) -> TableChecked:
    name = str(table.ref)
    if table.known_at is None:
        return TableChecked(name, None, left_out="its rows have no time at which they became known")
    chosen = _window(table, published_windows(store, table.ref), window)
    if chosen is None:
        wanted = "no window" if window is None else window
        return TableChecked(name, None, left_out=f"{wanted} is published")
    instants = _instants(session, table, chosen, store, locations)
    if not instants:
        return TableChecked(name, None, left_out=f"{chosen} has no rows")
    try:
        leaks = find_leaks(
            session,
            workspace=workspace,
            table=table,
            window=chosen,
            instants=instants,
            store=store,
            locations=locations,
        )
    except SourceError as error:
        return TableChecked(name, None, left_out=str(error))
    return TableChecked(name, chosen, instants, leaks)


def _window(
    table: ResolvedTable, published: Mapping[str, SlicePublished], asked: str | None
) -> str | None:
    if not table.windowed:
        return STATIC if STATIC in published else None
    if asked is not None:
        return asked if asked in published else None
    return max(published, default=None)


def _instants(
    session: SparkSession,
    table: ResolvedTable,
    window: str,
    store: EventStore,
    locations: Locations,
) -> tuple[datetime, ...]:
    rows = pin(store, table.ref, [window] if table.windowed else None).read(session, locations)
    zone = "UTC" if table.calendar is None else table.calendar.time_zone
    # As numbers: a timestamp reaches Python in the zone of its machine.
    known_at = F.unix_micros(instant(rows, table.known_at or "", zone))
    bounds = rows.agg(F.min(known_at).alias("first"), F.max(known_at).alias("last"))
    (row,) = few_rows(bounds, what=f"times of {table.ref}")
    if row["first"] is None:
        return ()
    drawn = sorted(
        row["first"] + int(_share(f"{table.ref}/{window}/{number}") * (row["last"] - row["first"]))
        for number in range(INSTANTS)
    )
    return tuple(_EPOCH + timedelta(microseconds=value) for value in drawn)


def _share(name: str) -> float:
    """Return a number from 0 to 1 that a name always has."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big") / 2**56
