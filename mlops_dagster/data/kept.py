"""Tables that keep rows by key: the newest of each (upsert), or every version (type 2).

Both are computed from all published rows of the input, never from the table itself. So a delivery
that comes late, twice or in another order gives the same table as one that came in time.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation
from mlops_dagster.spec.table_columns import HISTORY_COLUMNS, IS_CURRENT, VALID_TO
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster.tables.measure import row_hash

_PLACE = "__mlops_place"
_BEFORE = "__mlops_before"


def kept_rows(frame: DataFrame, table: ResolvedTable) -> DataFrame:
    """Return what a table with `keep` keeps of its input's rows.

    Of rows of one key and event time the one that became known last counts; where nothing tells
    which, a hash decides, the same way each time.
    Cost: one shuffle by key.

    Raises:
        ContractViolation: The input lacks the key or the event time, or has a column that the
            history makes.
    """
    time = table.event_time or ""
    missing = [name for name in (*table.spec.key, time) if name not in frame.columns]
    taken = [name for name in frame.columns if name.lower() in HISTORY_COLUMNS]
    if missing:
        raise ContractViolation(
            f"the input has no column '{missing[0]}'",
            where=str(table.ref),
            expected=f"one of {', '.join(frame.columns)}",
            next_step="Correct `key:` or `event_time:`",
        )
    if table.spec.keep == "latest":
        order = [F.col(quote(time)).desc_nulls_last(), *_newest_first(frame, table)]
        return _first(frame, [*table.spec.key], order)
    if taken:
        raise ContractViolation(
            f"the name '{taken[0]}' is taken",
            where=str(table.ref),
            expected=f"an input without the columns {', '.join(HISTORY_COLUMNS)}",
            next_step="Rename the column in a table of SQL before this one",
        )
    return _history(_first(frame, [*table.spec.key, time], _newest_first(frame, table)), table)


def _newest_first(frame: DataFrame, table: ResolvedTable) -> list[Column]:
    known = [] if table.spec.known_at is None else [F.col(quote(table.spec.known_at))]
    return [*(column.desc_nulls_last() for column in known), row_hash(frame.schema).desc()]


def _first(frame: DataFrame, by: list[str], order: list[Column]) -> DataFrame:
    place = F.row_number().over(Window.partitionBy(*_columns(by)).orderBy(*order))
    return frame.withColumn(_PLACE, place).where(F.col(_PLACE) == 1).drop(_PLACE)


def _history(frame: DataFrame, table: ResolvedTable) -> DataFrame:
    """Return the versions of each key: rows that say nothing new begin none."""
    time = F.col(quote(table.event_time or ""))
    in_order = Window.partitionBy(*_columns(table.spec.key)).orderBy(time)
    told = {*table.spec.key, table.event_time, table.spec.known_at}
    said = F.struct(
        F.lit(1).alias("row"), *_columns([name for name in frame.columns if name not in told])
    )
    versions = (
        frame.withColumn(_BEFORE, F.lag(said).over(in_order))
        .where(~F.col(_BEFORE).eqNullSafe(said))
        .drop(_BEFORE)
    )
    return versions.withColumn(VALID_TO, F.lead(time).over(in_order)).withColumn(
        IS_CURRENT, F.col(VALID_TO).isNull()
    )


def _columns(names: list[str]) -> list[Column]:
    return [F.col(quote(name)) for name in names]
