"""Publishing what the rules of a use case said of a window's batches: one commit a window."""

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession

from mlops_dagster.data.judged import judged_batch
from mlops_dagster.lifecycle.local_rows import publish_local_rows
from mlops_dagster.monitoring.quality_results import (
    QUALITY_RESULTS,
    Row,
    result_frame,
    result_measure,
    result_rows,
)
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.publish import Publication
from mlops_dagster.tables.slices import Slice


@dataclass(frozen=True)
class ResultsPublished:
    """What was published: the rows, and what readers see."""

    rows: tuple[Row, ...]
    publication: Publication


def publish_quality_results(
    session: SparkSession,
    use_case: ResolvedUseCase,
    *,
    workspace: Workspace,
    window: str,
    as_of: datetime,
    store: EventStore,
    locations: Locations,
    run_id: str,
) -> ResultsPublished:
    """Replace a window's results by those of its published batches, which events tell.

    The same again gives the same rows. Results of a use case without windows that are published
    already are not written again.

    Args:
        session: A Spark session.
        use_case: Whose tables are meant, with the shared ones that it reads.
        workspace: The workspace that holds it.
        window: The window; `static` for a use case without windows.
        as_of: The instant of the window.
        store: The event store.
        locations: Where tables lie.
        run_id: The run that writes.

    Raises:
        SupersededWrite: A newer run took the slice over.
    """
    tables = [
        *map(workspace.table, workspace.shared_tables_of(use_case)),
        *use_case.tables.values(),
    ]
    batches = [judged_batch(store, one.ref, window if one.windowed else STATIC) for one in tables]
    told = [batch for batch in batches if batch is not None]
    rows = result_rows(told, use_case=use_case.name, window=window)
    publication = publish_local_rows(
        session,
        rows=result_frame(rows),
        ddl=QUALITY_RESULTS.ddl,
        target=Slice(
            TableRef(use_case.name, "monitoring", QUALITY_RESULTS.name), window, mixed=True
        ),
        as_of=as_of,
        run_id=run_id,
        store=store,
        locations=locations,
        code_version=f"{QUALITY_RESULTS.name} {QUALITY_RESULTS.version}",
        measured=result_measure(rows),
    )
    return ResultsPublished(rows, publication)
