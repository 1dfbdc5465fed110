"""The only place where rows cross between Spark and this process, within limits."""

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import cast
from uuid import uuid4

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.connect.dataframe import DataFrame as ConnectDataFrame
from pyspark.sql.types import StructType

from mlops_dagster.engine.identifiers import literal_path
from mlops_dagster.errors import TransferTooLarge

MEGABYTE = 1024 * 1024
DEFAULT_LIMIT_ROWS = 2_000_000
DEFAULT_LIMIT_BYTES = 1024 * MEGABYTE
# Above this a local relation makes the plan itself too heavy for one request.
LOCAL_RELATION_BYTES = 32 * MEGABYTE


def rows_to_client(
    frame: DataFrame,
    *,
    what: str,
    limit_rows: int = DEFAULT_LIMIT_ROWS,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
) -> pd.DataFrame:
    """Return all rows as pandas, or raise before more than the limits has arrived.

    Rows come in Arrow batches; the server stops after `limit_rows` + 1 of them, and this process
    stops reading at the batch that passes `limit_bytes`. Costs one query.

    Args:
        frame: What to fetch; column names are unique.
        what: What the rows are, for the message.
        limit_rows: Most rows allowed.
        limit_bytes: Most bytes allowed, as Arrow.

    Returns:
        The columns in order, as `DataFrame.toPandas` gives them: timestamps are naive and in UTC,
        dates are `datetime.date`, integers with nulls are floats.

    Raises:
        TransferTooLarge: When there are more rows or bytes; the message names the argument.
    """
    table = _fetched(frame, what=what, limit_rows=limit_rows, limit_bytes=limit_bytes)
    return frame.limit(0).toPandas() if table is None else _to_pandas(table)


def table_to_client(
    frame: DataFrame,
    *,
    what: str,
    limit_rows: int = DEFAULT_LIMIT_ROWS,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
) -> pa.Table:
    """Return all rows as Arrow: integers with nulls stay integers; arguments as `rows_to_client`.

    Raises:
        TransferTooLarge: When there are more rows or bytes; the message names the argument.
    """
    table = _fetched(frame, what=what, limit_rows=limit_rows, limit_bytes=limit_bytes)
    return frame.limit(0).toArrow() if table is None else table


def table_if_small(frame: DataFrame, *, what: str, limit_rows: int) -> pa.Table | None:
    """Return rows as `table_to_client`; None where they are more, or more than 32 MB of them."""
    try:
        return table_to_client(
            frame, what=what, limit_rows=limit_rows, limit_bytes=LOCAL_RELATION_BYTES
        )
    except TransferTooLarge:
        return None


def few_rows(frame: DataFrame, *, what: str, at_most: int = 10_000) -> list[Row]:
    """Return the rows of a small result, such as an aggregate by group.

    Raises:
        TransferTooLarge: When there are more than `at_most`.
    """
    rows = frame.limit(at_most + 1).collect()
    if len(rows) > at_most:
        raise _too_large(what, f"at most {at_most:,} rows", "more", "at_most")
    return rows


def one_row(frame: DataFrame, *, what: str = "an aggregate") -> Row:
    """Return the only row of a frame, usually an aggregate.

    Raises:
        TransferTooLarge: When there is more than one.
        ValueError: When there is none.
    """
    rows = few_rows(frame, what=what, at_most=1)
    if not rows:
        raise ValueError(f"{what} gave no row")
    return rows[0]


def frame_from_pandas(
    session: SparkSession,
    rows: pd.DataFrame,
    *,
    schema: StructType | str,
    uploads: Path | None = None,
) -> DataFrame:
    """Return a Spark frame with these rows.

    Up to 32 MB they travel inside the plan; more go through one Parquet file where the server can
    read `uploads`, else in pieces of that size.

    Args:
        session: Where the frame lives.
        rows: Columns in the order of `schema`; naive timestamps are UTC.
        schema: Names and types, as `StructType` or DDL text.
        uploads: A folder that the server reads too: a local engine's `uploads`. Files in it live
            until the server starts again.
    """
    size = int(rows.memory_usage(deep=True).sum())
    if size <= LOCAL_RELATION_BYTES or len(rows) < 2:
        return session.createDataFrame(rows, schema=schema)
    if uploads is not None:
        path = uploads / f"{uuid4().hex}.parquet"
        fields = session.createDataFrame(rows.iloc[:0], schema=schema).schema.fields
        rows.to_parquet(path, index=False, coerce_timestamps="us", allow_truncated_timestamps=True)
        read = session.read.parquet(literal_path(path))
        return read.select(*(read[field.name].cast(field.dataType) for field in fields))
    pieces = [
        session.createDataFrame(piece, schema=schema)
        for piece in _pieces(rows, count=-(-size // LOCAL_RELATION_BYTES))
    ]
    return reduce(DataFrame.unionAll, pieces)


def _fetched(frame: DataFrame, *, what: str, limit_rows: int, limit_bytes: int) -> pa.Table | None:
    """Return all rows within the limits, or None when no batch came."""
    batches: list[pa.Table] = []
    rows = size = 0
    for batch in _arrow_batches(frame.limit(limit_rows + 1)):
        rows += batch.num_rows
        size += batch.nbytes
        if rows > limit_rows:
            raise _too_large(what, f"at most {limit_rows:,} rows", "more", "limit_rows")
        if size > limit_bytes:
            limit_text = f"at most {limit_bytes // MEGABYTE:,} MB"
            raise _too_large(what, limit_text, f"more after {rows:,} rows", "limit_bytes")
        batches.append(batch)
    return pa.concat_tables(batches) if batches else None


def _arrow_batches(frame: DataFrame) -> Iterator[pa.Table]:
    # Spark's public calls give either all batches at once or single Rows.
    connected = cast(ConnectDataFrame, frame)
    client = connected.sparkSession.client
    plan = connected._plan
    for part in client.to_table_as_iterator(plan.to_proto(client), plan.observations):
        if isinstance(part, pa.Table):
            yield part


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(coerce_temporal_nanoseconds=True)
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.DatetimeTZDtype):
            frame[column] = frame[column].dt.tz_convert("UTC").dt.tz_localize(None)
    return frame


def _pieces(rows: pd.DataFrame, *, count: int) -> Iterator[pd.DataFrame]:
    step = max(1, -(-len(rows) // count))
    for start in range(0, len(rows), step):
        yield rows.iloc[start : start + step]


def _too_large(what: str, expected: str, found: str, knob: str) -> TransferTooLarge:
    return TransferTooLarge(
        "Too much would cross from Spark to this process",
        where=what,
        expected=expected,
        found=found,
        next_step=f"Select fewer rows or columns, or raise `{knob}`",
    )
