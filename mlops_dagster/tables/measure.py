"""Counting and digesting rows in one aggregate query, or while they are written.

The digest is the data version of a slice: equal rows, in any order and any files, give the same
text on every engine.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    DataType,
    DoubleType,
    FloatType,
    LongType,
    MapType,
    StructField,
    StructType,
)

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import one_row
from mlops_dagster.tables.folding import fold
from mlops_dagster.tables.tally import Tally, whole

_ROWS = "__rows"
_HIGH, _LOW = "__high", "__low"
_HASH = "__hash"
# Nulls of this many columns fit into one bigint.
_BITS = 62
# Bits of half a hash, and the middle of what its lower half may be.
_HALF = 32
_MIDDLE = 2**31


@dataclass(frozen=True)
class Measure:
    """What was counted: rows, the digest of their content and further aggregates by name."""

    rows: int
    digest: str
    aggregates: Mapping[str, object]


def measure(frame: DataFrame, aggregates: Mapping[str, Column] | None = None) -> Measure:
    """Count and digest a frame's rows, and compute further aggregates beside it.

    Cost: one pass over the frame, nothing but one row a task is shuffled.

    Args:
        frame: The rows.
        aggregates: Aggregate columns by name.
    """
    extra = dict(aggregates or {})
    schema = frame.schema
    row = one_row(
        frame.agg(
            F.count(F.lit(1)).alias(_ROWS),
            *hash_sums(row_hash(schema)),
            *(column.alias(name) for name, column in extra.items()),
        )
    )
    rows = int(row[_ROWS])
    return Measure(rows, digest(schema, rows, row.asDict()), {name: row[name] for name in extra})


class MeasuredWrite:
    """Rows that are counted and digested by the write that they go into."""

    def __init__(self, frame: DataFrame) -> None:
        self._frame = frame
        self._tally = Tally()

    def frame(self) -> DataFrame:
        """Return the rows for one write."""
        # Longer than any name there is, so it hides none of them.
        name = max(self._frame.columns, key=len, default="") + _HASH
        return self._tally.over(
            self._frame.withColumn(name, row_hash(self._frame.schema)),
            F.count(F.lit(1)).alias(_ROWS),
            *hash_sums(F.col(quote(name))),
        ).drop(name)

    def measure(self) -> Measure | None:
        """Return what the last write counted; None where its engine did not say."""
        found = self._tally.found()
        if found is None:
            return None
        rows = whole(found[_ROWS])
        return Measure(rows, digest(self._frame.schema, rows, found), {})


def measure_local(rows: pd.DataFrame, *, ddl: str) -> Measure:
    """Count and digest rows that are on this machine, without Spark.

    The digest is not the one that `measure` gives to the same rows: a table is digested one way or
    the other. Rows stand for themselves in any order; -0.0 equals 0.0, and NaN equals null.

    Args:
        rows: Columns in the order of `ddl`; values are what `json` can write, tuples and NumPy's.
        ddl: Names and types of the columns.
    """
    texts = sorted(
        json.dumps([_plain(value) for value in row], separators=(",", ":"))
        for row in rows.itertuples(index=False, name=None)
    )
    content = "\n".join((ddl, *texts))
    return Measure(len(rows), hashlib.sha256(content.encode()).hexdigest()[:32], {})


def _plain(value: object) -> object:
    """Return a value as JSON has it."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in sorted(value.items())}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float):
        return None if math.isnan(value) else value + 0.0
    return value


def row_hash(schema: StructType) -> Column:
    """Return a hash (bigint) of each row's content, whatever the order of the columns.

    Spark's hash skips nulls, so (1, null) and (null, 1) would meet: which columns are null is
    hashed as well. -0.0 equals 0.0, and every NaN equals every other.
    """
    fields = sorted(schema.fields, key=lambda field: field.name)
    values = [_canonical(F.col(quote(field.name)), field.dataType) for field in fields]
    return F.xxhash64(*values, *_null_masks(fields))


def hash_sums(hashes: Column) -> tuple[Column, Column]:
    """Return the aggregates that stand for a set of rows; null hashes do not count.

    Sums of the halves of the hashes: their whole sum would overflow a bigint, and as a decimal it
    costs as much as all else that is counted. The lower halves are moved to either side of zero,
    so four billion rows do not overflow even if all are equal.
    """
    high = F.sum(F.shiftright(hashes, _HALF))
    low = F.sum(hashes.bitwiseAND(F.lit(2**_HALF - 1)) - F.lit(_MIDDLE))
    return high.alias(_HIGH), low.alias(_LOW)


def digest(schema: StructType, rows: int, sums: Mapping[str, object]) -> str:
    """Return the digest of rows: 32 hexadecimal digits from schema, count and sum of row hashes.

    Args:
        schema: The rows' columns; names and types are part of the digest, order is not.
        rows: How many rows.
        sums: What `hash_sums` gave, by name; nothing for no rows.
    """
    high, low = (whole(sums.get(name) or 0) for name in (_HIGH, _LOW))
    hashes = (high << _HALF) + low + rows * _MIDDLE
    columns = sorted(f"{quote(field.name)} {field.dataType.simpleString()}" for field in schema)
    text = "\n".join((*columns, str(rows), str(hashes)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _canonical(value: Column, kind: DataType) -> Column:
    if isinstance(kind, DoubleType | FloatType):
        number = value.cast("double")
        return F.when(F.isnan(number), F.lit(float("nan"))).otherwise(number + F.lit(0.0))
    if isinstance(kind, MapType):
        # Entries in the order of their keys: a map's own order is an accident.
        return _canonical(
            F.array_sort(F.map_entries(value)),
            ArrayType(StructType([StructField("entry", LongType())])),
        )
    if isinstance(kind, StructType | ArrayType):
        return F.to_json(value, {"ignoreNullFields": "false"})
    return value


def _null_masks(fields: Iterable[StructField]) -> list[Column]:
    names = [field.name for field in fields]
    masks = []
    for start in range(0, len(names), _BITS):
        bits = [
            F.when(F.col(quote(name)).isNull(), F.lit(1 << bit)).otherwise(F.lit(0)).cast("bigint")
            for bit, name in enumerate(names[start : start + _BITS])
        ]
        masks.append(fold(Column.__add__, bits))
    return masks
