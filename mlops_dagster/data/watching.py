"""How files of the landing folder stand to what was ingested: what a sensor decides by.

A file is told by its content. Names, order and copies do not count, so a delivery that is made
again changes nothing; a file that changed re-opens its window as long as its lateness lasts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from mlops_dagster.data.delivery_events import SliceDeliveries
from mlops_dagster.data.file_digests import DeliveredFile, content_of, delivered, is_as_before
from mlops_dagster.data.file_index import FileIndex
from mlops_dagster.data.landing import LandingFile, existing_files
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.workspace import ResolvedTable

# A file that was written to so recently may not be whole.
SETTLED_AFTER = timedelta(seconds=10)


class State(str, Enum):
    """How the files of a slice stand to what its newest build saw."""

    MISSING = "missing"
    UNSETTLED = "unsettled"
    NEW = "new"
    SAME = "same"
    CHANGED = "changed"


@dataclass(frozen=True)
class Look:
    """The files of a slice.

    Attributes:
        state: How they stand.
        files: What they are, where they are settled.
        new: Digests of those that its newest build did not see.
        unknown: Those of them whose size and time no event tells.
        unread: Whether no run has found out yet which windows they have rows of.
        seen_seq: The newest event of the slice's deliveries when they were looked at.
    """

    state: State
    files: tuple[DeliveredFile, ...] = ()
    new: tuple[str, ...] = ()
    unknown: tuple[DeliveredFile, ...] = ()
    unread: bool = False
    seen_seq: int = 0

    @property
    def key(self) -> str:
        """Names what is to be ingested after what was: the same again asks for nothing."""
        return f"{self.seen_seq}-{content_of(self.files)[:16]}"


def look_at(
    table: ResolvedTable,
    window: str,
    *,
    landing: Path,
    known: SliceDeliveries | None,
    now: datetime,
    told: Mapping[str, DeliveredFile],
    remembered: Mapping[str, DeliveredFile],
    index: FileIndex | None = None,
    reads_new: bool = False,
) -> Look:
    """Look at the files of a slice.

    Files that were taken away are no change, unless the slice was refused with them.
    Cost: asks for size and time of each; reads those that changed since they were looked at last.

    Args:
        table: A table of files.
        window: The window's key; `static` for a static table.
        landing: The landing folder.
        known: What is known of the slice's deliveries.
        now: The present instant: files that were written to just now are left for the next look.
        told: Files by path as the runs of any slice of the table saw them.
        remembered: Files by path as the sensor looked at them before.
        index: Of a table whose files hold rows of several windows: which windows each has.
        reads_new: The run of this window is to find that out of files that are not in the index.
    """
    files = existing_files(landing, table.spec.files or "", window)
    if not files:
        return Look(State.MISSING)
    try:
        found = tuple(_looked_at(file, landing, [told, remembered], now=now) for file in files)
    except (_Unsettled, SourceError, OSError):
        # One that went away, or is written to just now, is looked at again.
        return Look(State.UNSETTLED)
    mine, unread = found, False
    if index is not None:
        mine, unread = _files_of(window, found, index, reads_new=reads_new)
    return Look(
        _state(known, mine, everything=found),
        mine,
        new=_new(known, mine),
        unknown=tuple(one for one in found if told.get(one.path) != one),
        unread=unread,
        seen_seq=0 if known is None else known.seq,
    )


def takes(
    table: ResolvedTable, window: str, known: SliceDeliveries | None, *, now: datetime
) -> bool:
    """Tell whether a change of a window's files is still taken in without being asked for.

    One that puts right what was refused always is: the window still waits for it.
    """
    if table.calendar is None or (known is not None and known.waiting is not None):
        return True
    lateness = timedelta(0) if table.spec.lateness is None else table.spec.lateness.elapsed
    return now <= table.calendar.as_of_close(window) + lateness


def is_told(known: SliceDeliveries | None, look: Look) -> bool:
    """Tell whether it was recorded already that these files came too late."""
    late = None if known is None else known.too_late
    return late is not None and content_of(late.files) == content_of(look.files)


class _Unsettled(Exception):
    """A file was written to just now."""


def _looked_at(
    file: LandingFile,
    landing: Path,
    before: Sequence[Mapping[str, DeliveredFile]],
    *,
    now: datetime,
) -> DeliveredFile:
    path = file.path.relative_to(landing).as_posix()
    for known in before:
        one = known.get(path)
        if one is not None and is_as_before(file.path, one):
            return one
    if now.timestamp() - file.path.stat().st_mtime < SETTLED_AFTER.total_seconds():
        raise _Unsettled
    return delivered(file, landing)


def _files_of(
    window: str, found: tuple[DeliveredFile, ...], index: FileIndex, *, reads_new: bool
) -> tuple[tuple[DeliveredFile, ...], bool]:
    """Return the files that hold rows of a window, and whether new ones are to be read for it."""
    new = [one for one in found if not index.has(one.digest)]
    unread = reads_new and bool(new)
    mine = {one for one in found if one not in new and index.belongs(one.digest, window)}
    return tuple(one for one in found if one in mine or (unread and one in new)), unread


def _state(
    known: SliceDeliveries | None,
    mine: Sequence[DeliveredFile],
    *,
    everything: Sequence[DeliveredFile],
) -> State:
    if known is None or known.seen is None:
        return State.NEW
    # What was refused was refused with all files of the folder.
    looked = mine if known.waiting is None else everything
    return State.CHANGED if _is_changed(known, known.seen, looked) else State.SAME


def _new(known: SliceDeliveries | None, found: Sequence[DeliveredFile]) -> tuple[str, ...]:
    """Return the contents that the newest build did not see."""
    seen = () if known is None else known.seen or ()
    before = {one.digest for one in seen}
    return tuple(dict.fromkeys(one.digest for one in found if one.digest not in before))


def _is_changed(
    known: SliceDeliveries, seen: Sequence[DeliveredFile], found: Sequence[DeliveredFile]
) -> bool:
    if known.waiting is not None:
        return content_of(seen) != content_of(found)
    return bool(_new(known, found))
