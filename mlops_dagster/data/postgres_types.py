"""How columns of PostgreSQL are read: the Arrow and the Spark type, and whether as a text."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import types as sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import ReflectedColumn

from mlops_dagster.errors import SourceError

# As Spark reads a numeric without a precision; a value that needs more digits is refused.
_ANY_NUMERIC = (38, 18)
_LARGEST_PRECISION = 38
_INSTANT = pa.timestamp("us", tz="UTC")
# Subclasses before their parents.
_SIMPLE: tuple[tuple[type[sql.TypeEngine[Any]], pa.DataType, str], ...] = (
    (sql.Boolean, pa.bool_(), "boolean"),
    (sql.SmallInteger, pa.int16(), "smallint"),
    (sql.BigInteger, pa.int64(), "bigint"),
    (sql.Integer, pa.int32(), "int"),
    (postgresql.REAL, pa.float32(), "float"),
    (sql.Float, pa.float64(), "double"),
    (sql.Date, pa.date32(), "date"),
    (sql.LargeBinary, pa.binary(), "binary"),
    (sql.String, pa.string(), "string"),
)


@dataclass(frozen=True)
class DatabaseColumn:
    """A column that is read; `as_text` lets the database write its values as texts."""

    name: str
    arrow: pa.DataType
    spark: str
    as_text: bool = False


def database_column(column: ReflectedColumn, *, where: str) -> DatabaseColumn:
    """Return how a column of a table is read.

    Raises:
        SourceError: Its type has no counterpart.
    """
    name, kind = column["name"], column["type"]
    known = _simple(kind)
    if known is not None:
        return DatabaseColumn(name, *known)
    if isinstance(kind, postgresql.DOMAIN):
        return database_column({**column, "type": kind.data_type}, where=where)
    if isinstance(kind, sql.Enum | sql.Uuid | sql.JSON | postgresql.CITEXT):
        return DatabaseColumn(name, pa.string(), "string", as_text=True)
    raise SourceError(
        f"column '{name}' has a type that is not read",
        where=where,
        found=str(kind),
        next_step="Cast it in a view and read that, or leave it out by `columns:`",
    )


def _simple(kind: sql.TypeEngine[Any]) -> tuple[pa.DataType, str] | None:
    if isinstance(kind, sql.DateTime):
        naive = (pa.timestamp("us"), "timestamp_ntz")
        return (_INSTANT, "timestamp") if kind.timezone else naive
    if isinstance(kind, sql.Numeric) and not isinstance(kind, sql.Float):
        return _decimal(kind)
    if isinstance(kind, sql.Enum):
        return None
    found = (read for read in _SIMPLE if isinstance(kind, read[0]))
    return next(((arrow, spark) for _, arrow, spark in found), None)


def _decimal(kind: sql.Numeric[Any]) -> tuple[pa.DataType, str] | None:
    precision, scale = _ANY_NUMERIC
    if kind.precision is not None:
        precision, scale = kind.precision, kind.scale or 0
    if not 0 <= scale <= precision <= _LARGEST_PRECISION:
        return None
    return pa.decimal128(precision, scale), f"decimal({precision},{scale})"
