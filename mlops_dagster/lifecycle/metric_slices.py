"""Publishing what monitoring measured: a model's part of a window in its metric tables."""

from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from mlops_dagster.engine.transfer import frame_from_pandas
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.metric_tables import MetricTable
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.tables.fenced import Origin, hold
from mlops_dagster.tables.measure import measure_local
from mlops_dagster.tables.publish import publish_measured
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
    """Replace a model's part of a window in a metric table; `rows` have the table's columns.

    Cost: the commit. The rows are digested here, so they are not read back.
    """
    frame = frame_from_pandas(session, rows, schema=table.ddl)
    target = Slice(
        TableRef(model.use_case, "monitoring", table.name), window, Part(_MODEL, model.name)
    )
    return publish_measured(
        session,
        frame=frame.drop("window", _MODEL),
        target=target,
        held=hold(place.store, target, as_of=place.as_of, run_id=place.run_id),
        measured=measure_local(rows, ddl=table.ddl),
        store=place.store,
        location=place.locations.of(target.ref),
        origin=Origin(model.code_version),
    ).published
