"""What became of the rows of each table in a window, read from the event store alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.store import EventStore


@dataclass(frozen=True)
class BatchCounts:
    """A batch of a slice; rows_in = valid + quarantined + dropped + discarded, refused or not."""

    ref: TableRef
    window: str
    rows_in: int
    valid: int
    quarantined: int
    dropped: int
    discarded: int
    refused: bool
    failed_rules: Mapping[str, int | None]


def newest_batch(store: EventStore, ref: TableRef, window: str) -> BatchCounts | None:
    """Return what became of the newest batch of a slice, or None when there was none."""
    last = store.last(batch_stream(ref, window), BatchJudged.kind)
    if last is None or not isinstance(last.event, BatchJudged):
        return None
    return counts_of(last.event, ref, window)


def counts_of(judged: BatchJudged, ref: TableRef, window: str) -> BatchCounts:
    """Return the counts that an event tells of a slice's batch."""
    return BatchCounts(
        ref=ref,
        window=window,
        rows_in=judged.rows_in,
        valid=judged.valid,
        quarantined=judged.quarantined,
        dropped=judged.dropped,
        discarded=judged.discarded,
        refused=judged.refused,
        failed_rules=judged.failed_rules,
    )


def window_batches(
    store: EventStore, slices: Iterable[tuple[TableRef, str]]
) -> tuple[BatchCounts, ...]:
    """Return the newest batch of each of the slices that had one."""
    found = (newest_batch(store, ref, window) for ref, window in slices)
    return tuple(batch for batch in found if batch is not None)
