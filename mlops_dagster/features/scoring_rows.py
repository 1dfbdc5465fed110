"""The rows of one window to be scored: the same as in training, without labels."""

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.engine.transfer import one_row
from mlops_dagster.features.columns import ROW_WINDOW, FeatureColumn
from mlops_dagster.features.model_rows import count_rows, predictable_rows
from mlops_dagster.features.reading import read_model_inputs
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
        rows: Rows of the window in the rows' table.
        unknowable: Of them, those left out: not known at their own prediction time, or by as_of.
    """

    frame: DataFrame
    features: tuple[FeatureColumn, ...]
    manifest: tuple[InputVersion, ...]
    rows: int
    unknowable: int


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
    found = one_row(count_rows(reading.inputs))
    return ScoringRows(
        frame=predictable_rows(reading.inputs, with_label=False).drop(ROW_WINDOW),
        features=reading.inputs.features,
        manifest=reading.manifest,
        rows=int(found["rows"]),
        unknowable=int(found["unknowable"]),
    )
