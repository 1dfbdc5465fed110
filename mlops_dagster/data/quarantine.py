"""The quarantine: rows that failed a rule, with their reasons, one Delta table a use case.

Each writer replaces its own slice (table, window) before it publishes. Rows count only when their
batch is the published one.
"""

from collections.abc import Collection

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import Window as Over
from pyspark.sql import functions as F

from mlops_dagster.data.checks import QUARANTINE, ROUTE, Batch, flagged, reasons
from mlops_dagster.data.delivery import RAW
from mlops_dagster.data.events import QuarantineReplaced, batch_stream
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import NotDeterministic
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import Claim, published_windows
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.fenced import Origin, commit_slice
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.slices import Part, Slice

TABLE_COLUMN = "table"
SCHEMA = "row_id string, reasons array<string>, payload string, batch string, as_of timestamp"


def quarantine_ref(owner: str) -> TableRef:
    """Return the quarantine of a use case, or of the project's shared tables."""
    return TableRef(owner, "monitoring", "quarantine")


def quarantine_slice(ref: TableRef, window: str) -> Slice:
    """Return the slice of the quarantine that belongs to a slice of a table."""
    part = Part(TABLE_COLUMN, str(ref))
    return Slice(quarantine_ref(ref.owner), window, part, mixed=True)


def replace_quarantine(
    session: SparkSession,
    *,
    batch: Batch,
    failed_rules: Collection[str],
    rows: int,
    held: Claim,
    store: EventStore,
    locations: Locations,
    code_version: str,
) -> None:
    """Replace the quarantined rows of a slice; does nothing when there are none and were none.

    Args:
        session: A Spark session.
        batch: The judged batch.
        failed_rules: The rules about rows that some row fails.
        rows: How many rows go to quarantine.
        held: The claim on the slice.
        store: The event store.
        locations: Where tables lie.
        code_version: Of the table.

    Raises:
        SupersededWrite: A newer run took the slice over.
        NotDeterministic: Other rows fail than were counted.
    """
    stream = batch_stream(batch.table.ref, batch.window)
    last = store.last(stream, QuarantineReplaced.kind)
    held_before = last.event.rows if last and isinstance(last.event, QuarantineReplaced) else 0
    if rows == 0 and held_before == 0:
        return
    done = QuarantineReplaced(token=held.token, rows=rows)
    if rows:
        store.append_next(stream, done, as_of=held.as_of, run_id=held.run_id)
        frame = quarantined_rows(batch, failed_rules, token=held.token)
    else:
        frame = session.createDataFrame([], SCHEMA)
    target = quarantine_slice(batch.table.ref, batch.window)
    commit = commit_slice(
        session,
        frame=frame,
        target=target,
        held=held,
        store=store,
        location=locations.of(target.ref),
        origin=Origin(code_version),
    )
    if commit.rows != rows:
        raise NotDeterministic(
            "other rows fail than a moment before; nothing was published",
            where=str(target),
            expected=f"{rows} rows for the quarantine",
            found=f"{commit.rows}",
        )
    if not rows:
        store.append_next(stream, done, as_of=held.as_of, run_id=held.run_id)


def quarantined_rows(batch: Batch, failed_rules: Collection[str], *, token: str) -> DataFrame:
    """Return the rows of a batch that go to quarantine, as the quarantine table has them.

    `payload` is the record as it stood in its file where that was unreadable, else the row as JSON.
    `row_id` is a hash of table, payload and, among equal payloads, a number: stable over runs.
    Cost: the delivered rows once more, a shuffle of the failing ones.
    """
    columns = batch.delivery.columns
    row = F.to_json(
        F.struct(*(F.col(quote(name)) for name in columns)), {"ignoreNullFields": "false"}
    )
    payload = F.coalesce(F.col(RAW), row) if batch.delivery.has_records else row
    failing = (
        flagged(batch.delivery.frame, batch, failed_rules)
        .where(F.col(ROUTE) == QUARANTINE)
        .select(reasons(batch, failed_rules).alias("reasons"), payload.alias("payload"))
    )
    number = F.row_number().over(Over.partitionBy("payload").orderBy("reasons"))
    identity = F.concat_ws(
        "\n", F.lit(str(batch.table.ref)), F.col("payload"), number.cast("string")
    )
    return failing.select(
        F.sha2(identity, 256).alias("row_id"),
        "reasons",
        "payload",
        F.lit(token).alias("batch"),
        F.lit(batch.as_of).alias("as_of"),
    )


def read_quarantine(
    session: SparkSession,
    owner: str,
    *,
    tables: Collection[TableRef],
    store: EventStore,
    locations: Locations,
) -> DataFrame:
    """Return the quarantined rows of tables whose batch is the published one; lazy.

    Columns: row_id, reasons, payload, batch, as_of, window, table.
    """
    location = locations.of(quarantine_ref(owner))
    if not location.exists(session):
        return session.createDataFrame([], f"{SCHEMA}, window string, `{TABLE_COLUMN}` string")
    batches = sorted(
        publication.batch
        for ref in tables
        for publication in published_windows(store, ref).values()
    )
    return location.read(session).where(F.col("batch").isin(batches))
