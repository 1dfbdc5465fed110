"""The published batch of a slice, as its rules judged it: from events alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import SlicePublished, published
from mlops_dagster.state.store import EventStore


@dataclass(frozen=True)
class JudgedBatch:
    """A batch of a slice that was judged and published.

    Attributes:
        ref: The table.
        window: Its window; `static` for a static table.
        judged: What its rules said.
        published: What readers see of it.
        as_of: The instant at which it was judged.
        run_id: The run that judged it.
        refusals: How many earlier batches of the slice each rule refused, by name.
    """

    ref: TableRef
    window: str
    judged: BatchJudged
    published: SlicePublished
    as_of: datetime
    run_id: str
    refusals: Mapping[str, int] = field(default_factory=dict)


def judged_batch(store: EventStore, ref: TableRef, window: str) -> JudgedBatch | None:
    """Return the published batch of a slice; None before the first one."""
    publication = published(store, ref, window)
    if publication is None:
        return None
    refusals: Counter[str] = Counter()
    for stored in store.read(batch_stream(ref, window)):
        if not isinstance(stored.event, BatchJudged):
            continue
        if stored.event.token == publication.batch:
            return JudgedBatch(
                ref, window, stored.event, publication, stored.as_of, stored.run_id, refusals
            )
        refusals.update(one.name for one in stored.event.results if one.refuses)
    return None
