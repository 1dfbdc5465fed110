"""The fence of a slice: of two writers the one that claimed last publishes, the other is told.

A slice is a window of a table, or a part of it (the rows of one model version among the
predictions). Its stream holds claims and publications. Publishing is a compare-and-swap on the
writer's own claim, so a publication is in the stream only if nobody claimed the slice since.
Readers pin the versions that publications name: what a superseded writer may have committed to the
table a moment too late is never read.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mlops_dagster.errors import StateConflict, SupersededWrite
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.event import Event
from mlops_dagster.state.store import EventStore, StoredEvent


class InputVersion(BaseModel):
    """One input of a slice: the table, the Delta version read and the digest of each window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: str
    delta_version: int
    windows: Mapping[str, str]


class SliceClaimed(Event):
    """A run began to write the slice."""

    kind: ClassVar[str] = "slice_claimed"

    token: str


class SlicePublished(Event):
    """The slice was replaced by a Delta commit.

    Attributes:
        token: The claim under which it was written.
        batch: Identity of the batch; quarantined rows carry it too.
        digest: Digest of the rows, the data version of the slice.
        rows: Number of rows.
        delta_version: Version of the table that this commit made.
        bytes: Size of the files added.
        code_version: Version of the code and rules that made the rows.
        inputs: What was read.
    """

    kind: ClassVar[str] = "slice_published"

    token: str
    batch: str
    digest: str
    rows: int
    delta_version: int
    bytes: int
    code_version: str
    inputs: tuple[InputVersion, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A writer's hold on a slice, as appended to its stream."""

    stream: str
    seq: int
    token: str
    as_of: datetime
    run_id: str


def slice_stream(ref: TableRef, window: str, part: str | None = None) -> str:
    """Return the stream of a slice: `slice/<table>/<window>`, `/<part>` if windows have parts."""
    stream = f"slice/{ref}/{window}"
    return stream if part is None else f"{stream}/{part}"


def new_token() -> str:
    """Return a token that no other writer has."""
    return uuid.uuid4().hex


def claim(
    store: EventStore,
    ref: TableRef,
    window: str,
    *,
    token: str,
    as_of: datetime,
    run_id: str,
    part: str | None = None,
) -> Claim:
    """Take the slice over from whoever holds it and return the hold."""
    stored = store.append_next(
        slice_stream(ref, window, part), SliceClaimed(token=token), as_of=as_of, run_id=run_id
    )
    return Claim(
        stream=stored.stream, seq=stored.seq, token=token, as_of=stored.as_of, run_id=run_id
    )


def ensure_holds(store: EventStore, held: Claim) -> None:
    """Return if the claim is still the newest; called right before the commit.

    Raises:
        SupersededWrite: Another run claimed the slice since.
    """
    if not still_holds(store, held):
        raise _superseded(held, store.last(held.stream))


def still_holds(store: EventStore, held: Claim) -> bool:
    """Tell whether the claim is still the newest of its slice."""
    last = store.last(held.stream, SliceClaimed.kind)
    return last is not None and last.seq == held.seq


def record_published(store: EventStore, held: Claim, publication: SlicePublished) -> StoredEvent:
    """Append the publication under its claim; calling again after a lost answer changes nothing.

    Raises:
        SupersededWrite: Another run claimed the slice since; this publication does not count.
    """
    if publication.token != held.token:
        raise ValueError(f"publication of token {publication.token} under claim {held.token}")
    try:
        return store.append(
            held.stream, held.seq, publication, as_of=held.as_of, run_id=held.run_id
        )
    except StateConflict as error:
        following = store.read(held.stream, after=held.seq)
        if following and following[0].event == publication:
            return following[0]
        raise _superseded(held, following[-1] if following else None) from error


def published(
    store: EventStore, ref: TableRef, window: str, part: str | None = None
) -> SlicePublished | None:
    """Return what is published of a slice, or None."""
    last = store.last(slice_stream(ref, window, part), SlicePublished.kind)
    return _publication(last) if last is not None else None


def published_windows(
    store: EventStore, ref: TableRef, part: str | None = None
) -> Mapping[str, SlicePublished]:
    """Return what is published of a table, by window (of one part, where windows have parts)."""
    return {
        window: publication
        for (window, found_part), publication in published_slices(store, ref).items()
        if found_part == part
    }


def published_slices(
    store: EventStore, ref: TableRef
) -> Mapping[tuple[str, str | None], SlicePublished]:
    """Return everything that is published of a table, by window and part."""
    prefix = f"slice/{ref}/"
    found: dict[tuple[str, str | None], SlicePublished] = {}
    for stream, stored in store.last_of_kind(prefix, SlicePublished.kind).items():
        window, _, part = stream.removeprefix(prefix).partition("/")
        found[window, part or None] = _publication(stored)
    return found


def slice_publications(
    store: EventStore, ref: TableRef
) -> Mapping[tuple[str, str | None], tuple[tuple[StoredEvent, SlicePublished], ...]]:
    """Return every publication of a table with its event, oldest first, by window and part."""
    prefix = f"slice/{ref}/"
    found: dict[tuple[str, str | None], tuple[tuple[StoredEvent, SlicePublished], ...]] = {}
    for stored in store.of_kind(prefix, SlicePublished.kind):
        window, _, part = stored.stream.removeprefix(prefix).partition("/")
        key = (window, part or None)
        found[key] = (*found.get(key, ()), (stored, _publication(stored)))
    return found


def published_tables(store: EventStore) -> frozenset[TableRef]:
    """Return the tables of which something was ever claimed or published."""
    prefix = "slice/"
    return frozenset(
        TableRef.parse(stream.removeprefix(prefix).partition("/")[0])
        for stream in store.streams(prefix)
    )


def _publication(stored: StoredEvent) -> SlicePublished:
    if not isinstance(stored.event, SlicePublished):
        raise TypeError(f"{stored.stream} #{stored.seq} is no readable publication")
    return stored.event


def _superseded(held: Claim, newer: StoredEvent | None) -> SupersededWrite:
    return SupersededWrite(
        "a newer run took over this slice; nothing was published by this one",
        where=held.stream,
        expected=f"claim #{held.seq} of run {held.run_id} to be the newest",
        found=f"'{newer.kind}' #{newer.seq} of run {newer.run_id}" if newer else "no claim at all",
        next_step="Nothing is to be done: the newer run publishes",
    )
