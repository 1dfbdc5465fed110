"""Publishing rows that are on this machine: reports and results, which Spark has not computed."""

from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from mlops_dagster.engine.transfer import frame_from_pandas
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.fenced import HeldSlice, Origin, hold
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.measure import Measure, measure_local
from mlops_dagster.tables.publish import Publication, publish_measured
from mlops_dagster.tables.slices import WINDOW_COLUMN, Slice

if TYPE_CHECKING:
    import pandas as pd


def publish_local_rows(
    session: SparkSession,
    *,
    rows: "pd.DataFrame",
    ddl: str,
    target: Slice,
    as_of: datetime,
    run_id: str,
    store: EventStore,
    locations: Locations,
    code_version: str,
    measured: Measure | None = None,
) -> Publication:
    """Replace a slice by rows that are here, under a claim of its own.

    Cost: the commit. The rows are digested here, so they are not read back.

    Args:
        session: A Spark session.
        rows: All columns of the table, those of the slice itself (window, part) among them.
        ddl: Names and types of the columns.
        target: The slice.
        as_of: The instant of its window.
        run_id: The run that writes.
        store: The event store.
        locations: Where tables lie.
        code_version: Of what made the rows.
        measured: Count and digest, where they are not those of all columns.

    Raises:
        SupersededWrite: A newer run took the slice over.
    """
    own = [WINDOW_COLUMN] if target.part is None else [WINDOW_COLUMN, target.part.column]
    frame = frame_from_pandas(session, rows, schema=ddl).drop(*own)
    held = hold(store, target, as_of=as_of, run_id=run_id)
    location, origin = locations.of(target.ref), Origin(code_version)
    return publish_measured(
        HeldSlice(session, target, held, store, location, origin),
        frame,
        measured=measure_local(rows, ddl=ddl) if measured is None else measured,
    )
