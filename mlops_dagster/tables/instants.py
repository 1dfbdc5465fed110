"""Times of tables as instants: a date is the first instant of that day in a time zone."""

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, TimestampNTZType, TimestampType

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation


def instant(frame: DataFrame, column: str, time_zone: str) -> Column:
    """Return a column of a frame as instants (Spark `timestamp`).

    Args:
        frame: The frame that has the column.
        column: A column of type timestamp, timestamp_ntz (local time) or date (local midnight).
        time_zone: Where dates and local times are meant.

    Raises:
        ContractViolation: The column has another type.
    """
    found = frame.schema[column].dataType
    value = F.col(quote(column))
    if isinstance(found, TimestampType):
        return value
    if isinstance(found, DateType | TimestampNTZType):
        local = value.cast("timestamp_ntz")
        return F.make_timestamp_ltz(
            F.year(local),
            F.month(local),
            F.dayofmonth(local),
            F.hour(local),
            F.minute(local),
            F.extract(F.lit("SECOND"), local),
            F.lit(time_zone),
        )
    raise ContractViolation(
        f"column {column} cannot be a time",
        expected="timestamp, timestamp_ntz or date",
        found=found.simpleString(),
    )


def local_date(instants: Column, time_zone: str) -> Column:
    """Return the calendar day (Spark `date`) on which instants fall in a time zone."""
    return F.to_date(F.convert_timezone(None, F.lit(time_zone), instants))


def earlier(instants: Column, by: timedelta) -> Column:
    """Return instants moved back by an elapsed time."""
    return instants - _interval(by)


def later(instants: Column, by: timedelta) -> Column:
    """Return instants moved forward by an elapsed time."""
    return instants + _interval(by)


def _interval(span: timedelta) -> Column:
    seconds = F.lit(span.seconds + span.microseconds / 1_000_000).cast("decimal(18,6)")
    return F.make_dt_interval(F.lit(span.days), F.lit(0), F.lit(0), seconds)
