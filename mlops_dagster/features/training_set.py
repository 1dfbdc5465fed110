"""The training set: rows up to a cutoff as known when predicted, with the labels known by then."""

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import one_row
from mlops_dagster.errors import TrainingRefused
from mlops_dagster.features.columns import (
    DAY,
    EVENT_TIME,
    HOLDOUT_GROUP,
    LABEL,
    LABEL_KNOWN_AT,
    LABEL_STATE,
    PREDICTION_TIME,
    ROW_WINDOW,
    SPLIT,
    WINDOW,
    FeatureColumn,
)
from mlops_dagster.features.inputs import ModelInputs
from mlops_dagster.features.labels import attach_label
from mlops_dagster.features.maturity import LabelState
from mlops_dagster.features.model_rows import predictable_rows
from mlops_dagster.features.ranges import history_windows
from mlops_dagster.features.reading import read_model_inputs
from mlops_dagster.features.row_counts import EarlyRows, count_rows
from mlops_dagster.features.split import FIT, HOLDOUT, split_column
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedModel, Workspace
from mlops_dagster.state.fence import SlicePublished, published_windows
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.instants import local_date
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.publish import publish_frame
from mlops_dagster.tables.slices import Slice

TRAINING_SET = "training_set"


@dataclass(frozen=True)
class TrainingSetCounts:
    """Rows of a training set by what is known of their labels, and on either side of the hold-out.

    `unknowable` rows of the rows' table became known only after their prediction time and are not
    in the set.
    """

    rows: int
    labelled: int
    never: int
    pending: int
    fit: int
    holdout: int
    unknowable: int


@dataclass(frozen=True)
class TrainingSetBuilt:
    """A published training set; `written` is False when the same rows were there already.

    `early` names the feature tables whose rows wait for the time that they are about.
    """

    ref: TableRef
    cutoff: str
    published: SlicePublished
    written: bool
    windows: tuple[str, ...]
    features: tuple[FeatureColumn, ...]
    counts: TrainingSetCounts
    early: tuple[EarlyRows, ...]


def training_rows(inputs: ModelInputs) -> DataFrame:
    """Return the rows of a training set.

    Columns: the key; event_time, prediction_time and row_window (where rows have times); the
    features by name; label (null unless known by as_of), label_known_at, label_state,
    holdout_group (text; only where the hold-out goes by a group), split (`fit` or `holdout`) and
    day (local date as text, the group for intervals; null without times).

    Args:
        inputs: Pinned tables with the label's, and as_of.
    """
    rows = attach_label(predictable_rows(inputs, with_label=True), inputs)
    features = [feature.name for feature in inputs.features]
    timed = EVENT_TIME in rows.columns
    day = local_date(F.col(EVENT_TIME), inputs.time_zone) if timed else F.lit(None)
    split = split_column(
        inputs.model.spec.train.holdout,
        windows=inputs.windows,
        features=features,
        time_zone=inputs.time_zone,
    )
    times = [name for name in (EVENT_TIME, PREDICTION_TIME, ROW_WINDOW) if name in rows.columns]
    ordered = [*inputs.rows.spec.key, *times, *features, LABEL, LABEL_KNOWN_AT, LABEL_STATE]
    ordered += [HOLDOUT_GROUP] if HOLDOUT_GROUP in rows.columns else []
    return rows.select(
        *(F.col(quote(name)) for name in ordered),
        split.alias(SPLIT),
        day.cast("string").alias(DAY),
    )


def build_training_set(
    session: SparkSession,
    *,
    workspace: Workspace,
    model: ResolvedModel,
    cutoff: str,
    as_of: datetime,
    store: EventStore,
    locations: Locations,
    run_id: str,
) -> TrainingSetBuilt:
    """Publish the training set of a cutoff as the slice of that window.

    A later build with the same as_of over inputs in which only later facts were added gives equal
    rows.

    Args:
        session: A Spark session.
        workspace: Where the tables are declared.
        model: The model.
        cutoff: The last window of the rows; `static` for a use case without windows.
        as_of: What became known later does not count.
        store: Published versions and fences.
        locations: Where tables lie.
        run_id: The run that publishes.

    Raises:
        TrainingRefused: Fewer windows than `at_least` are published, a row has no hold-out group,
            or no row has a label.
        SourceError: An input is not published.
        SpecError: The tables cannot serve the model.
    """
    windows = training_windows(workspace, model, cutoff=cutoff, store=store)
    reading = read_model_inputs(
        session,
        workspace=workspace,
        model=model,
        windows=windows,
        as_of=as_of,
        store=store,
        locations=locations,
        with_label=True,
    )
    target = Slice(model.derived("model", TRAINING_SET), cutoff)
    training = training_rows(reading.inputs)
    _check_groups(model, training, target)
    publication = publish_frame(
        session,
        frame=training,
        target=target,
        as_of=as_of,
        store=store,
        locations=locations,
        run_id=run_id,
        code_version=model.code_version,
        inputs=reading.manifest,
    )
    rows = read_training_set(
        session, target=target, published=publication.published, locations=locations
    )
    counted = count_rows(reading.inputs)
    counts = _count(rows, unknowable=counted.unknowable)
    if counts.labelled == 0:
        raise TrainingRefused(
            "no row of the training set has a label",
            where=str(target),
            expected="at least one label known by the cutoff",
            found=(
                f"{counts.rows} rows, {counts.pending} pending, {counts.never} without a label; "
                f"{counts.unknowable} more rows became known only after they were to be predicted"
            ),
            next_step=_advice(model, counts),
        )
    return TrainingSetBuilt(
        ref=target.ref,
        cutoff=cutoff,
        published=publication.published,
        written=publication.written,
        windows=windows,
        features=reading.inputs.features,
        counts=counts,
        early=counted.early,
    )


def _advice(model: ResolvedModel, counts: TrainingSetCounts) -> str:
    """Return where to look when there are no labels: at the rows, or at the labels' own table."""
    if counts.rows == 0:
        return (
            f"Check the known_at of {model.rows} against its event time (predict: {{at: open}} "
            "predicts a row when its window opens)"
        )
    return (
        f"Check that {model.label} holds the keys of the rows (match: row also their event times), "
        "and the quarantine for labels that came too late"
    )


def training_windows(
    workspace: Workspace, model: ResolvedModel, *, cutoff: str, store: EventStore
) -> tuple[str, ...]:
    """Return the windows of a training: the published ones of its history, with the cutoff.

    Raises:
        TrainingRefused: There are fewer than `at_least`.
    """
    calendar = workspace.use_cases[model.use_case].calendar
    if calendar is None or cutoff == STATIC or not workspace.table(model.rows).windowed:
        return ()
    train = model.spec.train
    there = published_windows(store, model.rows)
    history = history_windows(calendar, cutoff, train.history)
    # The cutoff stays in the list when it is missing: reading it then says what to build.
    windows = tuple(window for window in history if window in there or window == cutoff)
    if len(windows) < train.at_least.count:
        raise TrainingRefused(
            f"model {model.stream} has too few windows for a training",
            where=f"cutoff {cutoff}",
            expected=f"at least {train.at_least}",
            found=str(len(windows)),
            next_step="Wait for the next windows, or build the missing ones.",
        )
    return windows


def _check_groups(model: ResolvedModel, rows: DataFrame, target: Slice) -> None:
    """Refuse rows without a group: nobody could say which rows they belong with.

    Cost: one query, only where the hold-out goes by a group.
    """
    if HOLDOUT_GROUP not in rows.columns:
        return
    counts = one_row(
        rows.agg(
            F.count(F.lit(1)).alias("rows"),
            F.count_if(F.col(HOLDOUT_GROUP).isNull()).alias("without"),
        )
    )
    if counts["without"]:
        column = model.spec.train.holdout.group
        raise TrainingRefused(
            f"rows have no hold-out group: {column} is null",
            where=str(target),
            expected=f"{column} in each row of {model.rows}",
            found=f"{counts['without']} of {counts['rows']} rows without",
            next_step=f"Write the rule '{column} is not null', or give each such row a group of "
            "its own in the table's SQL, such as its key.",
        )


def read_training_set(
    session: SparkSession, *, target: Slice, published: SlicePublished, locations: Locations
) -> DataFrame:
    """Return the rows of a published training set, at the version that published them."""
    rows = locations.of(target.ref).read(session, published.delta_version)
    return rows if target.window == STATIC else rows.where(F.col(WINDOW) == target.window)


def _count(rows: DataFrame, *, unknowable: int) -> TrainingSetCounts:
    states = {state.value: F.count_if(F.col(LABEL_STATE) == state.value) for state in LabelState}
    sides = {side: F.count_if(F.col(SPLIT) == side) for side in (FIT, HOLDOUT)}
    found = one_row(
        rows.agg(
            F.count(F.lit(1)).alias("rows"),
            *(column.alias(name) for name, column in {**states, **sides}.items()),
        )
    )
    return TrainingSetCounts(
        **{name: int(found[name]) for name in found.asDict()}, unknowable=unknowable
    )
