"""Arrow tables from outside as rows that a Delta table can hold: types first, then the upload."""

from collections.abc import Iterator
from functools import reduce

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.engine.transfer import LOCAL_RELATION_BYTES
from mlops_dagster.errors import SourceError

_INSTANT = pa.timestamp("us", tz="UTC")
# Spark has no unsigned numbers: each becomes the next wider type, so every value that fits is kept.
_WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.float16(): pa.float32(),
    pa.date64(): pa.date32(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
}


def table_of_pandas(rows: pd.DataFrame, *, what: str) -> pa.Table:
    """Return pandas rows as Arrow; nullable integers stay integers, NaN becomes null.

    Raises:
        SourceError: The index has a name and would be lost, a column mixes types, or two columns
            have one name.
    """
    named = [str(name) for name in rows.index.names if name is not None]
    if named:
        raise SourceError(
            "the index of these rows has a name and would be lost",
            where=what,
            found=", ".join(named),
            next_step="Make it a column by reset_index(), or drop it by reset_index(drop=True).",
        )
    try:
        return pa.Table.from_pandas(rows, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
        raise SourceError(
            "these rows have no Arrow form",
            where=what,
            found=str(error),
            next_step="Give each column one type.",
        ) from error


def frame_from_arrow(session: SparkSession, rows: pa.Table, *, what: str) -> DataFrame:
    """Return a Spark frame with the rows of an Arrow table.

    Timestamps without a time zone are in UTC and, as all others, keep microseconds. More than 32 MB
    travel in pieces of that size.

    Args:
        session: Where the frame lives.
        rows: Columns with unique names.
        what: What the rows are, for the message.

    Raises:
        SourceError: A column has a type that no table can hold, or a value too large for its type.
    """
    held = _held_table(rows, what)
    if held.num_rows == 0:
        # Spark Connect takes no columns from a table without rows.
        one = pa.table([pa.nulls(1, field.type) for field in held.schema], names=held.column_names)
        return session.createDataFrame(one).limit(0)
    pieces = [session.createDataFrame(piece) for piece in _pieces(held)]
    return reduce(DataFrame.unionAll, pieces)


def _held_table(rows: pa.Table, what: str) -> pa.Table:
    columns = {}
    for field, column in zip(rows.schema, rows.columns, strict=True):
        target = _held_type(field.type)
        if target is None:
            raise SourceError(
                "a table cannot hold this type",
                where=f"{what}, column {field.name}",
                found=str(field.type),
                next_step=(
                    "Give the column a type: all its values are missing."
                    if pa.types.is_null(field.type)
                    else "Cast the column to a number, text, date or timestamp."
                ),
            )
        try:
            options = pc.CastOptions(target, allow_time_truncate=True)
            columns[field.name] = pc.cast(column, options=options)
        except pa.ArrowInvalid as error:
            raise SourceError(
                "a value does not fit the type that the table would have",
                where=f"{what}, column {field.name}",
                expected=str(target),
                found=str(error),
            ) from error
    return pa.table(columns)


def _held_type(given: pa.DataType) -> pa.DataType | None:
    """Return the type that Spark and Delta store a type as; None when there is none."""
    if pa.types.is_timestamp(given):
        return _INSTANT
    if pa.types.is_dictionary(given):
        return _held_type(given.value_type)
    if pa.types.is_list(given) or pa.types.is_large_list(given):
        inner = _held_type(given.value_type)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_struct(given):
        fields = [(field.name, _held_type(field.type)) for field in given]
        return None if any(inner is None for _, inner in fields) else pa.struct(fields)
    if pa.types.is_null(given) or pa.types.is_time(given) or pa.types.is_duration(given):
        return None
    return _WIDER.get(given, given)


def _pieces(rows: pa.Table) -> Iterator[pa.Table]:
    count = max(1, -(-rows.nbytes // LOCAL_RELATION_BYTES))
    step = max(1, -(-rows.num_rows // count))
    for start in range(0, max(1, rows.num_rows), step):
        yield rows.slice(start, step)
