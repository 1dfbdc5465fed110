"""What Parquet files say of themselves: the types of their columns and how many rows they have."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from mlops_dagster.data.landing import LandingFile
from mlops_dagster.errors import SourceError

# The type of a column that holds nothing but nulls, as pandas writes it: any type can hold them.
VOID = "void"


def parquet_types(file: LandingFile) -> dict[str, str]:
    """Return the Spark types of a Parquet file's columns.

    Raises:
        SourceError: It is no Parquet file, or a column's type has no counterpart.
    """
    with parquet_errors(file):
        schema = pq.read_schema(file.path)
    return {field.name: _spark_type(field, file) for field in schema}


def count_parquet(file: LandingFile) -> int:
    """Return how many rows a Parquet file says it has.

    Raises:
        SourceError: It is no Parquet file.
    """
    with parquet_errors(file):
        return int(pq.read_metadata(file.path).num_rows)


@contextmanager
def parquet_errors(file: LandingFile) -> Iterator[None]:
    """Name the file in what its reader raises.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            "the file cannot be read as Parquet",
            where=str(file),
            found=str(error),
            next_step="Deliver the file again: it was cut off or changed on its way",
        ) from error


def _spark_type(field: pa.Field, file: LandingFile) -> str:
    from pyspark.errors import PySparkException
    from pyspark.sql.pandas.types import from_arrow_type

    try:
        kind = from_arrow_type(field.type, prefer_timestamp_ntz=True)
    except PySparkException as error:
        raise SourceError(
            f"column '{field.name}' has a type that Spark does not know",
            where=str(file),
            found=str(field.type),
            next_step="Write the column as another type",
        ) from error
    # Instants without an offset are meant in UTC, as in texts.
    return str(kind.simpleString()).replace("timestamp_ntz", "timestamp")
