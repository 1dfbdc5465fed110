"""Tables as they were published at an instant, from the event store alone."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.fence import SlicePublished, slice_publications
from mlops_dagster.state.store import EventStore, StoredEvent
from mlops_dagster.tables.folding import fold
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.slices import WINDOW_COLUMN

SliceKey = tuple[str, str | None]


@dataclass(frozen=True)
class PastTable:
    """The windows of a table that were published by some instant, by the version to read them at.

    Windows are read together at the newest of their versions, except those that were published
    again before it for a later instant: each of these is read at its own.
    """

    ref: TableRef
    versions: Mapping[int, tuple[str, ...]]

    @property
    def windows(self) -> tuple[str, ...]:
        """Keys of the windows in order; `static` alone for a table without windows."""
        return tuple(sorted(key for keys in self.versions.values() for key in keys))

    def read(self, session: SparkSession, locations: Locations) -> DataFrame:
        """Return the rows; with the column `window` when the table has windows."""
        location = locations.of(self.ref)
        if self.windows == (STATIC,):
            (version,) = self.versions
            return location.read(session, version)
        parts = [
            location.read(session, version).where(F.col(WINDOW_COLUMN).isin(list(keys)))
            for version, keys in sorted(self.versions.items())
        ]
        return fold(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)


def pin_past(
    store: EventStore,
    ref: TableRef,
    *,
    as_of: datetime | None = None,
    published_by: datetime | None = None,
    windows: Collection[str] | None = None,
) -> PastTable | None:
    """Return what was published of a table, or None when there was nothing.

    Args:
        store: The event store.
        ref: The table.
        as_of: Only publications decided by this instant, whenever they were written.
        published_by: Only publications written by this instant of the wall clock.
        windows: Only these windows; those among them that were not published are left out.
    """
    history = slice_publications(store, ref)
    chosen = {
        key: publication
        for key, publications in history.items()
        if (windows is None or key[0] in windows)
        and (publication := _newest(publications, as_of, published_by)) is not None
    }
    if not chosen:
        return None
    own: dict[str, int] = {}
    for (window, _), publication in chosen.items():
        own[window] = max(own.get(window, 0), publication.delta_version)
    newest = max(own.values())
    changed = _changed(history, own, until=newest)
    versions: dict[int, list[str]] = {}
    for window, version in sorted(own.items()):
        versions.setdefault(version if window in changed else newest, []).append(window)
    return PastTable(ref, {version: tuple(keys) for version, keys in versions.items()})


def _newest(
    publications: Iterable[tuple[StoredEvent, SlicePublished]],
    as_of: datetime | None,
    published_by: datetime | None,
) -> SlicePublished | None:
    found = [
        publication
        for stored, publication in publications
        if (as_of is None or stored.as_of <= as_of)
        and (published_by is None or stored.at <= published_by)
    ]
    return found[-1] if found else None


def _changed(
    history: Mapping[SliceKey, Iterable[tuple[StoredEvent, SlicePublished]]],
    own: Mapping[str, int],
    *,
    until: int,
) -> set[str]:
    """Return the windows of which a slice was published between their own version and another."""
    return {
        window
        for (window, _), publications in history.items()
        if window in own
        for _, publication in publications
        if own[window] < publication.delta_version <= until
    }
