"""Which windows files have rows of, as runs have found it out; read from the event store alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.event import Event
from mlops_dagster.state.store import EventStore


class FileIndexed(Event):
    """The records of a file, by the windows that their times lie in.

    Attributes:
        digest: SHA-256 of the file.
        read_as: How times were read: column, type and calendar; under others it is read again.
        records: Number of records of each window.
        home: The newest of these windows, which takes the records without a place of their own.
        homeless: Number of records without a readable time inside the calendar.
    """

    kind: ClassVar[str] = "file_indexed"

    digest: str
    read_as: str
    records: dict[str, int]
    home: str
    homeless: int

    def of(self, window: str) -> int:
        """Return how many records a window takes."""
        return self.records.get(window, 0) + (self.homeless if window == self.home else 0)


@dataclass(frozen=True)
class FileIndex:
    """What is known of the files of a table, by digest."""

    ref: TableRef
    files: Mapping[str, FileIndexed]

    @classmethod
    def of(cls, store: EventStore, ref: TableRef) -> "FileIndex":
        """Read the index of a table from the event store."""
        events = (stored.event for stored in store.read(index_stream(ref)))
        return cls(ref, {one.digest: one for one in events if isinstance(one, FileIndexed)})

    def has(self, digest: str) -> bool:
        """Tell whether a file was read before."""
        return digest in self.files

    def belongs(self, digest: str, window: str) -> bool:
        """Tell whether a file that was read before has records for a window."""
        return self.files[digest].of(window) > 0


def index_stream(ref: TableRef) -> str:
    """Return the stream of the files of a table."""
    return f"file/{ref}"
