"""The quarantine: rows that failed a rule, with their reasons, one Delta table a use case.

Each writer replaces its own slice (table, window) before it publishes. Rows count only when their
batch is the published one. What is decided about rows is in the event store (`row_ledger.py`).
"""

from collections.abc import Collection
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import Window as Over
from pyspark.sql import functions as F

from mlops_dagster.data.batch import Batch
from mlops_dagster.data.checks import QUARANTINE, ROUTE, flagged, reasons
from mlops_dagster.data.delivery import ORIGINAL, ROW_ID
from mlops_dagster.data.events import QuarantineReplaced, batch_stream
from mlops_dagster.data.row_ids import payload_of, row_id, row_key
from mlops_dagster.data.rule_set import rule_set
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import NotDeterministic
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import Claim, published, published_windows
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.commits import Commit, find_commit, slice_rows
from mlops_dagster.tables.fenced import HeldSlice, Origin, commit_slice
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.slices import Part, Slice

TABLE_COLUMN = "table"
SCHEMA = (
    "row_id string, reasons array<string>, payload string, batch string, as_of timestamp, "
    "corrected string, first_batch string, rule_set string"
)
_ADDED = ("corrected", "first_batch", "rule_set")


@dataclass(frozen=True)
class HeldBefore:
    """What a slice had in quarantine when it was last published.

    Attributes:
        rows: `row_id` and `first_batch`.
        row_ids: The ids; None where there are too many.
    """

    rows: DataFrame
    row_ids: frozenset[str] | None


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
    before: HeldBefore | None,
    held: Claim,
    store: EventStore,
    locations: Locations,
    code_version: str,
) -> Commit | None:
    """Replace the quarantined rows of a slice; does nothing when there are none and were none.

    Args:
        session: A Spark session.
        batch: The judged batch.
        failed_rules: The rules about rows that some row fails.
        rows: How many rows go to quarantine.
        before: What the published batch had there.
        held: The claim on the slice.
        store: The event store.
        locations: Where tables lie.
        code_version: Of the table.

    Returns:
        The commit; None where nothing was replaced.

    Raises:
        SupersededWrite: A newer run took the slice over.
        NotDeterministic: Other rows fail than were counted.
    """
    stream = batch_stream(batch.table.ref, batch.window)
    if rows == 0 and not _may_hold(store, batch.table.ref, batch.window):
        return None
    done = QuarantineReplaced(token=held.token, rows=rows)
    if rows:
        store.append_next(stream, done, as_of=held.as_of, run_id=held.run_id)
        frame = _since(quarantined_rows(batch, failed_rules, token=held.token), before)
    else:
        frame = session.createDataFrame([], SCHEMA)
    target = quarantine_slice(batch.table.ref, batch.window)
    place = HeldSlice(session, target, held, store, locations.of(target.ref), Origin(code_version))
    commit = commit_slice(place, lambda: frame)
    if commit.rows != rows:
        raise NotDeterministic(
            "other rows fail than a moment before; nothing was published",
            where=str(target),
            expected=f"{rows} rows for the quarantine",
            found=f"{commit.rows}",
        )
    if not rows:
        store.append_next(stream, done, as_of=held.as_of, run_id=held.run_id)
    return commit


def quarantined_rows(batch: Batch, failed_rules: Collection[str], *, token: str) -> DataFrame:
    """Return the rows of a batch that go to quarantine, as the quarantine table has them.

    `payload` is the record as it stood in its file where that was unreadable, else the row as JSON;
    `row_id` is made from it (see `row_ids.py`). `corrected` is the content that failed where a
    correction stood, else null. `first_batch` is this batch.
    Cost: the delivered rows once more, a shuffle of the failing ones.
    """
    table, delivery = batch.table, batch.delivery
    content, followed = payload_of(delivery), F.lit(None).cast("string")
    payload = content
    if delivery.has_followed:
        payload, followed = F.coalesce(F.col(ORIGINAL), content), F.col(ROW_ID)
    failing = (
        flagged(delivery.frame, batch, failed_rules)
        .where(F.col(ROUTE) == QUARANTINE)
        .select(
            reasons(batch, failed_rules).alias("reasons"),
            payload.alias("payload"),
            F.when(content != payload, content).alias("corrected"),
            followed.alias(ROW_ID),
        )
    )
    number = F.row_number().over(Over.partitionBy("payload").orderBy("reasons"))
    made = row_id(row_key(table.ref, batch.window, F.col("payload")), number)
    return failing.select(
        F.coalesce(F.col(ROW_ID), made).alias("row_id"),
        "reasons",
        "payload",
        F.lit(token).alias("batch"),
        F.lit(batch.as_of).alias("as_of"),
        "corrected",
        F.lit(token).alias("first_batch"),
        F.lit(rule_set(table)).alias("rule_set"),
    )


def published_quarantine(
    session: SparkSession,
    ref: TableRef,
    window: str,
    *,
    store: EventStore,
    locations: Locations,
    at_most: int,
) -> HeldBefore | None:
    """Return the quarantine of the published batch of a slice; None where it held nothing.

    Costs a query for its ids, and only where there may be some.
    """
    rows = published_rows(session, ref, window, store=store, locations=locations)
    found = [] if rows is None else _ids(rows, at_most)
    if rows is None or not found:
        return None
    return HeldBefore(
        rows.select("row_id", "first_batch"),
        frozenset(str(row["row_id"]) for row in found) if len(found) <= at_most else None,
    )


def published_rows(
    session: SparkSession,
    ref: TableRef,
    window: str,
    *,
    store: EventStore,
    locations: Locations,
) -> DataFrame | None:
    """Return the quarantined rows of the published batch of a slice; None where it has none.

    A run that died between its quarantine and its publication has replaced the rows: then they come
    from the version that the published batch wrote. Costs a look at one row, and only where there
    may be some. Columns: those of `SCHEMA`.
    """
    publication = published(store, ref, window)
    if publication is None or not _held_rows(store, ref, window, batch=publication.batch):
        return None
    target = quarantine_slice(ref, window)
    location = locations.of(target.ref)
    if not location.exists(session):
        return None
    rows = location.read(session)
    for name, value in target.literals.items():
        rows = rows.where(F.col(quote(name)) == value)
    newest = _ids(rows, 1)
    if not newest or newest[0]["batch"] != publication.batch:
        commit = find_commit(session, location, publication.batch)
        if commit is None:
            return None
        rows = slice_rows(session, location, target, commit.version)
    return _complete(rows).drop(*target.literals)


def read_quarantine(
    session: SparkSession,
    owner: str,
    *,
    tables: Collection[TableRef],
    store: EventStore,
    locations: Locations,
) -> DataFrame:
    """Return the quarantined rows of tables whose batch is the published one; lazy.

    Columns: those of `SCHEMA`, window, table.
    """
    location = locations.of(quarantine_ref(owner))
    if not location.exists(session):
        return session.createDataFrame([], f"{SCHEMA}, window string, `{TABLE_COLUMN}` string")
    batches = sorted(
        publication.batch
        for ref in tables
        for publication in published_windows(store, ref).values()
    )
    return _complete(location.read(session)).where(F.col("batch").isin(batches))


def _may_hold(store: EventStore, ref: TableRef, window: str) -> bool:
    """Tell whether the slice may hold rows now, of whatever batch."""
    last = store.last(batch_stream(ref, window), QuarantineReplaced.kind)
    return last is not None and isinstance(last.event, QuarantineReplaced) and last.event.rows > 0


def _held_rows(store: EventStore, ref: TableRef, window: str, *, batch: str) -> bool:
    """Tell whether a batch put rows into the slice, whoever has replaced them since."""
    return any(
        stored.event.token == batch and stored.event.rows > 0
        for stored in store.read(batch_stream(ref, window))
        if isinstance(stored.event, QuarantineReplaced)
    )


def _ids(rows: DataFrame, at_most: int) -> list[Row]:
    return rows.select("row_id", "batch").limit(at_most + 1).collect()


def _since(rows: DataFrame, before: HeldBefore | None) -> DataFrame:
    """Let rows that were in quarantine before keep the batch that they came with."""
    if before is None:
        return rows
    earlier = before.rows.select("row_id", F.col("first_batch").alias("earlier"))
    joined = rows.join(earlier, "row_id", "left")
    return joined.withColumn("first_batch", F.coalesce("earlier", "first_batch")).drop("earlier")


def _complete(rows: DataFrame) -> DataFrame:
    """Add the columns that a table written by an earlier release lacks."""
    missing = [name for name in _ADDED if name not in rows.columns]
    rows = rows.select("*", *(F.lit(None).cast("string").alias(name) for name in missing))
    return rows.withColumn("first_batch", F.coalesce("first_batch", "batch"))
