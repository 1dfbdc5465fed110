"""A small world to write tables in: an event store, locations and publishing in one call."""

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.spec.environment import (
    CatalogTables,
    Environment,
    LocalEngine,
    PathTables,
)
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.publish import Publication, publish_frame
from mlops_dagster.tables.slices import Part, Slice

AS_OF = datetime(2013, 2, 1, 12, tzinfo=timezone.utc)
READINGS = TableRef("energy", "bronze", "readings")


def environment(tables: PathTables | CatalogTables) -> Environment:
    """Return an environment where only the tables matter."""
    return Environment(
        spec_version=1,
        name="test",
        engine=LocalEngine(kind="local"),
        landing="landing",
        tables=tables,
    )


def in_catalog(schema: str) -> Environment:
    """Return an environment whose tables are names in schemas made from a template."""
    return environment(
        CatalogTables.model_validate(
            {"kind": "catalog", "catalog": "spark_catalog", "schema": schema}
        )
    )


def in_paths() -> Environment:
    """Return an environment whose tables are folders below `warehouse`."""
    return environment(PathTables(kind="paths", warehouse="warehouse"))


@dataclass(frozen=True)
class World:
    """A session, an event store and locations."""

    session: SparkSession
    store: EventStore
    locations: Locations

    def rows(self, *rows: tuple[object, ...], schema: str = "id bigint, name string") -> DataFrame:
        """Return a frame."""
        return self.session.createDataFrame(list(rows), schema)

    def publish(
        self,
        frame: DataFrame,
        window: str = "2013-01",
        *,
        ref: TableRef = READINGS,
        part: Part | None = None,
        run_id: str = "run",
    ) -> Publication:
        """Publish a slice."""
        return publish_frame(
            self.session,
            frame=frame,
            target=Slice(ref, window, part),
            as_of=AS_OF,
            store=self.store,
            locations=self.locations,
            run_id=run_id,
            code_version="v1",
        )

    def read(self, ref: TableRef = READINGS) -> list[tuple[object, ...]]:
        """Return all rows of the newest version, sorted."""
        return sorted(tuple(row) for row in self.locations.of(ref).read(self.session).collect())


def path_world(session: SparkSession, folder: Path) -> World:
    """Return a world whose tables are folders."""
    return World(session, open_store(folder / "events.db"), Locations(in_paths(), folder))
