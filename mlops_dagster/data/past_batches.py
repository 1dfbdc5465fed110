"""Published batches of the past, read back as they were delivered: valid and quarantined rows.

Rows that a rule dropped, or that somebody discarded, are kept nowhere; they are only counted.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.builtin import LINES_END, UNREADABLE_REASON
from mlops_dagster.data.contracts import contract_of, ddl_of, known_contract
from mlops_dagster.data.delivery import IS_UNREADABLE, PREFIX, RAW, Delivery
from mlops_dagster.data.events import BatchJudged
from mlops_dagster.data.judged import JudgedBatch, judged_batch
from mlops_dagster.data.quarantine import published_rows
from mlops_dagster.data.row_ids import PAYLOAD_FORMS
from mlops_dagster.data.transform import PinnedInput, input_rows, pin_inputs
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.fence import InputVersion, published_windows
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.commits import slice_rows
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.past import pin_past
from mlops_dagster.tables.pins import Pin
from mlops_dagster.tables.slices import Slice

_ROW = f"{PREFIX}row"


@dataclass(frozen=True)
class PastBatch:
    """A published batch of a table, and the Delta version to read its valid rows at."""

    batch: JudgedBatch
    version: int

    @property
    def window(self) -> str:
        """Its window; `static` for a static table."""
        return self.batch.window

    @property
    def as_of(self) -> datetime:
        """The instant at which it was judged."""
        return self.batch.as_of

    @property
    def judged(self) -> BatchJudged:
        """What its rules said."""
        return self.batch.judged

    @property
    def kept(self) -> int:
        """How many of its rows can be read back."""
        return self.judged.valid + self.judged.quarantined

    @property
    def not_kept(self) -> int:
        """How many of its rows were dropped or discarded."""
        return self.judged.dropped + self.judged.discarded


def past_batches(
    store: EventStore,
    table: ResolvedTable,
    *,
    at_most: int,
    windows: Collection[str] | None = None,
) -> tuple[PastBatch, ...]:
    """Return the published batches of a table, oldest window first; asks the event store only.

    Args:
        store: The event store.
        table: The table.
        at_most: The newest so many windows.
        windows: Only these; those that are not published are left out.
    """
    there = published_windows(store, table.ref)
    chosen = sorted(window for window in there if windows is None or window in windows)[-at_most:]
    past = pin_past(store, table.ref, windows=chosen)
    if past is None:
        return ()
    versions = {window: version for version, keys in past.versions.items() for window in keys}
    found = (judged_batch(store, table.ref, window) for window in chosen)
    return tuple(PastBatch(one, versions[one.window]) for one in found if one is not None)


def delivered_again(
    session: SparkSession,
    past: PastBatch,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    store: EventStore,
    locations: Locations,
) -> Delivery:
    """Return the rows of a past batch as its rules saw them; lazy, one scan of its slice.

    A corrected row is taken as corrected. Inputs that rules look into are read at the versions that
    the batch read, those it did not read as they are now.

    Raises:
        SourceError: The rows have other types by now, or an input is not published.
    """
    rows, contract = valid_again(session, past, table=table, locations=locations)
    has_records = table.kind == "files"
    if has_records:
        rows = rows.select(
            "*", F.lit(False).alias(IS_UNREADABLE), F.lit(None).cast("string").alias(RAW)
        )
    held = published_rows(session, table.ref, past.window, store=store, locations=locations)
    if held is not None:
        rows = rows.unionByName(_from_payloads(held, contract, has_records=has_records))
    references = {
        one.name: input_rows(session, one, workspace, locations)
        for one in _inputs(workspace, table, past, store)
    }
    return Delivery(
        frame=rows,
        contract=contract,
        contract_is_new=False,
        references=references,
        unfinished=("a file",) if LINES_END in past.judged.failed_rules else (),
    )


def valid_again(
    session: SparkSession, past: PastBatch, *, table: ResolvedTable, locations: Locations
) -> tuple[DataFrame, Contract]:
    """Return the valid rows of a past batch with the contract's columns; lazy.

    Raises:
        SourceError: The rows have other types by now.
    """
    target = Slice(table.ref, past.window)
    rows = slice_rows(session, locations.of(table.ref), target, past.version)
    contract = known_contract(table) or contract_of(
        table.ref, {field.name: field.dataType.simpleString() for field in rows.schema}
    )
    return _as_contract(rows, contract, where=str(target)), contract


def _as_contract(rows: DataFrame, contract: Contract, *, where: str) -> DataFrame:
    """Return rows with the contract's columns; those that they do not have yet are null."""
    there = {field.name: field.dataType.simpleString() for field in rows.schema}
    other = [
        f"column '{name}' is {there[name]}, the contract says {kind}"
        for name, kind in contract.types.items()
        if there.get(name, kind) != kind
    ]
    if other:
        raise SourceError(
            "the rows have other types than the contract says now",
            where=where,
            found="; ".join(other),
            next_step="Build the window again",
        )
    return rows.select(
        *(
            F.col(quote(name)) if name in there else F.lit(None).cast(kind).alias(name)
            for name, kind in contract.types.items()
        )
    )


def _from_payloads(held: DataFrame, contract: Contract, *, has_records: bool) -> DataFrame:
    """Return quarantined rows as typed columns again; an unreadable record keeps its text."""
    content = F.coalesce(F.col("corrected"), F.col("payload"))
    unreadable = F.array_contains("reasons", UNREADABLE_REASON)
    read = held.select(
        F.from_json(F.when(~unreadable, content), ddl_of(contract), PAYLOAD_FORMS).alias(_ROW),
        unreadable.alias(IS_UNREADABLE),
        F.when(unreadable, content).alias(RAW),
    )
    columns = [F.col(_ROW)[name].alias(name) for name in contract.types]
    return read.select(*columns, *([IS_UNREADABLE, RAW] if has_records else ()))


def _inputs(
    workspace: Workspace, table: ResolvedTable, past: PastBatch, store: EventStore
) -> list[PinnedInput]:
    """Return the inputs that rules look into, pinned as the batch read them."""
    wanted = table.spec.inputs_of_rules
    if not wanted:
        return []
    recorded = {version.ref: version for version in past.batch.published.inputs}
    return [
        replace(one, pin=_as_read(one.pin, recorded))
        for one in pin_inputs(workspace, table, past.window, store)
        if one.name in wanted
    ]


def _as_read(pinned: Pin | None, recorded: Mapping[str, InputVersion]) -> Pin | None:
    """Return a pin at the version that the batch read, if it read all that is pinned."""
    version = None if pinned is None else recorded.get(str(pinned.ref))
    if pinned is None or version is None:
        return pinned
    needed = pinned.windows or (STATIC,)
    return replace(pinned, version=version) if set(needed) <= set(version.windows) else pinned
