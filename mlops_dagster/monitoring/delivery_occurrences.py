"""What is to be told of the deliveries of a table: derived from what was recorded of them.

An occurrence has a name that says what was delivered, whoever delivers or runs it again. Which ones
are untold is what was recorded less what alerts tell of, so that whoever looks next tells what a
killed process did not.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mlops_dagster.data.delivery_events import (
    DeliveryIngested,
    DeliveryLate,
    DeliverySetAside,
    delivery_prefix,
    slice_deliveries,
)
from mlops_dagster.data.file_digests import DeliveredFile, content_of, each_once
from mlops_dagster.data.file_index import FileIndex
from mlops_dagster.data.watching import takes
from mlops_dagster.monitoring.alert_events import read_alerts
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster.state.store import EventStore

_DIGITS = 16


class What(str, Enum):
    """What became of a delivery that is to be told of."""

    REFUSED = "refused"
    TOO_LATE = "too_late"
    LATE = "late"

    @property
    def kind(self) -> AlertKind:
        """The kind of the alert that tells of it."""
        return AlertKind.DELIVERY_REFUSED if self is What.REFUSED else AlertKind.LATE_DATA


@dataclass(frozen=True)
class Occurrence:
    """One thing to tell of a window's deliveries, once.

    Attributes:
        what: What became of it.
        window: The window.
        files: The one file that came late, or all that were refused; none of a source.
        as_of: The instant of the run, or of the window for what no run takes in.
        problem: Why it was refused.
        differences: How its columns differ from the contract, where that is why.
    """

    what: What
    window: str
    files: tuple[DeliveredFile, ...]
    as_of: datetime
    problem: str = ""
    differences: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Names what was delivered for which window: the same again is no other occurrence."""
        said = "\n".join((content_of(self.files), self.problem, *self.differences))
        digest = hashlib.sha256(said.encode()).hexdigest()[:_DIGITS]
        return f"{self.what.value}|{self.window}|{digest}"


def occurrences(
    store: EventStore, ref: TableRef, wanted: Collection[AlertKind]
) -> tuple[Occurrence, ...]:
    """Return what is to be told of a table's deliveries, told or not, in the order of recording.

    Cost: at most three queries, whose answers are as long as there were refused and late ones.

    Args:
        store: The event store.
        ref: The table.
        wanted: Kinds of alerts that somebody asks for now; what was recorded when nobody did is
            never told.
    """
    kinds: list[tuple[str, int]] = []
    if AlertKind.DELIVERY_REFUSED in wanted:
        kinds.append((DeliverySetAside.kind, 0))
    if AlertKind.LATE_DATA in wanted:
        # The first event of a slice is no late publication.
        kinds += [(DeliveryLate.kind, 0), (DeliveryIngested.kind, 1)]
    prefix = delivery_prefix(ref)
    events = [event for kind, after in kinds for event in store.of_kind(prefix, kind, after=after)]
    return tuple(
        one
        for stored in sorted(events, key=lambda stored: stored.at)
        for one in _of_event(stored.stream.removeprefix(prefix), stored.event, stored.as_of)
    )


def untold(found: Iterable[Occurrence], told_of: Collection[str]) -> tuple[Occurrence, ...]:
    """Return the occurrences that no alert tells of, each once."""
    return tuple({one.name: one for one in found if one.name not in told_of}.values())


def has_untold(
    store: EventStore, ref: TableRef, wanted: Collection[AlertKind], *, now: datetime
) -> bool:
    """Tell whether there is something about a table to tell that no try has failed with.

    Arguments as `occurrences`; `now` is the present instant.
    """
    book = read_alerts(store, str(ref))
    if any(told.is_untried(now) for told in book.alerts.values()):
        return True
    return bool(untold(occurrences(store, ref, wanted), book.told_of))


def still_to_come(
    store: EventStore, table: ResolvedTable, found: Iterable[Occurrence], *, now: datetime
) -> Iterator[Occurrence]:
    """Yield what the windows bring that late files of any name re-open beside those found.

    One file may have rows of many windows. The first run that takes it in knows them all, and the
    sensor will ask for each of them, so that they can be told of at once.

    Args:
        store: The event store.
        table: The table.
        found: What is untold.
        now: The present instant, which decides which windows are still open to late files.
    """
    late = [one for one in found if one.what is What.LATE]
    if table.spec.window_by is None or not table.spec.watch or not late:
        return
    index = FileIndex.of(store, table.ref)
    for window, known in slice_deliveries(store, table.ref).items():
        published = None if known.ingested is None else known.ingested.event
        if not isinstance(published, DeliveryIngested) or not takes(table, window, known, now=now):
            continue
        has = {file.digest for file in published.files}
        for one in late:
            (file,) = one.files
            is_known = file.digest not in has and index.has(file.digest)
            if is_known and index.belongs(file.digest, window):
                yield Occurrence(What.LATE, window, one.files, one.as_of)


def _of_event(window: str, event: object, as_of: datetime) -> Iterator[Occurrence]:
    match event:
        case DeliverySetAside(tell=True):
            yield Occurrence(
                What.REFUSED,
                window,
                event.files,
                as_of,
                problem=event.problem,
                differences=event.differences,
            )
        case DeliveryLate(tell=True) | DeliveryIngested(tell=True):
            what = What.TOO_LATE if isinstance(event, DeliveryLate) else What.LATE
            for file in each_once(event.files):
                if file.digest in event.late:
                    yield Occurrence(what, window, (file,), as_of)
