"""Telling the event store what became of a batch, before anything is written."""

from collections.abc import Mapping

from mlops_dagster.data.batch import Batch
from mlops_dagster.data.events import BatchJudged, RuleOutcome, batch_stream
from mlops_dagster.data.history import measured_statistics
from mlops_dagster.data.rule_set import rule_set, rule_versions
from mlops_dagster.data.verdict import Counts, RefusedBatch, Verdict, judge_columns
from mlops_dagster.rules import Limit
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.slices import Slice


def refuse_columns(
    store: EventStore,
    batch: Batch,
    contract: Mapping[str, tuple[bool | None, str]],
    held: Claim,
    *,
    forced: bool,
) -> None:
    """Raise when a rule about columns refuses the batch, before any row is read.

    Raises:
        RefusedBatch: A rule refused.
    """
    nothing = Counts(
        rows_in=0,
        valid=0,
        quarantined=0,
        dropped=0,
        failed={},
        found={},
        errors=batch.errors,
        contract=contract,
    )
    verdict = judge_columns(batch.rules, nothing)
    if verdict.refused:
        tell(store, batch, nothing, verdict, held, forced=forced)
        raise RefusedBatch(str(Slice(batch.table.ref, batch.window)), verdict)


def tell(
    store: EventStore,
    batch: Batch,
    counts: Counts,
    verdict: Verdict,
    held: Claim,
    *,
    forced: bool,
    discarded: int = 0,
) -> None:
    """Record the counts and the verdict of a batch.

    Args:
        store: The event store.
        batch: The batch.
        counts: What was counted in it.
        verdict: What its rules say.
        held: The claim on the slice.
        forced: Whether its run was told to write rows that were published already.
        discarded: Rows that were delivered and then left out by decision.
    """
    event = BatchJudged(
        token=held.token,
        rows_in=counts.rows_in + discarded,
        valid=counts.valid,
        quarantined=counts.quarantined,
        dropped=counts.dropped,
        discarded=discarded,
        refused=verdict.refused,
        forced=forced,
        failed_rules={
            result.name: result.failed_rows
            for result in verdict.results
            if result.status != "passed"
        },
        statistics=measured_statistics(batch, counts),
        rule_set=rule_set(batch.table),
        results=_outcomes(batch, verdict),
    )
    stream = batch_stream(batch.table.ref, batch.window)
    store.append_next(stream, event, as_of=held.as_of, run_id=held.run_id)


def _outcomes(batch: Batch, verdict: Verdict) -> tuple[RuleOutcome, ...]:
    facts = {rule.name: rule for rule in batch.rules}
    versions = rule_versions(batch.table)
    return tuple(
        RuleOutcome(
            name=result.name,
            kind=result.kind,
            text=result.text,
            version=versions[result.name],
            status=result.status,
            severity=result.severity,
            on_fail=result.on_fail,
            refuses=result.refuses,
            failed_rows=result.failed_rows,
            value=result.figure.value,
            low=result.figure.low,
            high=result.figure.high,
            warn_if=_text(facts[result.name].warn_if),
            fail_if=_text(facts[result.name].fail_if),
        )
        for result in verdict.results
    )


def _text(limit: Limit | None) -> str | None:
    return None if limit is None else str(limit)
