"""The commit that replaces a slice, and the proof that it is ours."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.failures import engine_errors
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.errors import ContractViolation, DeltaConflict
from mlops_dagster.tables.locations import TableLocation
from mlops_dagster.tables.slices import Slice

# Names with these need Delta's column mapping, which raises the table's protocol version.
_UNMAPPED_REFUSED = frozenset(" ,;{}()\n\t=")
# How many to look at: others may commit between our write and the look, which reads as many files.
_COMMITS = (5, 100, 10_000)


@dataclass(frozen=True)
class Commit:
    """A commit of a Delta table: its version, rows and bytes written."""

    version: int
    rows: int
    bytes: int


@dataclass(frozen=True)
class WriteOrder:
    """A number that storage compares: a write below the highest seen in `line` is skipped."""

    line: str
    number: int


def replace_slice(
    session: SparkSession,
    *,
    location: TableLocation,
    frame: DataFrame,
    target: Slice,
    metadata: Mapping[str, object],
    order: WriteOrder | None,
) -> None:
    """Replace a slice by a frame's rows in one Delta commit, with `metadata` as its user metadata.

    Args:
        session: A Spark session.
        location: Where the table lies.
        frame: The rows, without the slice's own columns.
        target: The slice.
        metadata: JSON-ready; holds the writer's `token`.
        order: The fence as Delta sees it. A late writer is skipped without an error, so the caller
            looks for its own commit afterwards. None for putting earlier rows back.

    Raises:
        DeltaConflict: Another writer committed to the same files, or created the table, first.
        ContractViolation: The table has a column of the same name and another type.
    """
    literals = target.literals
    writer = (
        frame.select("*", *(F.lit(value).alias(name) for name, value in literals.items()))
        .write.format("delta")
        .mode("overwrite")
        .option("userMetadata", json.dumps(metadata, sort_keys=True))
    )
    if literals:
        writer = writer.option("replaceWhere", _predicate(literals)).option("mergeSchema", "true")
        writer = writer.partitionBy(*literals)
    else:
        writer = writer.option("overwriteSchema", "true")
    if order is not None:
        writer = writer.option("txnAppId", order.line).option("txnVersion", order.number)
    if any(_UNMAPPED_REFUSED & set(name) for name in frame.columns):
        writer = writer.option("delta.columnMapping.mode", "name")
    location.prepare(session)
    try:
        with engine_errors(str(target)):
            location.write(writer)
    except AnalysisException as error:
        raise _known(error, target) or error from error


def find_commit(session: SparkSession, location: TableLocation, token: str) -> Commit | None:
    """Return the commit whose user metadata holds the token, or None."""
    for limit in _COMMITS:
        history = session.sql(f"DESCRIBE HISTORY {location.sql_name} LIMIT {limit}")
        metrics = F.col("operationMetrics")
        ours = history.select(
            "version",
            F.get_json_object("userMetadata", "$.token").alias("token"),
            F.coalesce(metrics["numOutputRows"].cast("bigint"), F.lit(0)).alias("rows"),
            F.coalesce(metrics["numOutputBytes"].cast("bigint"), F.lit(0)).alias("bytes"),
        ).where(F.col("token") == token)
        found = few_rows(ours, what=f"the history of {location}")
        if found:
            newest = max(found, key=lambda row: int(row["version"]))
            return Commit(int(newest["version"]), int(newest["rows"]), int(newest["bytes"]))
    return None


def slice_rows(
    session: SparkSession, location: TableLocation, target: Slice, version: int
) -> DataFrame:
    """Return a slice's rows at a version, without the slice's own columns."""
    frame = location.read(session, version)
    for name, value in target.literals.items():
        frame = frame.where(F.col(quote(name)) == value)
    return frame.drop(*target.literals)


def _predicate(literals: Mapping[str, str]) -> str:
    # A quote or backslash in a value must not end the text.
    texts = {
        name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in literals.items()
    }
    return " AND ".join(f"{quote(name)} = '{value}'" for name, value in texts.items())


def _known(error: AnalysisException, target: Slice) -> Exception | None:
    condition = error.getCondition() or ""
    if condition == "TABLE_OR_VIEW_ALREADY_EXISTS":
        return DeltaConflict("another writer created the table first", where=str(target))
    if condition.startswith(("DELTA_FAILED_TO_MERGE_FIELDS", "DELTA_MERGE_INCOMPATIBLE")):
        return ContractViolation(
            "the table holds another type under the name of a column",
            where=str(target),
            found=str(error).splitlines()[0],
            next_step="Give the column a new name, or move the table away and build every window",
        )
    return None
