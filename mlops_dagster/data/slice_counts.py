"""Where the rows of a published batch are, and how those in quarantine stand: from events alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_dagster.data.batches import BatchCounts, counts_of
from mlops_dagster.data.judged import judged_batch
from mlops_dagster.data.row_ledger import RowLedger, RowStatus, read_rows
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.store import EventStore


@dataclass(frozen=True)
class SliceCounts(BatchCounts):
    """The published batch of a slice, and where the rows that its rules stopped stand now.

    Attributes:
        statuses: Rows by status; open ones as the quarantine holds them, the others as events tell.
    """

    statuses: Mapping[RowStatus, int]


def slice_counts(store: EventStore, ref: TableRef, window: str) -> SliceCounts | None:
    """Return the counts of the published batch of a slice; None before the first one."""
    batch = judged_batch(store, ref, window)
    if batch is None:
        return None
    return SliceCounts(
        **vars(counts_of(batch.judged, ref, window)),
        statuses=count_statuses(read_rows(store, ref, window), batch.judged.quarantined),
    )


def count_statuses(ledger: RowLedger, quarantined: int) -> Mapping[RowStatus, int]:
    """Return how many rows stand where; `quarantined` is what the published batch put there."""
    counts = dict.fromkeys(RowStatus, 0)
    elsewhere = 0
    for row in ledger.rows.values():
        counts[row.status] += 1
        elsewhere += not row.in_quarantine
    # Rows without any event are in quarantine and open.
    told = len(ledger.rows) - elsewhere
    counts[RowStatus.OPEN] += quarantined - told
    return counts
