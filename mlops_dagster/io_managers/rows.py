"""The types in which users' assets give and take rows: Spark, pandas, pyarrow."""

from typing import TYPE_CHECKING, Any, TypeAlias

from mlops_dagster.errors import TerminalError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    # pyarrow ships no types; its tables are checked where they arrive.
    Rows: TypeAlias = DataFrame | pd.DataFrame | pa.Table


def spark_rows(session: "SparkSession", rows: "Rows", *, what: str) -> "DataFrame":
    """Return rows of a supported type as a Spark DataFrame.

    Integers that may be missing stay integers; timestamps without a time zone are in UTC.

    Raises:
        TerminalError: The type is none of the supported ones.
        SourceError: A column cannot be stored in a table.
    """
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from mlops_dagster.engine.arrow import frame_from_arrow, table_of_pandas

    if isinstance(rows, DataFrame):
        return rows
    if isinstance(rows, pd.DataFrame):
        rows = table_of_pandas(rows, what=what)
    if isinstance(rows, pa.Table):
        return frame_from_arrow(session, rows, what=what)
    raise _unknown_type(type(rows).__name__, what)


def rows_as(frame: "DataFrame", wanted: object, *, what: str) -> "Rows":
    """Return a Spark DataFrame as the type that an input is annotated with.

    Without an annotation it stays a lazy Spark DataFrame. In pandas timestamps are naive and in
    UTC, and integers with nulls are floats; in pyarrow they stay integers.

    Raises:
        TerminalError: The annotation is none of the supported types.
        TransferTooLarge: The rows exceed what may cross to this process.
    """
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from mlops_dagster.engine.transfer import rows_to_client, table_to_client

    if wanted is Any or wanted is object or wanted is DataFrame:
        return frame
    if wanted is pd.DataFrame:
        return rows_to_client(frame, what=what)
    if wanted is pa.Table:
        return table_to_client(frame, what=what)
    raise _unknown_type(getattr(wanted, "__name__", str(wanted)), what)


def _unknown_type(name: str, what: str) -> TerminalError:
    return TerminalError(
        "the Delta IO manager does not know this type",
        where=what,
        expected="pyspark.sql.DataFrame, pandas.DataFrame or pyarrow.Table",
        found=name,
    )
