"""Publishing a slice: fence, one Delta commit, proof that it is ours, the event readers follow.

The fence is checked three times. Before the commit the claim must be the newest. Delta itself skips
a commit whose claim number lies below one it has seen in this slice, so a writer that was asleep
between check and commit cannot overwrite its successor. And the publication is a compare-and-swap
on the claim: readers never hear of a commit whose slice somebody else has claimed since.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.errors import ContractViolation, NotDeterministic
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.state.fence import (
    InputVersion,
    SlicePublished,
    ensure_holds,
    published,
    record_published,
)
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.commits import Commit, replace_slice, slice_rows
from mlops_dagster.tables.fenced import HeldSlice, Origin, commit_slice, hold
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.measure import Measure, MeasuredWrite, measure
from mlops_dagster.tables.slices import Slice


@dataclass(frozen=True)
class Publication:
    """What readers see after a write.

    `written` is False when the rows were published before.
    """

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
    """Replace a slice by the rows of a frame: claim, commit, measure what was written, record.

    The frame must not hold the slice's own columns (`window`, a part's column): they are added as
    literals. It is computed once, and measured as it is written. A static table is measured first,
    because one whose rows are published already is not written again.

    Raises:
        SupersededWrite: A newer run took the slice over; nothing was published.
        NotDeterministic: The second computation of a static table gave another number of rows; the
            earlier rows were put back.
    """
    check_names(frame.columns, target)
    held = hold(store, target, as_of=as_of, run_id=run_id)
    location, origin = locations.of(target.ref), Origin(code_version, inputs)
    place = HeldSlice(session, target, held, store, location, origin)
    if target.window == STATIC:
        return publish_measured(place, frame, measured=measure(frame))
    rows = MeasuredWrite(frame)
    commit = commit_slice(place, rows.frame)
    written = rows.measure()
    if written is None or written.rows != commit.rows:
        written = measure(slice_rows(session, location, target, commit.version))
    return publish_commit(place, commit, measured=written)


def publish_measured(
    place: HeldSlice,
    frame: DataFrame,
    *,
    measured: Measure,
    force: bool = False,
    renew: bool = False,
) -> Publication:
    """Commit rows whose measure is known, verify the commit and record the publication.

    Static rows that are published already are written again only with `force`. With `renew` they
    are published again under this claim, without a commit: something beside them, such as their
    quarantine, belongs to it.

    Raises:
        SupersededWrite: As `publish_frame`.
        NotDeterministic: As `publish_frame`.
    """
    target, held, store = place.target, place.held, place.store
    check_names(frame.columns, target)
    earlier = published(store, target.ref, target.window, target.part_value)
    unchanged = not force and _is_unchanged(place, earlier, measured)
    if unchanged and earlier is not None:
        ensure_holds(store, held)
        if renew:
            earlier = earlier.model_copy(update={"token": held.token, "batch": held.token})
            record_published(store, held, earlier)
        return Publication(earlier, written=False)
    return publish_commit(place, commit_slice(place, lambda: frame), measured=measured)


def publish_commit(place: HeldSlice, commit: Commit, *, measured: Measure) -> Publication:
    """Verify a commit under its claim and tell readers of it.

    Raises:
        SupersededWrite: A newer run took the slice over.
        NotDeterministic: It has other rows than were measured; the earlier rows were put back.
    """
    held, origin = place.held, place.origin
    if commit.rows != measured.rows:
        put_back(place)
        raise NotDeterministic(
            "the rows changed between measuring and writing; what was published before is back",
            where=str(place.target),
            expected=f"{measured.rows} rows",
            found=f"{commit.rows}",
            next_step="Remove random numbers, current times and unordered limits from what makes "
            "the rows, and keep files of the landing folder as they are while they are read",
        )
    publication = SlicePublished(
        token=held.token,
        batch=held.token,
        digest=measured.digest,
        rows=commit.rows,
        delta_version=commit.version,
        bytes=commit.bytes,
        code_version=origin.code_version,
        inputs=origin.inputs,
    )
    record_published(place.store, held, publication)
    crash_point(CrashPoint.PUBLICATION_RECORDED, held.stream)
    return Publication(publication, written=True)


def _is_unchanged(place: HeldSlice, earlier: SlicePublished | None, measured: Measure) -> bool:
    return (
        earlier is not None
        and place.target.window == STATIC
        and earlier.digest == measured.digest
        and place.location.exists(place.session)
    )


def put_back(place: HeldSlice) -> None:
    """Replace the slice by what is published of it, or by no rows when nothing is.

    Raises:
        SupersededWrite: A newer run took the slice over.
    """
    session, target, held, location = place.session, place.target, place.held, place.location
    ensure_holds(place.store, held)
    earlier = published(place.store, target.ref, target.window, target.part_value)
    if earlier is None:
        rows = location.read(session).limit(0).drop(*target.literals)
    else:
        rows = slice_rows(session, location, target, earlier.delta_version)
    metadata = {"token": f"{held.token}/put back", "table": str(target.ref), "run_id": held.run_id}
    replace_slice(
        session, location=location, frame=rows, target=target, metadata=metadata, order=None
    )


def check_names(columns: Collection[str], target: Slice) -> None:
    """Raise where rows bring a column that names their slice.

    Raises:
        ContractViolation: They do.
    """
    taken = {name.lower() for name in target.literals} & {name.lower() for name in columns}
    if taken:
        raise ContractViolation(
            f"the rows bring a column '{min(taken)}' of their own",
            where=str(target),
            expected="rows without the columns that name their slice",
            next_step="Rename the column in what makes the rows",
        )
