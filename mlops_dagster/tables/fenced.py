"""Committing a slice under a claim: of several writers the newest claim wins, in storage too."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.errors import DeltaConflict, SupersededWrite
from mlops_dagster.state.fence import Claim, InputVersion, claim, ensure_holds, new_token
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.commits import Commit, WriteOrder, find_commit, replace_slice
from mlops_dagster.tables.locations import TableLocation
from mlops_dagster.tables.slices import Slice

# Conflicts of different slices come from creating a table or widening its schema at the same time.
WRITE_ATTEMPTS = 8


@dataclass(frozen=True)
class Origin:
    """Where the rows of a slice come from: the code that made them and what it read."""

    code_version: str
    inputs: tuple[InputVersion, ...] = ()


@dataclass(frozen=True)
class HeldSlice:
    """A slice under a claim, with all that a commit of it needs."""

    session: SparkSession
    target: Slice
    held: Claim
    store: EventStore
    location: TableLocation
    origin: Origin


def hold(store: EventStore, target: Slice, *, as_of: datetime, run_id: str) -> Claim:
    """Take a slice over from whoever holds it, under a new token."""
    held = claim(
        store,
        target.ref,
        target.window,
        token=new_token(),
        as_of=as_of,
        run_id=run_id,
        part=target.part_value,
    )
    crash_point(CrashPoint.SLICE_CLAIMED, target)
    return held


def commit_slice(place: HeldSlice, frame: Callable[[], DataFrame]) -> Commit:
    """Replace a slice under a claim and return the commit; conflicts over other slices are retried.

    Args:
        place: The slice.
        frame: Makes the rows of one attempt: what a write counts belongs to one write.

    Raises:
        SupersededWrite: The claim is no longer the newest, or Delta has seen a newer one.
        DeltaConflict: Others were faster every time.
    """
    _write(place, frame)
    crash_point(CrashPoint.SLICE_COMMITTED, place.target)
    commit = find_commit(place.session, place.location, place.held.token)
    if commit is None:
        ensure_holds(place.store, place.held)
        raise SupersededWrite(
            "the table holds a commit of this slice that is newer than the event store knows",
            where=str(place.target),
            next_step="The event store was set back; restore it, or move the table away",
        )
    return commit


def _write(place: HeldSlice, frame: Callable[[], DataFrame]) -> None:
    target, held, store = place.target, place.held, place.store
    order = WriteOrder(_line(store, target, held), held.seq)
    for attempt in range(1, WRITE_ATTEMPTS + 1):
        ensure_holds(store, held)
        try:
            replace_slice(
                place.session,
                location=place.location,
                frame=frame(),
                target=target,
                metadata=_metadata(target, held, place.origin),
                order=order,
            )
        except DeltaConflict:
            ensure_holds(store, held)
            if attempt == WRITE_ATTEMPTS:
                raise
            # Spreads the writers that lost together.
            time.sleep(random.uniform(0, 0.2 * attempt))  # noqa: S311
        else:
            return


def _line(store: EventStore, target: Slice, held: Claim) -> str:
    """Return the name under which Delta keeps the highest claim number of a slice.

    The instant of the first claim is part of it, so that a new event store starts a new line.
    """
    first = store.read(held.stream)[0]
    return f"{held.stream}@{first.at.isoformat()}"


def _metadata(target: Slice, held: Claim, origin: Origin) -> dict[str, object]:
    return {
        "token": held.token,
        "table": str(target.ref),
        "window": target.window,
        "part": target.part_value,
        "as_of": held.as_of.isoformat(),
        "run_id": held.run_id,
        "code_version": origin.code_version,
        "inputs": [version.model_dump(mode="json") for version in origin.inputs],
    }
