"""Events of deliveries: which files made a slice, which were set aside, which came too late.

Each says whether somebody had asked to be told of it when it was recorded (`tell`). What is told is
derived from that, so a process that is killed between the two loses nothing, and whoever begins to
ask is not told of the past.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.event import Event
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore, StoredEvent

Known = TypeVar("Known", bound=Event)


class DeliveryIngested(Event):
    """A delivery was published; what was set aside of its slice before is thereby put right.

    Attributes:
        token: The claim under which it was published.
        files: All files of the slice; copies of one content are here too, and counted once.
        late: Digests of those that came after the window had been published without them; none for
            a whole table, which is never late.
        tell: An alert is to tell of those.
    """

    kind: ClassVar[str] = "delivery_ingested"

    token: str
    files: tuple[DeliveredFile, ...] = ()
    late: tuple[str, ...] = ()
    tell: bool = False


class DeliverySetAside(Event):
    """A delivery was refused whole; nothing of it was published.

    Attributes:
        token: The claim under which it was refused.
        files: All files of the slice.
        kept: Digests of those that were copied into the folder `set_aside`.
        reason: What is wrong.
        differences: How its columns differ from the contract; empty when they are not the reason.
        problem: The reason in one sentence that quotes nothing of what was delivered.
        tell: An alert is to tell of it.
    """

    kind: ClassVar[str] = "delivery_set_aside"

    token: str
    files: tuple[DeliveredFile, ...] = ()
    kept: tuple[str, ...] = ()
    reason: str
    differences: tuple[str, ...] = ()
    problem: str = ""
    tell: bool = False


class DeliveryLate(Event):
    """Files of a slice changed after its window was open to them: told once, not ingested.

    Attributes:
        files: All files of the slice.
        late: Digests of those that its newest publication lacks.
        tell: An alert is to tell of those.
    """

    kind: ClassVar[str] = "delivery_late"

    files: tuple[DeliveredFile, ...]
    late: tuple[str, ...] = ()
    tell: bool = False


@dataclass(frozen=True)
class SliceDeliveries:
    """The newest event of each kind of a slice."""

    ref: TableRef
    window: str
    ingested: StoredEvent | None = None
    set_aside: StoredEvent | None = None
    late: StoredEvent | None = None

    @property
    def waiting(self) -> DeliverySetAside | None:
        """What was set aside, unless a later delivery was published."""
        return _newest_of(DeliverySetAside, self.set_aside, self.ingested)

    @property
    def too_late(self) -> DeliveryLate | None:
        """What came too late, unless the slice was built again since."""
        return _newest_of(DeliveryLate, self.late, self.ingested)

    @property
    def seen(self) -> tuple[DeliveredFile, ...] | None:
        """The files that the newest build saw, published or refused; None before the first."""
        looked = max(
            (one for one in (self.ingested, self.set_aside) if one is not None),
            key=lambda one: one.seq,
            default=None,
        )
        if looked is None or not isinstance(looked.event, DeliveryIngested | DeliverySetAside):
            return None
        return looked.event.files

    @property
    def seq(self) -> int:
        """The number of the newest event."""
        found = (self.ingested, self.set_aside, self.late)
        return max((one.seq for one in found if one is not None), default=0)


def delivery_stream(ref: TableRef, window: str) -> str:
    """Return the stream of a slice's deliveries."""
    return f"{delivery_prefix(ref)}{window}"


def delivery_prefix(ref: TableRef) -> str:
    """Return what the streams of a table's deliveries start with; a window follows."""
    return f"delivery/{ref}/"


def slice_deliveries(store: EventStore, ref: TableRef) -> Mapping[str, SliceDeliveries]:
    """Return what is known of the deliveries of a table, by window. Costs three queries."""
    prefix = delivery_prefix(ref)
    kinds = {
        name: store.last_of_kind(prefix, event.kind)
        for name, event in (
            ("ingested", DeliveryIngested),
            ("set_aside", DeliverySetAside),
            ("late", DeliveryLate),
        )
    }
    streams = sorted({stream for found in kinds.values() for stream in found})
    return {
        stream.removeprefix(prefix): SliceDeliveries(
            ref=ref,
            window=stream.removeprefix(prefix),
            **{name: found.get(stream) for name, found in kinds.items()},
        )
        for stream in streams
    }


def record_ingested(
    store: EventStore,
    ref: TableRef,
    window: str,
    files: Iterable[DeliveredFile],
    held: Claim,
    *,
    files_expected: bool = True,
    tells_late: bool = False,
) -> None:
    """Record which files a publication was made of; of a source only that it is put right.

    The same files again are no news.

    Args:
        store: The event store.
        ref: The table.
        window: The window's key; `static` for a static table.
        files: All files of the slice.
        held: The claim under which it was published.
        files_expected: The table is one of files.
        tells_late: Somebody asks to be told of files that come late.
    """
    stream, made_of = delivery_stream(ref, window), tuple(files)
    before = store.read(stream)
    if not before:
        if not made_of and not files_expected:
            return
    elif isinstance(before[-1].event, DeliveryIngested) and before[-1].event.files == made_of:
        return
    late = () if window == STATIC else _late(made_of, before)
    event = DeliveryIngested(
        token=held.token, files=made_of, late=late, tell=tells_late and bool(late)
    )
    store.append_next(stream, event, as_of=held.as_of, run_id=held.run_id)
    crash_point(CrashPoint.DELIVERY_RECORDED, stream)


def _late(files: Iterable[DeliveredFile], before: Iterable[StoredEvent]) -> tuple[str, ...]:
    """Return the contents that no earlier publication had; none where there was no publication."""
    published = [one.event for one in before if isinstance(one.event, DeliveryIngested)]
    known = {file.digest for event in published for file in event.files}
    digests = dict.fromkeys(file.digest for file in files)
    return tuple(one for one in digests if published and one not in known)


def _newest_of(
    kind: type[Known], one: StoredEvent | None, other: StoredEvent | None
) -> Known | None:
    if one is None or (other is not None and other.seq > one.seq):
        return None
    return one.event if isinstance(one.event, kind) else None
