"""Building one slice of a table: deliver, apply decisions, measure, judge, quarantine, publish."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.data.batch import Batch, batch_of
from mlops_dagster.data.builtin import READABLE
from mlops_dagster.data.checks import ROUTE, VALID, flagged
from mlops_dagster.data.contract_rules import contract_answers
from mlops_dagster.data.contracts import check_declared
from mlops_dagster.data.counting import (
    CountedWrite,
    Measured,
    is_counted_by_its_write,
    measure_batch,
)
from mlops_dagster.data.delivering import delivery_for
from mlops_dagster.data.delivery_events import record_ingested
from mlops_dagster.data.file_digests import check_unchanged, each_once
from mlops_dagster.data.followed import apply_decisions
from mlops_dagster.data.history import earlier_values
from mlops_dagster.data.ingest import check_types
from mlops_dagster.data.learn import learnt
from mlops_dagster.data.quarantine import replace_quarantine
from mlops_dagster.data.set_aside import set_aside_if_refused
from mlops_dagster.data.settling import follow, settle
from mlops_dagster.data.tell import refuse_columns, tell
from mlops_dagster.data.verdict import (
    RefusedBatch,
    RuleResult,
    judge,
)
from mlops_dagster.data.whereabouts import JudgedRows, routes_of
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import NotDeterministic, SourceError
from mlops_dagster.spec.contract import Contract, add_columns, write_contract
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.fence import SlicePublished, published
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.commits import Commit
from mlops_dagster.tables.fenced import HeldSlice, Origin, commit_slice, hold
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.publish import check_names, publish_commit, publish_measured, put_back
from mlops_dagster.tables.slices import Slice


@dataclass(frozen=True)
class TableBuilt:
    """What building a slice gave.

    Attributes:
        published: The publication that readers see now.
        written: False when a static table was unchanged and nothing was written.
        rows_in: Rows delivered; always valid + quarantined + dropped + discarded.
        valid: Rows published.
        quarantined: Rows in the quarantine table under this batch.
        dropped: Rows that a rule with `on_fail: drop` removed.
        discarded: Rows that were left out because somebody had decided so.
        rule_results: One result a rule, built-in rules first.
        contract: The columns of the table.
        contract_written: Whether the contract file was missing and has been written.
        contract_grew: Whether columns were added to it.
        lineage: Per output column the (input, column) pairs it comes from; of SQL only.
        without_time: Rows of a source that no window reads, because they say no time.
        files: Files of the slice, copies included.
        copies: Files whose content another one has too, which counts once.
    """

    published: SlicePublished
    written: bool
    rows_in: int
    valid: int
    quarantined: int
    dropped: int
    discarded: int
    rule_results: tuple[RuleResult, ...]
    contract: Contract
    contract_written: bool
    lineage: Mapping[str, tuple[tuple[str, str], ...]]
    without_time: int = 0
    contract_grew: bool = False
    files: int = 0
    copies: int = 0


def build_table(
    session: SparkSession,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    as_of: datetime,
    store: EventStore,
    locations: Locations,
    run_id: str,
    force: bool = False,
) -> TableBuilt:
    """Build and publish one slice of a table.

    What was decided about single rows is applied to the delivered ones, which are then judged by
    the present rules like any other. The rows are computed once, counted by their write; twice
    where a count may refuse the batch, which is then measured before anything is written; once more
    where some go to quarantine, and once more where some have left it.

    Args:
        session: A Spark Connect session.
        workspace: The workspace that holds the table and its inputs.
        table: The table.
        window: The window's key; `static` for a static table.
        as_of: The instant that decides, with a time zone.
        store: The event store of the environment.
        locations: Where tables lie.
        run_id: The run that writes.
        force: Write a static table though equal rows are published.

    Raises:
        RefusedBatch: A rule refused the batch; the previous version stays readable.
        SourceError: An input is not published, or a file or source is missing or unreadable.
        SourceUnavailable: A database that is read did not answer.
        ContractViolation: The columns delivered are not the contract's, or lack the key or a time.
        CorrectionRefused: A correction of a row does not fit the contract any more.
        SupersededWrite: A newer run took the slice over.
        NotDeterministic: The rows changed between measuring and writing.
    """
    target = Slice(table.ref, window)
    held = hold(store, target, as_of=as_of, run_id=run_id)
    followed = follow(session, table.ref, window, store=store, locations=locations)
    with (
        set_aside_if_refused(workspace, table, window, held=held, store=store),
        delivery_for(
            session,
            workspace=workspace,
            table=table,
            window=window,
            held=held,
            store=store,
            locations=locations,
        ) as delivered,
    ):
        check_declared(table, delivered.contract)
        decided = apply_decisions(session, delivered, table=table, followed=followed)
        delivery, discarded = decided.delivery, len(decided.discarded)
        batch = batch_of(table, window=window, as_of=as_of, delivery=delivery)
        contract = contract_answers(batch)
        refuse_columns(store, batch, contract, held, forced=force)
        batch = learnt(session, batch)
        place = HeldSlice(
            session,
            target,
            held,
            store,
            locations.of(table.ref),
            Origin(table.code_version, delivery.inputs),
        )
        # A static table that is published already is written only if its rows are others.
        compared = window == STATIC and not force and published(store, table.ref, window)
        if not compared and is_counted_by_its_write(batch, answered=contract):
            measured, commit = _write_and_count(place, batch)
        else:
            measured, commit = measure_batch(batch), None
        counts = measured.counts
        crash_point(CrashPoint.BATCH_MEASURED, target)
        _check_records(batch, counts.rows_in + discarded)
        if counts.failed.get(READABLE):
            check_types(table, delivery)
        counts = replace(counts, contract=contract, earlier=earlier_values(store, batch))
        verdict = judge(batch.rules, counts)
        tell(store, batch, counts, verdict, held, forced=force, discarded=discarded)
        crash_point(CrashPoint.VERDICT_RECORDED, target)
        if verdict.refused:
            raise RefusedBatch(str(target), verdict)
        if delivery.contract_is_new:
            write_contract(table.contract_path, delivery.contract)
        elif delivery.contract_grew:
            add_columns(table.contract_path, delivery.contract)
        failed = _failed_rules(batch, measured)
        try:
            replaced = replace_quarantine(
                session,
                batch=batch,
                failed_rules=failed,
                rows=counts.quarantined,
                before=followed.before,
                held=held,
                store=store,
                locations=locations,
                code_version=table.code_version,
            )
        except NotDeterministic:
            if commit is not None:
                put_back(place)
            raise
        crash_point(CrashPoint.QUARANTINE_PUBLISHED, target)
        judged = JudgedRows(batch, measured, failed, decided.discarded, replaced)
        settled = settle(
            store,
            followed=followed,
            discarded=decided.discarded,
            routes=routes_of(session, judged, followed=followed, locations=locations),
            held=held,
        )
        # What is recorded with the publication is what it is made of.
        check_unchanged(delivery.files, workspace.landing)
        if commit is None:
            publication = publish_measured(
                place,
                _valid_rows(batch, failed),
                measured=measured.valid,
                force=force,
                renew=settled or replaced is not None,
            )
        else:
            publication = publish_commit(place, commit, measured=measured.valid)
        if not table.is_derived:
            record_ingested(
                store,
                table.ref,
                window,
                delivery.files,
                held,
                files_expected=table.kind == "files",
                tells_late=AlertKind.LATE_DATA in workspace.alerts_about(table.ref),
            )
    return TableBuilt(
        published=publication.published,
        written=publication.written,
        rows_in=counts.rows_in + discarded,
        valid=counts.valid,
        quarantined=counts.quarantined,
        dropped=counts.dropped,
        discarded=discarded,
        rule_results=verdict.results,
        contract=delivery.contract,
        contract_written=delivery.contract_is_new,
        lineage=delivery.lineage,
        without_time=delivery.without_time,
        contract_grew=delivery.contract_grew,
        files=len(delivery.files),
        copies=len(delivery.files) - len(each_once(delivery.files)),
    )


def _write_and_count(place: HeldSlice, batch: Batch) -> tuple[Measured, Commit]:
    """Commit the valid rows of a batch, unknown to readers, and count it on the way."""
    check_names(batch.delivery.columns, place.target)
    rows = CountedWrite(batch)
    commit = commit_slice(place, rows.frame)
    measured = rows.measured()
    if measured is None or measured.valid.rows != commit.rows:
        measured = measure_batch(batch)
    return measured, commit


def _check_records(batch: Batch, rows: int) -> None:
    """Raise unless Spark read as many records as were counted apart from it."""
    records = batch.delivery.records
    if records is not None and records != rows:
        raise SourceError(
            "Spark reads another number of records than were delivered",
            where=f"{batch.table.ref} {batch.window}",
            expected=f"{records} records",
            found=f"{rows}",
            next_step="Look for quotes that are not closed, or a file that is still being written",
        )


def _failed_rules(batch: Batch, measured: Measured) -> list[str]:
    """Return the rules that quarantine or drop some row: only they are computed again."""
    return [
        rule.name
        for rule in batch.row_rules
        if rule.on_fail in (OnFail.QUARANTINE, OnFail.DROP)
        and measured.counts.failed[rule.name] > 0
    ]


def _valid_rows(batch: Batch, failed: list[str]) -> DataFrame:
    rows = batch.delivery.frame
    if failed:
        rows = flagged(rows, batch, failed).where(F.col(ROUTE) == VALID)
    return rows.select(*(F.col(quote(name)) for name in batch.delivery.columns))
