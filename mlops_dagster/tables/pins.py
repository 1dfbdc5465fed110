"""Pinned reads: which version and windows of a table are read, from the event store alone."""

from collections.abc import Collection
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import InputVersion
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations


@dataclass(frozen=True)
class Pin:
    """A table at a version, limited to windows (None: a static table, all of it), and what it held."""

    ref: TableRef
    windows: tuple[str, ...] | None
    version: InputVersion

    def read(self, session: SparkSession, locations: Locations) -> DataFrame:
        """Return the pinned rows, with the column `window` when the table has windows."""
        raise NotImplementedError


def pin(store: EventStore, ref: TableRef, windows: Collection[str] | None) -> Pin:
    """Pin a table for the windows needed (None: static).

    Raises:
        SourceError: A window was never published; names what to run.
    """
    raise NotImplementedError


def pin_published(store: EventStore, ref: TableRef, windows: Collection[str]) -> Pin | None:
    """Pin those of the windows that are published, or return None when none is."""
    raise NotImplementedError
