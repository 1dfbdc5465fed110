"""The point-in-time join: to each row, the newest row of each view known at its prediction."""

from collections.abc import Iterator, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.features.forecasts import join_forecast
from mlops_dagster.features.view import FeatureView, check_views, value_name
from mlops_dagster.tables.instants import earlier

_AT = "__at"
_SIDE = "__side"
_SPINE = "__spine"
_VIEW_SIDE = 0
_SPINE_SIDE = 1


def point_in_time_join(
    spine: DataFrame,
    views: Sequence[FeatureView],
    *,
    prediction_time: str | None,
    event_time: str | None = None,
) -> DataFrame:
    """Add to each spine row the columns of each view's newest row known at its prediction time.

    Of the rows with an equal key, `known_at <= prediction_time` and `event_time <= asked`, the one
    with the greatest event_time is taken; of equal ones that with the greatest known_at, then with
    the greatest values in the order of `columns`. Its values are null if its event_time lies before
    `asked - valid_for`, or if there is none. The asked moment is the prediction time; of a view of
    forecasts it is the event time of the spine's row.

    Rows out are the rows in, duplicates included, in no order; their columns come first and
    unchanged.
    Cost: one shuffle and sort for each set of key columns, whatever the number of views; no join.
    Each view of forecasts costs a shuffle of its own rows and one of the spine more.

    Args:
        spine: The rows to extend.
        views: Where values come from.
        prediction_time: Instant column of the spine; null knows only static views. None: everything
            is known, whatever time it is about.
        event_time: Instant column of the spine; views of forecasts need both.

    Raises:
        ContractViolation: A key column is missing or has another type in the spine; a result column
            exists already.
    """
    check_views(spine, views)
    joined = spine
    for key, group in _by_key([view for view in views if not view.forecast]):
        joined = _join_group(joined, key, group, prediction_time)
    for view in views:
        if view.forecast:
            if prediction_time is None or event_time is None:
                raise ValueError(f"view {view.name} of forecasts needs the times of the rows")
            joined = join_forecast(
                joined, view, prediction_time=prediction_time, event_time=event_time
            )
    names = [name for view in views for _, name in view.columns]
    return joined.select(*(F.col(quote(name)) for name in (*spine.columns, *names)))


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
    """Return a view's rows as key, first instant, side and a struct of the times and values."""
    own_key = [view.matches[column] for column in key]
    if view.known_at is not None and view.event_time is not None:
        known_at, event_time = F.col(quote(view.known_at)), F.col(quote(view.event_time))
        # What is known of a later moment counts when that has come.
        there = F.greatest(known_at, event_time)
    else:
        known_at = event_time = there = F.lit(None).cast("timestamp")
    return view.dated_rows().select(
        *_key_columns(own_key),
        there.alias(_AT),
        F.lit(_VIEW_SIDE).alias(_SIDE),
        F.struct(event_time.alias("event_time"), known_at.alias("known_at"), *view.values()).alias(
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
        yield newest.getField(value_name(position)).alias(name)


def _by_key(views: Sequence[FeatureView]) -> list[tuple[tuple[str, ...], list[FeatureView]]]:
    """Return the views by set of the spine's key columns, in whatever order a key is written."""
    groups: dict[tuple[str, ...], list[FeatureView]] = {}
    for view in views:
        groups.setdefault(tuple(sorted(view.matches)), []).append(view)
    return list(groups.items())


def _key_columns(key: Sequence[str]) -> list[Column]:
    return [F.col(quote(column)).alias(_key_name(n)) for n, column in enumerate(key)]


def _key_name(number: int) -> str:
    return f"__key{number}"


def _view_name(number: int) -> str:
    return f"__view{number}"
