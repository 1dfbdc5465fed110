"""The point-in-time join: to each row, the newest row of each view known at its prediction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation
from mlops_dagster.tables.instants import earlier

_AT = "__at"
_SIDE = "__side"
_SPINE = "__spine"
_VIEW_SIDE = 0
_SPINE_SIDE = 1


@dataclass(frozen=True)
class FeatureView:
    """Rows that a join may take values from.

    Attributes:
        name: Said in errors.
        frame: The rows; for reproducible joins already limited to what was known by `as_of`.
        key: Columns of `frame` that must equal columns of the spine; a null never matches.
        columns: Pairs of a column of `frame` and its name in the result.
        spine_key: The spine's columns in the order of `key`; empty when they have the same names.
        event_time: Instant a row is about; None for a view that is always known (a static table).
        known_at: Instant a row became known; given exactly when `event_time` is.
        valid_for: A row older than this at prediction time gives nulls; None for no limit.
    """

    name: str
    frame: DataFrame
    key: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    event_time: str | None = None
    known_at: str | None = None
    valid_for: timedelta | None = None
    spine_key: tuple[str, ...] = ()

    @property
    def matches(self) -> dict[str, str]:
        """Key columns of the spine, each with the view's column that must equal it."""
        return dict(zip(self.spine_key or self.key, self.key, strict=True))

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError(f"view {self.name} needs a key")
        if (self.event_time is None) != (self.known_at is None):
            raise ValueError(f"view {self.name} needs both event_time and known_at, or neither")


def point_in_time_join(
    spine: DataFrame, views: Sequence[FeatureView], *, prediction_time: str | None
) -> DataFrame:
    """Add to each spine row the columns of each view's newest row known at its prediction time.

    Of the rows with an equal key and `known_at <= prediction_time`, the one with the greatest
    event_time is taken; of equal ones that with the greatest known_at, then with the greatest
    values in the order of `columns`. Its values are null if its event_time lies before
    `prediction_time - valid_for`, or if there is none.

    Rows out are the rows in, duplicates included, in no order; their columns come first and
    unchanged.
    Cost: one shuffle and sort for each set of key columns, whatever the number of views; no join.

    Args:
        spine: The rows to extend.
        views: Where values come from.
        prediction_time: Instant column of the spine; null knows only static views. None: everything
            is known.

    Raises:
        ContractViolation: A key column is missing or has another type in the spine; a result column
            exists already.
    """
    _check(spine, views)
    joined = spine
    for key, group in _by_key(views):
        joined = _join_group(joined, key, group, prediction_time)
    return joined


def _join_group(
    spine: DataFrame,
    key: tuple[str, ...],
    views: Sequence[FeatureView],
    prediction_time: str | None,
) -> DataFrame:
    at = F.col(quote(prediction_time)) if prediction_time is not None else F.lit(None)
    rows = spine.select(
        *_key_columns(key),
        at.cast("timestamp").alias(_AT),
        F.lit(_SPINE_SIDE).alias(_SIDE),
        F.struct(*(F.col(quote(column)) for column in spine.columns)).alias(_SPINE),
    )
    for number, view in enumerate(views):
        rows = rows.unionByName(_candidates(view, number, key), allowMissingColumns=True)

    # View rows stand before spine rows of the same instant: what becomes known then is known. Rows
    # of static views have no instant and nulls stand first, so they are known to all.
    order = [F.col(_SIDE)] if prediction_time is None else [F.col(_AT), F.col(_SIDE)]
    seen = (
        Window.partitionBy(*(F.col(_key_name(n)) for n in range(len(key))))
        .orderBy(*order)
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    newest = [
        F.max(F.col(_view_name(n))).over(seen).alias(_view_name(n)) for n in range(len(views))
    ]
    known = rows.select(_AT, _SIDE, _SPINE, *newest).where(F.col(_SIDE) == _SPINE_SIDE)
    return known.select(
        *(F.col(_SPINE).getField(column).alias(column) for column in spine.columns),
        *(column for n, view in enumerate(views) for column in _values(view, n, prediction_time)),
    )


def _candidates(view: FeatureView, number: int, key: tuple[str, ...]) -> DataFrame:
    """Return a view's rows as key, instant known, side and a struct of the times and values."""
    frame = view.frame
    own_key = [view.matches[column] for column in key]
    for column in own_key:
        frame = frame.where(F.col(quote(column)).isNotNull())
    never = F.lit(None).cast("timestamp")
    if view.known_at is not None and view.event_time is not None:
        known_at, event_time = F.col(quote(view.known_at)), F.col(quote(view.event_time))
        frame = frame.where(known_at.isNotNull() & event_time.isNotNull())
    else:
        known_at, event_time = never, never
    values = [
        F.col(quote(column)).alias(_value_name(n)) for n, (column, _) in enumerate(view.columns)
    ]
    return frame.select(
        *_key_columns(own_key),
        known_at.alias(_AT),
        F.lit(_VIEW_SIDE).alias(_SIDE),
        F.struct(event_time.alias("event_time"), known_at.alias("known_at"), *values).alias(
            _view_name(number)
        ),
    )


def _values(view: FeatureView, number: int, prediction_time: str | None) -> Iterator[Column]:
    newest = F.col(_view_name(number))
    if view.valid_for is not None and prediction_time is not None and view.event_time is not None:
        # The newest by event time: when it is too old, all are.
        fresh = newest.getField("event_time") >= earlier(F.col(_AT), view.valid_for)
        newest = F.when(fresh, newest)
    for position, (_, name) in enumerate(view.columns):
        yield newest.getField(_value_name(position)).alias(name)


def _by_key(views: Sequence[FeatureView]) -> list[tuple[tuple[str, ...], list[FeatureView]]]:
    """Return the views by set of the spine's key columns, in whatever order a key is written."""
    groups: dict[tuple[str, ...], list[FeatureView]] = {}
    for view in views:
        groups.setdefault(tuple(sorted(view.matches)), []).append(view)
    return list(groups.items())


def _check(spine: DataFrame, views: Sequence[FeatureView]) -> None:
    have = {field.name: field.dataType for field in spine.schema.fields}
    taken = {name.casefold() for name in have}
    for view in views:
        types = {field.name: field.dataType for field in view.frame.schema.fields}
        for ours, theirs in view.matches.items():
            if have.get(ours) != types[theirs]:
                raise ContractViolation(
                    f"rows cannot be joined with {view.name}",
                    where=f"key column {theirs}",
                    expected=f"{types[theirs].simpleString()} in the rows",
                    found=have[ours].simpleString() if ours in have else "no such column",
                    next_step="Make the column in the SQL of the rows' table.",
                )
        for _, name in view.columns:
            if name.casefold() in taken:
                raise ContractViolation(
                    f"column {name} of {view.name} would hide another column of the same name"
                )
            taken.add(name.casefold())


def _key_columns(key: Sequence[str]) -> list[Column]:
    return [F.col(quote(column)).alias(_key_name(n)) for n, column in enumerate(key)]


def _key_name(number: int) -> str:
    return f"__key{number}"


def _view_name(number: int) -> str:
    return f"__view{number}"


def _value_name(number: int) -> str:
    return f"value{number}"
