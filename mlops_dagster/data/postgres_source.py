"""A table of PostgreSQL as one delivery: counted and read in one snapshot, kept as a Parquet file.

Rows come through this process and not by Spark's JDBC reader: count and rows are of one snapshot
however often Spark reads them, the password never leaves this process, and no driver must be on the
server. Memory holds one batch of rows at a time.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchTableError, OperationalError
from sqlalchemy.pool import NullPool

from mlops_dagster.addresses import is_ambiguous, redacted, shown_scheme
from mlops_dagster.data.postgres_types import DatabaseColumn, database_column
from mlops_dagster.data.window_bounds import Bounds
from mlops_dagster.errors import SourceError, SourceUnavailable, TransferTooLarge, nearest_name
from mlops_dagster.spec.connections import PostgresConnection

_BATCH_ROWS = 50_000
_CONNECT_TIMEOUT_SECONDS = 10
_EXPECTED = "postgresql://user:password@host:port/database"
# Refusals that another try does not cure; psycopg tells no code of a connection that failed.
_REFUSED = re.compile(r"authentication failed|no pg_hba\.conf entry|does not exist|not permitted")
_TIMES: dict[str, sa.types.TypeEngine[Any]] = {
    "timestamp": sa.DateTime(timezone=True),
    "timestamp_ntz": sa.DateTime(),
    "date": sa.Date(),
}


@dataclass(frozen=True)
class Fetched:
    """What was read: rows as the database counted them, and those that lie in no window."""

    records: int
    without_time: int


class PostgresTable:
    """A table or view, open in a transaction that sees one snapshot and can change nothing."""

    def __init__(
        self,
        connection: sa.Connection,
        name: Sequence[str],
        *,
        columns: Sequence[str],
        where: str,
    ) -> None:
        self._connection = connection
        self._where = where
        self.columns = _columns(connection, name, columns, where)
        self._table = sa.table(name[1], *(sa.column(c.name) for c in self.columns), schema=name[0])

    def fetch(self, target: Path, *, bounds: Bounds | None, limit_rows: int) -> Fetched:
        """Write the rows within the bounds as a Parquet file.

        Args:
            target: The file.
            bounds: Which rows; None for all. The database itself selects them.
            limit_rows: Most rows allowed.

        Raises:
            TransferTooLarge: There are more; nothing was read.
            SourceError: A value has no counterpart, or fewer rows came than were counted.
        """
        condition: sa.ColumnElement[bool] = sa.true()
        without_time = 0
        if bounds is not None:
            time = sa.column(bounds.column, _TIMES[bounds.written_as])
            condition = sa.and_(time >= bounds.start, time < bounds.end)
            without_time = self._count(sa.column(bounds.column).is_(None))
        records = self._count(condition)
        if records > limit_rows:
            raise TransferTooLarge(
                "more rows would be read than the connection allows",
                where=self._where,
                expected=f"at most {limit_rows:,} rows",
                found=f"{records:,}",
                next_step="Read it by windows (`window_by`), or raise `limit_rows` of the "
                "connection",
            )
        written = self._write(target, condition)
        if written != records:
            raise SourceError(
                "the database gave another number of rows than it counted",
                where=self._where,
                expected=f"{records}",
                found=f"{written}",
            )
        return Fetched(records, without_time)

    def _count(self, condition: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(self._table).where(condition)
        return int(self._connection.execute(query).scalar_one())

    def _write(self, target: Path, condition: sa.ColumnElement[bool]) -> int:
        query = sa.select(*map(_selected, self.columns)).select_from(self._table).where(condition)
        schema = pa.schema([(column.name, column.arrow) for column in self.columns])
        streamed = self._connection.execution_options(yield_per=_BATCH_ROWS).execute(query)
        rows = 0
        with pq.ParquetWriter(target, schema) as writer:
            for batch in streamed.partitions():
                rows += len(batch)
                values = zip(*batch, strict=True)
                arrays = [
                    self._array(column, found)
                    for column, found in zip(self.columns, values, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        return rows

    def _array(self, column: DatabaseColumn, values: Sequence[object]) -> pa.Array:
        try:
            return pa.array(values, type=column.arrow)
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise SourceError(
                f"column '{column.name}' has a value that its type here cannot hold",
                where=self._where,
                expected=column.spark,
                found=str(error),
                next_step="Cast the column in a view and read that",
            ) from error


@contextmanager
def open_postgres(
    connection: PostgresConnection,
    table: str,
    *,
    columns: Sequence[str] = (),
    where: str,
) -> Iterator[PostgresTable]:
    """Yield a table of a database inside one read-only snapshot.

    Args:
        connection: Where the database is.
        table: `schema.table`, as PostgreSQL writes the names: exact in their case.
        columns: Which columns; all by default.
        where: What is read, for messages; they never hold the address's user or password.

    Raises:
        SourceError: There is no such table or column, or the database refuses.
        SourceUnavailable: The database did not answer.
    """
    url = _url(_address(connection, where), connection, where)
    place = f"{where} ({_place(url)})"
    schema, _, name = table.partition(".")
    with _database_errors(url, place):
        engine = sa.create_engine(
            url,
            poolclass=NullPool,
            connect_args={"connect_timeout": _CONNECT_TIMEOUT_SECONDS},
            # Messages and logs never hold values of rows.
            hide_parameters=True,
        )
        with engine.connect() as connected:
            opened = connected.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            opened.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
            yield PostgresTable(opened, (schema, name), columns=columns, where=place)


def _columns(
    connection: sa.Connection, name: Sequence[str], wanted: Sequence[str], where: str
) -> tuple[DatabaseColumn, ...]:
    inspector = sa.inspect(connection)
    schema, table = name
    try:
        found = {column["name"]: column for column in inspector.get_columns(table, schema)}
    except NoSuchTableError:
        there = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        raise SourceError(
            "there is no such table",
            where=where,
            expected=f"a table or view of schema '{schema}'",
            found=f"'{table}'",
            nearest=nearest_name(table, there),
            next_step="Correct `table:`; names are exact in their case",
        ) from None
    for column in wanted:
        if column not in found:
            raise SourceError(
                "there is no such column",
                where=where,
                found=f"'{column}'",
                nearest=nearest_name(column, found),
                next_step="Correct `columns:` or `window_by:`",
            )
    return tuple(database_column(found[one], where=where) for one in wanted or found)


def _selected(column: DatabaseColumn) -> sa.ColumnElement[Any]:
    read: sa.ColumnElement[Any] = sa.column(column.name)
    return sa.cast(read, sa.Text()).label(column.name) if column.as_text else read


def _address(connection: PostgresConnection, where: str) -> str:
    variable = connection.address_variable
    address = os.environ.get(variable)
    if not address:
        raise SourceError(
            "the address of the database is not set",
            where=where,
            expected=f"the variable {variable}",
            next_step=f"Set {variable}={_EXPECTED}",
        )
    if not address.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise SourceError(
            "the database cannot be at this address",
            where=f"{where}, variable {variable}",
            expected=_EXPECTED,
            found=shown_scheme(address),
            next_step="Correct the variable",
        )
    return address


def _url(address: str, connection: PostgresConnection, where: str) -> sa.URL:
    url = None
    # A password that ends too early would leave its rest as the host or database.
    if not is_ambiguous(address):
        # The cause may quote the address with its password, so it is not chained.
        with suppress(ArgumentError, ValueError):
            url = sa.make_url(address).set(drivername="postgresql+psycopg")
    if url is None:
        raise SourceError(
            "the address of the database cannot be read",
            where=f"{where}, variable {connection.address_variable}",
            expected=_EXPECTED,
            next_step="Write @ / ? # ; inside the password as %40 %2F %3F %23 %3B",
        )
    return url


def _place(url: sa.URL) -> str:
    port = "" if url.port is None else f":{url.port}"
    return f"postgresql://{url.host or ''}{port}/{url.database or ''}"


@contextmanager
def _database_errors(url: sa.URL, where: str) -> Iterator[None]:
    """Turn a driver's errors into the product's; causes may quote the address, so none is chained.

    Raises:
        SourceError: Another try does not help.
        SourceUnavailable: It may.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise SourceError(
            "PostgreSQL needs the package psycopg",
            where=where,
            next_step="Install the extra: pip install 'mlops-dagster[postgres]'",
        ) from error
    except DBAPIError as error:
        said = " ".join(redacted(str(error.orig), url.render_as_string(False)).split())
        lost = isinstance(error, OperationalError) or error.connection_invalidated
        if lost and not _REFUSED.search(str(error.orig)):
            raise SourceUnavailable(
                f"the database did not answer: {said}",
                where=where,
                next_step="The step is tried again. If it fails each time, see whether the "
                "database runs and its address is right",
            ) from None
        raise SourceError("the database refuses to be read", where=where, found=said) from None
