"""Pinned reads: which version and windows of a table are read, from the event store alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.errors import SourceError
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.fence import InputVersion, SlicePublished, published_slices
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.slices import WINDOW_COLUMN

# A message names this many missing windows.
_SHOWN = 5


@dataclass(frozen=True)
class Pin:
    """A table at a version, limited to windows; `windows` is None for a static table.

    The version is the newest that published one of the windows, so it holds all of them.
    """

    ref: TableRef
    windows: tuple[str, ...] | None
    version: InputVersion

    def read(self, session: SparkSession, locations: Locations) -> DataFrame:
        """Return the pinned rows; with the column `window` when the table has windows."""
        frame = locations.of(self.ref).read(session, self.version.delta_version)
        if self.windows is None:
            return frame
        return frame.where(F.col(WINDOW_COLUMN).isin(list(self.windows)))


def pin(store: EventStore, ref: TableRef, windows: Collection[str] | None) -> Pin:
    """Pin a table for the windows that are needed; None for a static table.

    Raises:
        SourceError: A window is not published; the message names what to run.
    """
    found = _published(store, ref)
    needed = (STATIC,) if windows is None else tuple(sorted(set(windows)))
    missing = [window for window in needed if window not in found]
    if missing:
        raise _missing(ref, missing, static=windows is None)
    if not needed:
        raise ValueError(f"no window of {ref} is asked for")
    return _pin(ref, None if windows is None else needed, found)


def pin_published(
    store: EventStore, ref: TableRef, windows: Collection[str] | None = None
) -> Pin | None:
    """Pin those of the windows that are published (of all, by default); None when there is none."""
    found = _published(store, ref)
    present = tuple(sorted(found if windows is None else set(windows) & set(found)))
    return _pin(ref, None if present == (STATIC,) else present, found) if present else None


def _published(store: EventStore, ref: TableRef) -> Mapping[str, tuple[SlicePublished, ...]]:
    """Return the publications of a table by window; several where windows have parts."""
    found: dict[str, list[SlicePublished]] = {}
    for (window, _), publication in sorted(
        published_slices(store, ref).items(), key=lambda item: (item[0][0], item[0][1] or "")
    ):
        found.setdefault(window, []).append(publication)
    return {window: tuple(publications) for window, publications in found.items()}


def _pin(
    ref: TableRef,
    windows: tuple[str, ...] | None,
    found: Mapping[str, tuple[SlicePublished, ...]],
) -> Pin:
    parts = {window: found[window] for window in windows or (STATIC,)}
    return Pin(
        ref,
        windows,
        InputVersion(
            ref=str(ref),
            delta_version=max(part.delta_version for held in parts.values() for part in held),
            windows={window: "+".join(p.digest for p in held) for window, held in parts.items()},
        ),
    )


def _missing(ref: TableRef, missing: list[str], *, static: bool) -> SourceError:
    shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    return SourceError(
        "not published yet" if static else f"not published for {shown}",
        where=str(ref),
        next_step=f"Run {ref} first" if static else f"Run {ref} for {shown} first",
    )
