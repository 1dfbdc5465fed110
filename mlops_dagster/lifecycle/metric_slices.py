"""Publishing what monitoring measured: a model's part of a window in its metric tables."""

from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from mlops_dagster.lifecycle.local_rows import publish_local_rows
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.metric_tables import MetricTable
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.tables.slices import Part, Slice

if TYPE_CHECKING:
    import pandas as pd

# The column that tells the models of a use case apart.
_MODEL = "model"


def publish_metrics(
    session: SparkSession,
    place: Place,
    model: ResolvedModel,
    table: MetricTable,
    rows: "pd.DataFrame",
    *,
    window: str,
) -> SlicePublished:
    """Replace a model's part of a window in a metric table; `rows` have the table's columns."""
    ref = TableRef(model.use_case, "monitoring", table.name)
    return publish_local_rows(
        session,
        rows=rows,
        ddl=table.ddl,
        target=Slice(ref, window, Part(_MODEL, model.name)),
        as_of=place.as_of,
        run_id=place.run_id,
        store=place.store,
        locations=place.locations,
        code_version=model.code_version,
    ).published
