"""Rows as known at their prediction times: the one path for training, replay and forecast."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation, nearest_name
from mlops_dagster.features.columns import (
    EVENT_TIME,
    HOLDOUT_GROUP,
    LABEL,
    LABEL_KNOWN_AT,
    PREDICTION_TIME,
    ROW_WINDOW,
    WINDOW,
)
from mlops_dagster.features.inputs import (
    OWN_EVENT_TIME,
    OWN_KNOWN_AT,
    ModelInputs,
    known_rows,
)
from mlops_dagster.features.labels import own_label
from mlops_dagster.features.point_in_time import point_in_time_join
from mlops_dagster.features.view import FeatureView
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster.tables.instants import earlier


def predictable_rows(inputs: ModelInputs, *, with_label: bool) -> DataFrame:
    """Return the rows to predict with the features as known at prediction time.

    Columns: the key, event_time and prediction_time and row_window (where the rows have an event
    time), the features by name. For training also `holdout_group`, the text of the group that the
    hold-out goes by, if it goes by one, and `label` and `label_known_at` when they stand in the
    same row. A row that was not known at its own prediction time is left out (`row_counts`
    counts it).
    Cost: one shuffle for each set of key columns among the feature tables other than the rows' own;
    two for each table of forecasts.
    """
    rows = known_rows(inputs, inputs.rows)
    timed = inputs.rows.event_time is not None
    if timed:
        rows = rows.where(is_knowable(inputs))
    views = _views(inputs, rows)
    times: list[Column] = []
    if timed:
        times = [
            F.col(OWN_EVENT_TIME).alias(EVENT_TIME),
            _prediction_time(inputs).alias(PREDICTION_TIME),
        ]
    if WINDOW in rows.columns:
        times.append(F.col(WINDOW).alias(ROW_WINDOW))
    own = [f for f in inputs.features if f.table == inputs.rows.ref]
    label = own_label(inputs, rows) if with_label and inputs.own_label else []
    group = _holdout_group(inputs) if with_label else []
    # A feature table may be keyed by a column of the rows that is neither key nor feature; it
    # travels along.
    row_key = inputs.rows.spec.key
    carried = {
        ours: theirs
        for view in views
        for ours, theirs in view.matches.items()
        if ours not in row_key
    }
    spine = rows.select(
        *(F.col(quote(column)) for column in row_key),
        *times,
        *(F.col(quote(column)).alias(name) for name, column in sorted(carried.items())),
        *(F.col(quote(feature.column)).alias(feature.name) for feature in own),
        *group,
        *label,
    )
    joined = point_in_time_join(
        spine,
        views,
        prediction_time=PREDICTION_TIME if timed else None,
        event_time=EVENT_TIME if timed else None,
    )
    kept = [*row_key, *(c for c in (EVENT_TIME, PREDICTION_TIME) if timed)]
    kept += [ROW_WINDOW] if ROW_WINDOW in spine.columns else []
    kept += [feature.name for feature in inputs.features]
    kept += [HOLDOUT_GROUP] if group else []
    kept += [LABEL, LABEL_KNOWN_AT] if label else []
    return joined.select(*(F.col(quote(column)) for column in kept))


def is_knowable(inputs: ModelInputs) -> Column:
    """Return whether a row was known at its prediction time, and by as_of."""
    known = F.col(OWN_KNOWN_AT) <= F.least(_prediction_time(inputs), F.lit(inputs.as_of))
    return F.coalesce(known, F.lit(False))


def _holdout_group(inputs: ModelInputs) -> list[Column]:
    column = inputs.model.spec.train.holdout.group
    return [] if column is None else [F.col(quote(column)).cast("string").alias(HOLDOUT_GROUP)]


def _views(inputs: ModelInputs, rows: DataFrame) -> list[FeatureView]:
    """Return a view for each feature table but the rows' own, in the order of the features."""
    row_key = set(inputs.rows.spec.key)
    views = []
    for ref in dict.fromkeys(feature.table for feature in inputs.features):
        table = inputs.tables[ref]
        if ref == inputs.rows.ref:
            continue
        _check_joinable(table, rows, inputs.rows)
        timed = table.event_time is not None
        views.append(
            FeatureView(
                name=str(ref),
                frame=_joinable_rows(inputs, table),
                key=tuple(table.spec.key),
                spine_key=tuple(c if c in row_key else f"__key_{c}" for c in table.spec.key),
                columns=tuple((f.column, f.name) for f in inputs.features if f.table == ref),
                event_time=OWN_EVENT_TIME if timed else None,
                known_at=OWN_KNOWN_AT if timed else None,
                valid_for=None if table.spec.valid_for is None else table.spec.valid_for.elapsed,
                forecast=table.spec.forecast,
            )
        )
    return views


def _joinable_rows(inputs: ModelInputs, table: ResolvedTable) -> DataFrame:
    """Return a table's rows known by as_of, which is the asked moment of rows without a time."""
    rows = known_rows(inputs, table)
    if table.event_time is None or inputs.rows.event_time is not None:
        return rows
    return rows.where(F.col(OWN_EVENT_TIME) <= F.lit(inputs.as_of))


def _check_joinable(table: ResolvedTable, rows: DataFrame, rows_table: ResolvedTable) -> None:
    missing = [column for column in table.spec.key if column not in rows.columns]
    if missing or not table.spec.key:
        raise ContractViolation(
            f"features of {table.ref} cannot be joined with the rows of {rows_table.ref}",
            expected=f"columns {', '.join(table.spec.key)} in the rows" if missing else "a key",
            found=f"no {', '.join(missing)}" if missing else "none",
            nearest=nearest_name(missing[0], rows.columns) if missing else None,
            next_step="Make the columns in the SQL of the rows' table.",
        )
    if table.spec.forecast and rows_table.event_time is None:
        raise ContractViolation(
            f"forecasts of {table.ref} cannot be joined with the rows of {rows_table.ref}",
            expected="rows with an event_time",
            found="none",
            next_step="Declare the event_time of the rows' table.",
        )


def _prediction_time(inputs: ModelInputs) -> Column:
    """Return when a row is predicted: `ahead` of its event; a forecast when its window opens.

    The earlier of the two counts. Training goes by the same rule, so that a forecast finds the
    features as its model learnt them.
    """
    ahead = earlier(F.col(OWN_EVENT_TIME), inputs.ahead)
    if inputs.model.spec.predict.at != "open" or inputs.calendar is None or not inputs.windows:
        return ahead
    starts = [
        F.lit(part) for key in inputs.windows for part in (key, inputs.calendar.as_of_open(key))
    ]
    return F.least(ahead, F.create_map(*starts)[F.col(WINDOW)])
