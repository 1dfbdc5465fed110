"""A Delta table that something else writes, pinned to its newest version."""

from dataclasses import dataclass
from pathlib import Path

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.window_bounds import Bound, Bounds
from mlops_dagster.engine.transfer import one_row
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.connections import CatalogConnection, DeltaConnection
from mlops_dagster.tables.locations import CatalogLocation, PathLocation, TableLocation


@dataclass(frozen=True)
class PinnedTable:
    """A Delta table at one version, so that rows are the same however often they are read."""

    location: TableLocation
    version: int

    def read(self, session: SparkSession) -> DataFrame:
        """Return its rows; lazy."""
        return self.location.read(session, self.version)


def location_of(
    connection: DeltaConnection | CatalogConnection, table: str, *, root: Path
) -> TableLocation:
    """Return where `schema.table` lies; a relative path of a connection is below the root."""
    schema, _, name = table.partition(".")
    if isinstance(connection, CatalogConnection):
        return CatalogLocation(connection.catalog, schema, name)
    path = connection.path if "://" in connection.path else str(root / connection.path)
    return PathLocation("/".join((path.rstrip("/"), schema, name)))


def pin_newest(session: SparkSession, location: TableLocation, *, where: str) -> PinnedTable:
    """Pin a Delta table to its newest version. Cost: one look at its log.

    Raises:
        SourceError: There is no such table, or it is no Delta table.
    """
    if not location.exists(session):
        raise SourceError(
            "there is no such Delta table",
            where=where,
            found=str(location),
            next_step="Correct `table:`, or the connection of the environment",
        )
    try:
        history = session.sql(f"DESCRIBE HISTORY {location.sql_name} LIMIT 1").select("version")
        row = one_row(history, what=f"the history of {location}")
    except AnalysisException as error:
        raise SourceError(
            "the table has no versions, so two reads of it may differ",
            where=where,
            expected="a Delta table",
            found=error.getCondition() or str(location),
            next_step="Read a Delta table, or copy the rows into one",
        ) from error
    return PinnedTable(location, int(row["version"]))


def within(column: Column, bounds: Bounds) -> Column:
    """Return the condition for times within bounds; of a bare column Delta skips files by it."""
    return (column >= literal(bounds.start, bounds)) & (column < literal(bounds.end, bounds))


def literal(bound: Bound, bounds: Bounds) -> Column:
    """Return a bound as a literal of the type that times are written as."""
    if bounds.written_as == "timestamp_ntz":
        # A plain literal would become an instant.
        return F.lit(str(bound)).cast("timestamp_ntz")
    return F.lit(bound)
