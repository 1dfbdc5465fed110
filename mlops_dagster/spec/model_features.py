"""The features of a model: which columns they are and how they are joined to the rows."""

import re

from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.models import Gate
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.table_columns import WINDOW_COLUMN

# What becomes a number, a category or a truth value; dates and nested types SQL takes apart.
FEATURE_TYPE = re.compile(
    r"tinyint|smallint|int|bigint|float|double|decimal\(.+\)|boolean|string|varchar.*|char.*"
)


def check_features(model: ModelDraft, table: Draft, text: str) -> set[str] | None:
    """Check the features of one table; return their names, or None when they are not known."""
    source, path = model.source, model.path("features", text)
    is_rows = model.rows is not None and table.ref == model.rows.ref
    if not is_rows:
        model.require_event_time(table, path)
        _check_forecast(model, table, path)
        _check_join(model, table, path)
    secret = set[str | None]()
    if model.label is not None and table.ref == model.label.ref:
        secret = {model.spec.label.column, model.spec.label.known_at} - {None}
    chosen = model.features[table.ref]
    if chosen is None:
        return _check_all(model, table, path, secret)
    for number, column in enumerate(chosen):
        place = (*path, number)
        if column in secret:
            source.report(
                *place,
                problem=f"'{column}' of {table.ref} is the label, which no feature may be",
                next_step="For past values of it, make a table that reads the windows before",
            )
        elif column in chosen[:number]:
            source.report(*place, problem=f"the feature '{column}' stands twice")
        else:
            kind = model.table_column(table, column, *place)
            _check_feature_type(model, column, kind, place)
    if table.columns is not None and not set(chosen) <= table.columns.keys():
        return None
    return set(chosen) | {f"{table.ref.name}__{column}" for column in chosen}


def _check_all(
    model: ModelDraft, table: Draft, path: tuple[Key, ...], secret: set[str | None]
) -> set[str] | None:
    spec = table.spec
    is_rows = model.rows is not None and table.ref == model.rows.ref
    group = model.spec.train.holdout.group if is_rows else None
    own = {*spec.key, spec.event_time, spec.known_at or spec.event_time, WINDOW_COLUMN, *secret}
    own.add(group)
    written = {*spec.key, spec.event_time, spec.known_at, *secret} - {None}
    if table.columns is None or not written <= table.columns.keys():
        # Of a table with a misspelt key or time nobody knows what is left.
        return None
    left = {name: kind for name, kind in table.columns.items() if name not in own}
    if not left:
        model.source.report(*path, problem=f"{table.ref} has no column that may be a feature")
    for name, kind in left.items():
        _check_feature_type(model, name, kind, path)
    return set(left) | {f"{table.ref.name}__{name}" for name in left}


def _check_feature_type(
    model: ModelDraft, column: str, kind: str | None, path: tuple[Key, ...]
) -> None:
    if kind is not None and FEATURE_TYPE.fullmatch(kind) is None:
        model.source.report(
            *path,
            expected="features of numbers, truth values or texts",
            found=f"{column} of type {kind}",
            next_step="List the columns without it, or take it apart in the table's SQL",
        )


def _check_forecast(model: ModelDraft, table: Draft, path: tuple[Key, ...]) -> None:
    """Report forecasts for rows that have no time of which something could have been said."""
    rows = model.rows
    if not table.spec.forecast or rows is None or rows.spec.event_time is not None:
        return
    if rows.source.sound(*rows.path("event_time")):
        model.source.report(
            *path,
            expected=f"rows with an event_time, for {table.ref} has forecasts",
            found=f"{rows.ref} without ({rows.declared.place})",
        )


def _check_join(model: ModelDraft, table: Draft, path: tuple[Key, ...]) -> None:
    rows = model.rows
    if not table.key_sound:
        return
    if not table.spec.key:
        model.source.report(
            *path,
            expected="a table with a key, by which it is joined to the rows",
            found=f"{table.ref} without ({table.declared.place})",
        )
    elif rows is not None and rows.columns is not None:
        missing = [column for column in table.spec.key if column not in rows.columns]
        if missing:
            model.source.report(
                *path,
                expected=f"a table whose key the rows of {rows.ref} have",
                found=f"{table.ref} with {quoted(missing)}, which they have not",
            )


def check_slices(model: ModelDraft, names: set[str]) -> None:
    """Check that what is watched by slices, in monitoring and gates, are features of the model."""
    for number, column in enumerate(model.spec.monitor.slices):
        _check_slice(model, column, names, *model.path("monitor", "slices", number))
    for number, gate in enumerate(model.spec.gates):
        if isinstance(gate, Gate) and gate.slice is not None:
            _check_slice(model, gate.slice, names, *model.path("gates", number, "slice"))


def _check_slice(model: ModelDraft, column: str, names: set[str], *path: Key) -> None:
    if column not in names:
        model.source.report(
            *path,
            expected="a feature of the model",
            found=f"'{column}'",
            names=names,
            nearest_to=column,
        )
