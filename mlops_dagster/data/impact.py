"""What the rules as they stand now would have made of past batches; nothing is published.

A past batch goes through the same measuring and judging as a build's, so a rule that is as it was
then gives what it gave. Rules about history see the windows before as the present rules would have
left them, as far as these are looked at too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from pyspark.sql import SparkSession

from mlops_dagster.data.batch import Batch, batch_of
from mlops_dagster.data.contract_rules import contract_answers
from mlops_dagster.data.counting import measure_batch
from mlops_dagster.data.events import BatchJudged, RuleOutcome
from mlops_dagster.data.history import ROW_COUNT, Numbers, earlier_values, measured_statistics
from mlops_dagster.data.learn import learnt
from mlops_dagster.data.past_batches import PastBatch, delivered_again
from mlops_dagster.data.rule_set import rule_versions
from mlops_dagster.data.verdict import Counts, RuleResult, judge
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations

Status = Literal["passed", "failed", "error"]


class RuleState(str, Enum):
    """How a rule of now stands to those that a batch was judged by."""

    SAME = "same"
    CHANGED = "changed"
    NEW = "new"
    REMOVED = "removed"
    NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class RuleImpact:
    """A rule on a past batch, now and then.

    Attributes:
        name: Its name.
        kind: Its key in YAML.
        text: What it demands; of a removed rule, what it demanded.
        state: How it stands to the rules of then.
        route: What becomes of rows, or of the batch, that fail it; of a removed rule, what became.
        severity: How a failed check is shown.
        status: What it would say; None for a removed rule.
        failed_rows: Rows that would fail; None for rules about the data set.
        refuses: Whether it would refuse the batch.
        message: One sentence about it.
        then: What it said then; None where it was not there, or nothing was recorded.
        failed_then: Rows that failed then; None where nothing was recorded or none are counted.
        dropped_then: Rows that failed then and were dropped, unless another rule sent them to
            quarantine: they are kept nowhere, so what it says now is of other rows.
    """

    name: str
    kind: str
    text: str
    state: RuleState
    route: OnFail
    severity: Severity
    status: Status | None
    failed_rows: int | None
    refuses: bool
    message: str
    then: Status | None
    failed_then: int | None
    dropped_then: int = 0

    @property
    def tells(self) -> bool:
        """Whether there is something to tell: a change, or failing rows now or then."""
        changed = self.state in (RuleState.CHANGED, RuleState.NEW, RuleState.REMOVED)
        failing = bool(self.failed_rows or self.failed_then)
        return changed or failing or "failed" in (self.status, self.then) or self.status == "error"


@dataclass(frozen=True)
class Routes:
    """Where the rows of a batch are."""

    valid: int
    quarantined: int
    dropped: int


@dataclass(frozen=True)
class BatchImpact:
    """A past batch under the present rules.

    Attributes:
        window: Its window; `static` for a static table.
        rows: Rows that were looked at.
        not_kept: Rows that were dropped or discarded then: they cannot be looked at.
        lost: Quarantined rows of then that cannot be read back.
        now: Where the rows would be.
        then: Where they are.
        refused: Whether the batch would be refused, and nothing of it published.
        rules: The rules of now, then the removed ones.
    """

    window: str
    rows: int
    not_kept: int
    lost: int
    now: Routes
    then: Routes
    refused: bool
    rules: tuple[RuleImpact, ...]


@dataclass(frozen=True)
class TableImpact:
    """The past batches of a table under its present rules; `left_out` says why for windows."""

    table: str
    batches: tuple[BatchImpact, ...]
    left_out: Mapping[str, str]


def impact(
    session: SparkSession,
    batches: tuple[PastBatch, ...],
    *,
    workspace: Workspace,
    table: ResolvedTable,
    store: EventStore,
    locations: Locations,
) -> TableImpact:
    """Return what a table's rules would have made of past batches.

    Cost: each batch is read as a build reads its rows while it measures: one scan of its slice and
    of its quarantined rows, and the narrow queries of rules about keys before it.

    Args:
        session: A Spark session; it may be one that only reads.
        batches: The batches, oldest window first.
        workspace: The workspace that holds the table and its inputs.
        table: The table with its present rules.
        store: The event store.
        locations: Where tables lie.
    """
    known: dict[str, Numbers] = {}
    found: list[BatchImpact] = []
    left_out: dict[str, str] = {}
    for past in batches:
        try:
            delivery = delivered_again(
                session, past, workspace=workspace, table=table, store=store, locations=locations
            )
        except SourceError as error:
            left_out[past.window] = str(error)
            continue
        batch = batch_of(table, window=past.window, as_of=past.as_of, delivery=delivery)
        batch = learnt(session, batch)
        counts = replace(
            measure_batch(batch).counts,
            contract=contract_answers(batch),
            earlier=earlier_values(store, batch, known=known, token=past.judged.token),
        )
        told = _impact(past, batch, counts)
        if not told.refused:
            numbers = measured_statistics(batch, counts)
            known[past.window] = {**numbers, ROW_COUNT: float(counts.valid)}
        found.append(told)
    return TableImpact(str(table.ref), tuple(found), left_out)


def _impact(past: PastBatch, batch: Batch, counts: Counts) -> BatchImpact:
    verdict = judge(batch.rules, counts)
    judged = past.judged
    return BatchImpact(
        window=past.window,
        rows=counts.rows_in,
        not_kept=past.not_kept,
        lost=past.kept - counts.rows_in,
        now=Routes(counts.valid, counts.quarantined, counts.dropped),
        then=Routes(judged.valid, judged.quarantined, judged.dropped),
        refused=verdict.refused,
        rules=(
            *_present(verdict.results, judged, rule_versions(batch.table)),
            *_removed(verdict.results, judged),
        ),
    )


def _present(
    results: tuple[RuleResult, ...], judged: BatchJudged, versions: Mapping[str, str]
) -> Iterator[RuleImpact]:
    before = {outcome.name: outcome for outcome in judged.results}
    for result in results:
        then = before.get(result.name)
        yield RuleImpact(
            name=result.name,
            kind=result.kind,
            text=result.text,
            state=_state(then, versions[result.name], recorded=bool(judged.results)),
            route=result.on_fail,
            severity=result.severity,
            status=result.status,
            failed_rows=result.failed_rows,
            refuses=result.refuses,
            message=result.message,
            then=None if then is None else then.status,
            failed_then=(
                judged.failed_rules.get(result.name) if then is None else then.failed_rows
            ),
            dropped_then=_dropped(then, judged),
        )


def _removed(results: tuple[RuleResult, ...], judged: BatchJudged) -> Iterator[RuleImpact]:
    there = {result.name for result in results}
    for then in judged.results:
        if then.name not in there:
            yield RuleImpact(
                name=then.name,
                kind=then.kind,
                text=then.text,
                state=RuleState.REMOVED,
                route=then.on_fail,
                severity=then.severity,
                status=None,
                failed_rows=None,
                refuses=False,
                message=f"{then.name} is no rule of the table any more",
                then=then.status,
                failed_then=then.failed_rows,
                dropped_then=_dropped(then, judged),
            )


def _dropped(then: RuleOutcome | None, judged: BatchJudged) -> int:
    if then is None or then.on_fail is not OnFail.DROP:
        return 0
    return min(then.failed_rows or 0, judged.dropped)


def _state(then: RuleOutcome | None, version: str, *, recorded: bool) -> RuleState:
    if not recorded:
        return RuleState.NOT_RECORDED
    if then is None:
        return RuleState.NEW
    return RuleState.SAME if then.version == version else RuleState.CHANGED
