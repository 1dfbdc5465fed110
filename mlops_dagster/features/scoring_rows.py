"""The rows of one window to be scored: the same as in training, without labels."""

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.features.columns import ROW_WINDOW, FeatureColumn
from mlops_dagster.features.model_rows import predictable_rows
from mlops_dagster.features.reading import read_model_inputs
from mlops_dagster.features.row_counts import RowCounts, count_rows
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedModel, Workspace
from mlops_dagster.state.fence import InputVersion
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations


@dataclass(frozen=True)
class ScoringRows:
    """Rows to score.

    Attributes:
        frame: The key, event_time and prediction_time (where rows have times) and the features by
            name.
        features: The features in their order.
        manifest: Versions of the inputs.
        counts: Rows of the window in the rows' table, those left out because they were not known
            in time, and feature tables whose rows wait for the time that they are about.
    """

    frame: DataFrame
    features: tuple[FeatureColumn, ...]
    manifest: tuple[InputVersion, ...]
    counts: RowCounts


def scoring_rows(
    session: SparkSession,
    *,
    workspace: Workspace,
    model: ResolvedModel,
    window: str,
    as_of: datetime,
    store: EventStore,
    locations: Locations,
) -> ScoringRows:
    """Return the rows of a window with the features as known at prediction time.

    The same call serves a window that closed (a replay: each row as known at its own prediction
    time) and one that opens (a forecast: nothing known after as_of).

    Raises:
        SourceError: The window's rows are not published.
        SpecError: The tables cannot serve the model.
    """
    windowed = window != STATIC and workspace.table(model.rows).windowed
    reading = read_model_inputs(
        session,
        workspace=workspace,
        model=model,
        windows=(window,) if windowed else (),
        as_of=as_of,
        store=store,
        locations=locations,
        with_label=False,
    )
    return ScoringRows(
        frame=predictable_rows(reading.inputs, with_label=False).drop(ROW_WINDOW),
        features=reading.inputs.features,
        manifest=reading.manifest,
        counts=count_rows(reading.inputs),
    )
