"""The label of each row as known at an instant, and whether it may still come."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.features.columns import (
    EVENT_TIME,
    LABEL,
    LABEL_KNOWN_AT,
    LABEL_STATE,
    ROW_WINDOW,
    WINDOW,
)
from mlops_dagster.features.inputs import OWN_EVENT_TIME, OWN_KNOWN_AT, ModelInputs, known_rows
from mlops_dagster.features.maturity import LabelState, final_maturity
from mlops_dagster.features.point_in_time import point_in_time_join
from mlops_dagster.features.view import FeatureView
from mlops_dagster.spec.models import LabelMatch
from mlops_dagster.tables.instants import instant, later

_LABEL_AT = "__label_at"
_LABELS = "__labels"


def attach_label(rows: DataFrame, inputs: ModelInputs) -> DataFrame:
    """Add label, label_known_at and label_state as of `inputs.as_of` to rows.

    The label is that of the label table's row with the same key, and the same event_time where both
    tables have one; with `match: key` that of a row with the same key whose event_time lies from
    the row's up to `within` later. Of several it is the newest. Rows out are the rows in. Cost: one
    shuffle (`match: key`: one of each side); none when the label is there already.

    Args:
        rows: Rows with the key columns; event_time and row_window as `predictable_rows` gives them.
        inputs: The model's tables; the label's among the frames unless `rows` has the column
            `label`.
    """
    if LABEL in rows.columns:
        labelled = rows
    elif inputs.model.spec.label.match is LabelMatch.KEY:
        labelled = _join_later_label(rows, inputs)
    else:
        labelled = _join_label(rows, inputs)
    return labelled.withColumn(LABEL_STATE, _label_state(labelled, inputs))


def _join_label(rows: DataFrame, inputs: ModelInputs) -> DataFrame:
    table = inputs.tables[inputs.model.label]
    frame = known_rows(inputs, table)
    known_at = _label_known_at(inputs, frame)
    key = dict(zip(table.spec.key, table.spec.key, strict=True))
    event_time = known_at if table.event_time is None else F.col(OWN_EVENT_TIME)
    if table.event_time is not None and EVENT_TIME in rows.columns:
        key[OWN_EVENT_TIME] = EVENT_TIME
        # A label that is known counts, also of an event to come; all of a row have its event time.
        event_time = known_at
    labels = frame.select(
        *(F.col(quote(theirs)).alias(f"__label_key{n}") for n, theirs in enumerate(key)),
        F.col(quote(inputs.model.spec.label.column)).alias(LABEL),
        known_at.alias(LABEL_KNOWN_AT),
        event_time.alias(OWN_EVENT_TIME),
    )
    timed = table.known_at is not None or inputs.model.spec.label.known_at is not None
    view = FeatureView(
        name=str(table.ref),
        frame=labels,
        key=tuple(f"__label_key{n}" for n in range(len(key))),
        spine_key=tuple(key.values()),
        columns=((LABEL, LABEL), (LABEL_KNOWN_AT, LABEL_KNOWN_AT)),
        event_time=OWN_EVENT_TIME if timed else None,
        known_at=LABEL_KNOWN_AT if timed else None,
    )
    asked = rows.withColumn(_LABEL_AT, F.lit(inputs.as_of))
    return point_in_time_join(asked, [view], prediction_time=_LABEL_AT).drop(_LABEL_AT)


def _join_later_label(rows: DataFrame, inputs: ModelInputs) -> DataFrame:
    """Join the newest label of the key that came from the row's event time up to `within` later."""
    table = inputs.tables[inputs.model.label]
    frame = known_rows(inputs, table)
    label = F.struct(
        F.col(OWN_EVENT_TIME).alias("at"),
        _label_known_at(inputs, frame).alias("known_at"),
        F.col(quote(inputs.model.spec.label.column)).alias("label"),
    )
    # An array a key: a join of ranges would compare every row with every label of its key.
    keys = [F.col(quote(name)).alias(f"__label_key{n}") for n, name in enumerate(table.spec.key)]
    labels = (
        frame.select(*keys, label.alias(_LABELS))
        .where(F.col(_LABELS)["known_at"] <= F.lit(inputs.as_of))
        .groupBy(*(f"__label_key{n}" for n in range(len(keys))))
        .agg(F.collect_list(_LABELS).alias(_LABELS))
    )
    same_key = [
        F.col(quote(name)) == F.col(f"__label_key{n}") for n, name in enumerate(table.spec.key)
    ]
    first, last = F.col(EVENT_TIME), _matures_at(rows, inputs)
    newest = F.array_max(
        F.filter(_LABELS, lambda found: (found["at"] >= first) & (found["at"] <= last))
    )
    return rows.join(labels, same_key, "left").select(
        *(F.col(quote(name)) for name in rows.columns),
        newest["label"].alias(LABEL),
        newest["known_at"].alias(LABEL_KNOWN_AT),
    )


def _matures_at(rows: DataFrame, inputs: ModelInputs) -> Column:
    """Return the instant after which no label of a row counts any more."""
    within = inputs.model.spec.label.within
    if not within.is_windows:
        return later(F.col(EVENT_TIME), within.elapsed)
    if inputs.calendar is None:
        raise ValueError("within counts windows, the use case has none")
    ends = [
        F.lit(part)
        for key in inputs.windows
        for part in (key, final_maturity(inputs.calendar, key, within))
    ]
    return F.create_map(*ends)[F.col(ROW_WINDOW if ROW_WINDOW in rows.columns else WINDOW)]


def own_label(inputs: ModelInputs, rows: DataFrame) -> list[Column]:
    """Return label and label_known_at of rows that hold both, null when not known by as_of."""
    known_at = _label_known_at(inputs, rows)
    label = F.col(quote(inputs.model.spec.label.column))
    if inputs.rows.known_at is None and inputs.model.spec.label.known_at is None:
        return [label.alias(LABEL), known_at.alias(LABEL_KNOWN_AT)]
    known = known_at <= F.lit(inputs.as_of)
    return [
        F.when(known, label).alias(LABEL),
        F.when(known, known_at).alias(LABEL_KNOWN_AT),
    ]


def _label_known_at(inputs: ModelInputs, frame: DataFrame) -> Column:
    """Return when each row's label became known; null where the table has no times."""
    own = inputs.model.spec.label.known_at
    if own is not None:
        return instant(frame, own, inputs.time_zone)
    if inputs.tables[inputs.model.label].known_at is not None:
        return F.col(OWN_KNOWN_AT)
    return F.lit(None).cast("timestamp")


def _label_state(rows: DataFrame, inputs: ModelInputs) -> Column:
    state = F.when(F.col(LABEL).isNotNull(), F.lit(LabelState.LABELLED.value))
    if EVENT_TIME not in rows.columns:
        return state.otherwise(F.lit(LabelState.NEVER.value))
    state = state.when(_is_mature(rows, inputs), F.lit(LabelState.NEVER.value))
    return state.otherwise(F.lit(LabelState.PENDING.value))


def _is_mature(rows: DataFrame, inputs: ModelInputs) -> Column:
    within = inputs.model.spec.label.within
    if not within.is_windows:
        return later(F.col(EVENT_TIME), within.elapsed) <= F.lit(inputs.as_of)
    if inputs.calendar is None:
        raise ValueError("within counts windows, the use case has none")
    window = ROW_WINDOW if ROW_WINDOW in rows.columns else WINDOW
    newest = inputs.calendar.opened_by(inputs.as_of)
    mature = None if newest is None else newest.key
    while mature is not None and final_maturity(inputs.calendar, mature, within) > inputs.as_of:
        mature = inputs.calendar.shift(mature, -1)
    # Keys of one calendar sort as their windows do.
    return F.lit(False) if mature is None else F.col(window) <= F.lit(mature)
