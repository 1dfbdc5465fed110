"""Predictions beside the truth as far as it is known: what quality is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.errors import SourceError
from mlops_dagster.features.columns import LABEL_STATE, WINDOW
from mlops_dagster.features.labels import attach_label
from mlops_dagster.features.maturity import LabelState
from mlops_dagster.features.reading import read_label_inputs
from mlops_dagster.spec.workspace import ResolvedModel, Workspace
from mlops_dagster.state.fence import InputVersion, published_slices
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations

PREDICTIONS = "predictions"
MODEL_VERSION = "model_version"


@dataclass(frozen=True)
class LabelledPredictions:
    """Predictions with the labels known by as_of.

    Attributes:
        frame: All columns of the predictions (key, times, features, scores, model_version, window)
            and label, label_known_at, label_state.
        windows: Windows that have predictions, oldest first.
        manifest: Versions of the label's table.
    """

    frame: DataFrame
    windows: tuple[str, ...]
    manifest: tuple[InputVersion, ...]


@dataclass(frozen=True)
class LabelCounts:
    """Predictions of one window and model version by what is known of their labels."""

    window: str
    model_version: str
    rows: int
    labelled: int
    never: int
    pending: int


def labelled_predictions(
    session: SparkSession,
    *,
    workspace: Workspace,
    model: ResolvedModel,
    windows: Sequence[str],
    as_of: datetime,
    store: EventStore,
    locations: Locations,
) -> LabelledPredictions:
    """Return the published predictions of some windows with their labels as known by as_of.

    Every prediction is there, labelled or not; windows without predictions are passed over.

    Raises:
        SourceError: None of the windows has predictions.
    """
    ref = model.derived("serving", PREDICTIONS)
    slices = {
        (window, version): publication
        for (window, version), publication in published_slices(store, ref).items()
        if window in windows
    }
    if not slices:
        raise SourceError(
            "no predictions are published for these windows",
            where=str(ref),
            expected=f"predictions of {', '.join(windows)}",
            next_step="Score a window first.",
        )
    found = tuple(sorted({window for window, _ in slices}))
    version = max(publication.delta_version for publication in slices.values())
    rows = locations.of(ref).read(session, version)
    is_published = F.lit(False)
    for window, part in slices:
        same_part = F.lit(True) if part is None else F.col(MODEL_VERSION) == part
        same_window = F.col(WINDOW) == window if WINDOW in rows.columns else F.lit(True)
        is_published |= same_window & same_part
    reading = read_label_inputs(
        session,
        workspace=workspace,
        model=model,
        windows=found if WINDOW in rows.columns else (),
        as_of=as_of,
        store=store,
        locations=locations,
    )
    labelled = attach_label(rows.where(is_published), reading.inputs)
    return LabelledPredictions(frame=labelled, windows=found, manifest=reading.manifest)


def count_labels(frame: DataFrame) -> tuple[LabelCounts, ...]:
    """Count labelled predictions by window and model version; one aggregate query."""
    window = F.col(WINDOW) if WINDOW in frame.columns else F.lit("static")
    counts = (
        frame.groupBy(
            window.alias(WINDOW), F.col(MODEL_VERSION).cast("string").alias(MODEL_VERSION)
        )
        .agg(
            F.count(F.lit(1)).alias("rows"),
            *(F.count_if(F.col(LABEL_STATE) == s.value).alias(s.value) for s in LabelState),
        )
        .orderBy(WINDOW, MODEL_VERSION)
    )
    return tuple(
        LabelCounts(
            window=row[WINDOW],
            model_version=row[MODEL_VERSION],
            rows=row["rows"],
            labelled=row["labelled"],
            never=row["never"],
            pending=row["pending"],
        )
        for row in few_rows(counts, what="counts of labels by window")
    )
