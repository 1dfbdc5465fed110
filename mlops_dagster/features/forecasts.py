"""The join of forecasts: what was expected, when a row was predicted, of the row's own time."""

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.features.view import FeatureView, value_name
from mlops_dagster.tables.instants import earlier

_FORECASTS = "__forecasts"
_SLOT = "__slot"


def join_forecast(
    spine: DataFrame, view: FeatureView, *, prediction_time: str, event_time: str
) -> DataFrame:
    """Add to each spine row the view's newest row about a time up to the row's own.

    Of the rows with an equal key, `known_at <= prediction_time` and an event time up to `valid_for`
    before the spine row's, the one with the greatest event_time is taken; of equal ones that with
    the greatest known_at: the last that was said about this time. Rows out are the rows in.
    Cost: a shuffle of the view's rows, a join on the key; of one key and twice `valid_for` all rows
    are held together.

    Args:
        spine: The rows to extend.
        view: Forecasts, with event_time, known_at and valid_for.
        prediction_time: Instant column of the spine; null knows nothing.
        event_time: Instant column of the spine.
    """
    if view.event_time is None or view.known_at is None or view.valid_for is None:
        raise ValueError(f"view {view.name} of forecasts needs its times and valid_for")
    # Slots as long as `valid_for`: what counts for a row lies in its own slot or the one before. A
    # join of ranges would compare every row with every forecast of its key.
    length = view.valid_for // timedelta(microseconds=1)
    slot = _slot(F.col(quote(view.event_time)), length)
    forecasts = (
        view.dated_rows()
        .select(
            *(F.col(quote(name)).alias(_key(n)) for n, name in enumerate(view.key)),
            F.explode(F.array(slot, slot + F.lit(length))).alias(_SLOT),
            F.struct(
                F.col(quote(view.event_time)).alias("event_time"),
                F.col(quote(view.known_at)).alias("known_at"),
                *view.values(),
            ).alias(_FORECASTS),
        )
        .groupBy(*(_key(n) for n in range(len(view.key))), _SLOT)
        .agg(F.collect_list(_FORECASTS).alias(_FORECASTS))
    )
    about, known_by = F.col(quote(event_time)), F.col(quote(prediction_time))
    same = [
        F.col(quote(ours)) == F.col(_key(n)) for n, ours in enumerate(view.spine_key or view.key)
    ]
    oldest = earlier(about, view.valid_for)
    newest = F.array_max(
        F.filter(
            _FORECASTS,
            lambda one: one["event_time"].between(oldest, about) & (one["known_at"] <= known_by),
        )
    )
    return spine.join(forecasts, [*same, _slot(about, length) == F.col(_SLOT)], "left").select(
        *(F.col(quote(name)) for name in spine.columns),
        *(newest[value_name(n)].alias(name) for n, (_, name) in enumerate(view.columns)),
    )


def _slot(moment: Column, length: int) -> Column:
    """Return the begin of the slot, in microseconds, that an instant lies in."""
    micros = F.unix_micros(moment)
    return micros - F.pmod(micros, F.lit(length))


def _key(number: int) -> str:
    return f"__forecast_key{number}"
