"""Landing files as rows: by Spark where it may see paths, else read here and uploaded in pieces."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.contracts import ddl_of
from mlops_dagster.data.delivery import PREFIX, RAW
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.parquet_files import VOID, parquet_errors, parquet_types
from mlops_dagster.data.records import FileScan, read_records
from mlops_dagster.engine.identifiers import literal_path, quote
from mlops_dagster.engine.transfer import frame_from_pandas
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.contract import Contract
from mlops_dagster.tables.folding import fold

# Records in one upload; a piece stays far below what one request may carry.
_UPLOAD_RECORDS = 50_000
# What Spark says of a damaged file, and of one that went away.
_UNREADABLE = ("FAILED_READ_FILE", "CANNOT_READ_FILE", "PARQUET_")
# The place of a row in its Parquet file, from 0.
_PLACE = f"{PREFIX}place"


@dataclass(frozen=True)
class RowNumbers:
    """The column that numbers records in their order, and the number of a file's first record."""

    column: str
    first: int


def text_rows(
    session: SparkSession,
    scan: FileScan,
    columns: Sequence[str],
    *,
    by_path: bool,
    numbers: RowNumbers | None = None,
) -> DataFrame:
    """Return the records of a text file: `columns` as strings, and RAW where a record is malformed.

    Args:
        session: A Spark session.
        scan: What one reading of the file told.
        columns: Names that the file has.
        by_path: The server may read the file itself; it does where it reads what is written.
        numbers: Add this column (bigint). Then the file is read here and uploaded, because Spark
            does not say where in a text a record stood.
    """
    if not by_path or scan.only_here or numbers is not None:
        return _uploaded_texts(session, scan.file, columns, numbers)
    # CSV columns are told by their place, JSON values by their name.
    names = scan.columns if scan.file.form is Form.CSV else columns
    schema = ", ".join(f"{quote(name)} string" for name in (*names, RAW))
    reader = (
        session.read.schema(schema)
        .option("mode", "PERMISSIVE")
        .option("columnNameOfCorruptRecord", RAW)
        .option("multiLine", scan.multiline)
        .option("encoding", "UTF-8")
    )
    path = literal_path(scan.file.path)
    if scan.file.form is Form.CSV:
        # Quotes are doubled inside quotes; a backslash is a character like any other.
        texts = reader.option("header", True).option("escape", '"').csv(path)
        # Spark keeps lines of blanks when records may span lines.
        texts = texts.where(F.col(RAW).isNull() | (F.trim(F.col(RAW)) != ""))
    else:
        texts = reader.option("allowSingleQuotes", False).json(path)
    return texts.select(*(F.col(quote(name)) for name in (*columns, RAW)))


def parquet_rows(
    session: SparkSession,
    file: LandingFile,
    contract: Contract,
    *,
    by_path: bool,
    numbers: RowNumbers | None = None,
) -> DataFrame:
    """Return the rows of a Parquet file with the contract's columns and types.

    Spark refuses instants in nanoseconds, which pandas writes; such a file is read here.

    Args:
        session: A Spark session.
        file: The file.
        contract: The columns of the file.
        by_path: The server may read the file itself.
        numbers: Add this column (bigint).
    """
    by_spark = by_path and not _has_nanoseconds(file)
    place = F.col("_metadata.row_index" if by_spark else quote(_PLACE))
    if by_spark:
        reader = session.read.option("parquet.page.verify-checksum.enabled", True)
        frame = reader.parquet(literal_path(file.path))
    else:
        frame = fold(DataFrame.unionByName, list(_uploaded_parquet(session, file, contract)))
    columns = [F.col(quote(name)).cast(kind).alias(name) for name, kind in contract.types.items()]
    if numbers is not None:
        columns.append((place + F.lit(numbers.first)).cast("bigint").alias(numbers.column))
    return frame.select(*columns)


def _has_nanoseconds(file: LandingFile) -> bool:
    # Of INT96, which Spark itself writes, Arrow says nanoseconds too; Spark reads it.
    columns = pq.read_metadata(file.path).schema
    return any(
        column.physical_type == "INT64" and "nanoseconds" in str(column.logical_type)
        for column in (columns.column(place) for place in range(len(columns)))
    )


@contextmanager
def reading_errors(where: str) -> Iterator[None]:
    """Name the file in what Spark raises when it reads one inside the block.

    Args:
        where: The table and window, for errors that do not name their file.

    Raises:
        SourceError: A file is damaged, or changed while it was read.
    """
    try:
        yield
    except PySparkException as error:
        condition = error.getCondition() or ""
        if not condition.startswith(_UNREADABLE):
            raise
        path = (error.getMessageParameters() or {}).get("path")
        raise SourceError(
            "Spark cannot read the file",
            where=where if path is None else f"{where}: {path}",
            found=condition,
            next_step="Deliver the file again: it was cut off or changed on its way",
        ) from error


def _uploaded_texts(
    session: SparkSession,
    file: LandingFile,
    columns: Sequence[str],
    numbers: RowNumbers | None,
) -> DataFrame:
    names, schema = [*columns, RAW], ", ".join(f"{quote(name)} string" for name in (*columns, RAW))
    if numbers is not None:
        names.insert(0, numbers.column)
        schema = f"{quote(numbers.column)} bigint, {schema}"
    records = enumerate(read_records(file, columns), 0 if numbers is None else numbers.first)
    pieces = []
    while chunk := list(islice(records, _UPLOAD_RECORDS)):
        rows = [
            (*([] if numbers is None else [place]), *record.values, record.raw)
            for place, record in chunk
        ]
        # As objects: pandas' own string type would turn null into NaN.
        piece = pd.DataFrame(rows, columns=names, dtype=object)
        # Spark would cut each piece into a file a core.
        pieces.append(frame_from_pandas(session, piece, schema=schema).coalesce(1))
    return fold(DataFrame.unionByName, pieces) if pieces else session.createDataFrame([], schema)


def _uploaded_parquet(
    session: SparkSession, file: LandingFile, contract: Contract
) -> Iterator[DataFrame]:
    found = parquet_types(file)
    kinds = {n: kind if found[n] == VOID else found[n] for n, kind in contract.types.items()}
    schema = ", ".join(f"{quote(name)} {kind}" for name, kind in kinds.items())
    schema += f", {quote(_PLACE)} bigint"
    place = 0
    with parquet_errors(file):
        batches = pq.ParquetFile(file.path, page_checksum_verification=True).iter_batches(
            batch_size=_UPLOAD_RECORDS, columns=list(kinds)
        )
        for batch in batches:
            rows = batch.to_pandas(integer_object_nulls=True, timestamp_as_object=False)
            rows = rows[list(kinds)]
            rows[_PLACE] = np.arange(place, place + len(rows))
            place += len(rows)
            yield frame_from_pandas(session, rows, schema=schema).coalesce(1)
    yield session.createDataFrame([], f"{ddl_of(contract)}, {quote(_PLACE)} bigint").limit(0)
