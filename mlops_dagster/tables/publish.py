"""Publishing a slice: fence, one Delta commit, proof that the commit is ours, then the event that readers follow."""

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.state.fence import InputVersion, SlicePublished
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.slices import Slice


@dataclass(frozen=True)
class Publication:
    """What a table shows after a write; `written` is False when the same rows were published already."""

    published: SlicePublished
    written: bool


def publish_frame(
    session: SparkSession,
    *,
    frame: DataFrame,
    target: Slice,
    as_of: datetime,
    store: EventStore,
    locations: Locations,
    run_id: str,
    code_version: str,
    inputs: tuple[InputVersion, ...] = (),
) -> Publication:
    """Replace a slice by the rows of a frame: claim, measure, commit, verify, record.

    The frame must not hold the slice's own columns (`window`, a part's column); they are added as literals. It is
    computed twice (measured, then written), so it must be deterministic. A static table whose rows are published
    already is not written again.

    Raises:
        SupersededWrite: A newer run took the slice over; nothing was published.
        NotDeterministic: The second computation gave another number of rows; the earlier rows were put back.
    """
    raise NotImplementedError
