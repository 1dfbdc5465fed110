"""Which columns a model's rows have and what they are called."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlops_dagster.errors import SpecError, nearest_name
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedTable

EVENT_TIME = "event_time"
PREDICTION_TIME = "prediction_time"
WINDOW = "window"
ROW_WINDOW = "row_window"
LABEL = "label"
LABEL_KNOWN_AT = "label_known_at"
LABEL_STATE = "label_state"
SPLIT = "split"
HOLDOUT_GROUP = "holdout_group"
DAY = "day"

# Names that training sets and predictions give to their own columns; a feature of that name is
# qualified.
RESERVED = frozenset(
    {
        EVENT_TIME,
        PREDICTION_TIME,
        WINDOW,
        ROW_WINDOW,
        LABEL,
        LABEL_KNOWN_AT,
        LABEL_STATE,
        SPLIT,
        HOLDOUT_GROUP,
        DAY,
        "prediction",
        "score",
        "model_version",
        "scored_at",
    }
)

# What an encoder can turn into a number; dates, arrays and structs are for SQL to take apart.
_FEATURE_TYPE = re.compile(
    r"tinyint|smallint|int|bigint|float|double|decimal\(\d+,\d+\)|boolean|string"
)


@dataclass(frozen=True)
class FeatureColumn:
    """A feature: where it is read from, its name in the training set, its Spark type."""

    table: TableRef
    column: str
    name: str
    type: str


def feature_names(
    model: ResolvedModel,
    tables: Mapping[TableRef, ResolvedTable],
    types: Mapping[TableRef, Mapping[str, str]],
) -> tuple[FeatureColumn, ...]:
    """Return the features of a model in the order in which they are written.

    `all` means every column of the table except key, event_time, known_at, window, the label with
    its own known_at and the group that the hold-out goes by. A column keeps its name unless another
    table's feature, a key column of the rows or a reserved name equals it (letter case does not
    count); then all of the equal ones are called `<table>__<column>`.

    Args:
        model: The model.
        tables: The tables that `model.features` and `model.rows` name.
        types: Column types of each table (a contract's `types`, or a frame's schema).

    Raises:
        SpecError: A column does not exist, is the label, or has a type that is no feature.
    """
    chosen = [
        (ref, column)
        for ref, listed in model.features.items()
        for column in _columns(model, tables[ref], types[ref], listed)
    ]
    names = _names(chosen, taken={*RESERVED, *tables[model.rows].spec.key})
    return tuple(
        FeatureColumn(ref, column, name, types[ref][column])
        for (ref, column), name in zip(chosen, names, strict=True)
    )


def check_tables(model: ResolvedModel, tables: Mapping[TableRef, ResolvedTable]) -> None:
    """Refuse tables without the times (see `check_times`) or the key that a model needs.

    Raises:
        SpecError: As said.
    """
    check_times(model, tables.values())
    rows = tables[model.rows]
    where = f"{rows.position[0]}:{rows.position[1]}: {rows.ref}.key"
    if not rows.spec.key:
        raise SpecError(
            f"the rows of model {model.stream} need a key",
            where=where,
            next_step="Name the columns that tell one row from another, as `key: [...]`.",
        )
    clash = sorted(column for column in rows.spec.key if column.casefold() in RESERVED)
    if clash:
        raise SpecError(
            f"the rows of model {model.stream} have a key column named as predictions name theirs",
            where=where,
            found=", ".join(clash),
            next_step="Rename the column in the table's SQL or hook.",
        )


def check_times(model: ResolvedModel, tables: Iterable[ResolvedTable]) -> None:
    """Refuse tables with windows but no event time: nobody could say when their rows were known.

    Raises:
        SpecError: As said.
    """
    for table in tables:
        if table.windowed and table.event_time is None:
            raise SpecError(
                f"model {model.stream} cannot use a table with windows but no event_time",
                where=f"{table.position[0]}:{table.position[1]}: {table.ref}",
                next_step="Declare event_time and known_at, or read a table made from it.",
            )


def check_label(model: ResolvedModel, types: Mapping[str, str]) -> None:
    """Refuse a label whose columns its table, of which the types are given, does not have.

    Raises:
        SpecError: As said.
    """
    spec = model.spec.label
    for key, column in (("column", spec.column), ("known_at", spec.known_at)):
        if column is not None and column not in types:
            raise SpecError(
                "there is no such column",
                where=f"model {model.stream}: label.{key}",
                expected=f"a column of {model.label}",
                found=column,
                nearest=nearest_name(column, types),
            )


def _columns(
    model: ResolvedModel,
    table: ResolvedTable,
    types: Mapping[str, str],
    listed: tuple[str, ...] | None,
) -> list[str]:
    label = {model.spec.label.column, model.spec.label.known_at} - {None}
    secret = label if table.ref == model.label else set()
    if listed is None:
        group = model.spec.train.holdout.group if table.ref == model.rows else None
        own = {*table.spec.key, table.event_time, table.known_at, WINDOW, group, *secret}
        columns = [column for column in types if column not in own]
    else:
        columns = list(listed)
    for column in columns:
        _check_column(model, table.ref, column, types=types, secret=secret)
    return columns


def _check_column(
    model: ResolvedModel,
    ref: TableRef,
    column: str,
    *,
    types: Mapping[str, str],
    secret: Iterable[str | None],
) -> None:
    where = f"model {model.stream}: features.{ref.layer}.{ref.name}"
    if column in secret:
        raise SpecError(
            f"column {column} of {ref} belongs to the label and cannot be a feature",
            where=where,
            next_step="For past values of it, make a table that reads the windows before.",
        )
    if column not in types:
        raise SpecError(
            "no such feature column",
            where=where,
            expected=f"a column of {ref}",
            found=column,
            nearest=nearest_name(column, types),
        )
    if _FEATURE_TYPE.fullmatch(types[column]) is None:
        raise SpecError(
            f"column {column} cannot be a feature",
            where=where,
            expected="a number, boolean or string",
            found=types[column],
            next_step="List the columns by name without it, or take it apart in the table's SQL.",
        )


def _names(chosen: list[tuple[TableRef, str]], *, taken: set[str]) -> list[str]:
    """Return a unique name for each chosen column, each qualified only as far as it must be."""
    lower_taken = {name.casefold() for name in taken}
    levels = [0] * len(chosen)
    while True:
        names = [
            _qualified(ref, column, level)
            for (ref, column), level in zip(chosen, levels, strict=True)
        ]
        folded = [name.casefold() for name in names]
        clashing = [
            index
            for index, name in enumerate(folded)
            if name in lower_taken or folded.count(name) > 1
        ]
        if not clashing:
            return names
        if all(levels[index] == _DEEPEST for index in clashing):
            raise SpecError(
                "a feature is listed twice", found=", ".join(names[index] for index in clashing)
            )
        for index in clashing:
            levels[index] = min(levels[index] + 1, _DEEPEST)


_DEEPEST = 3


def _qualified(ref: TableRef, column: str, level: int) -> str:
    prefixes = (
        "",
        f"{ref.name}__",
        f"{ref.layer}_{ref.name}__",
        f"{ref.owner}_{ref.layer}_{ref.name}__",
    )
    return prefixes[level] + column
