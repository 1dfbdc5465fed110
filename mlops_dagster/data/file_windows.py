"""Files whose rows belong to several windows: each is read once to find out which."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from mlops_dagster.data.correction_values import read
from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.data.file_index import FileIndex, FileIndexed, index_stream
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.parquet_files import parquet_errors
from mlops_dagster.data.records import read_records
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore
from mlops_dagster.windows import WindowCalendar

_BATCH = 50_000


class ReadAs(BaseModel):
    """How the times of a table's files are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    type: str
    grain: str
    first: str
    last: str | None
    time_zone: str


def indexed(
    table: ResolvedTable,
    file: LandingFile,
    delivered: DeliveredFile,
    *,
    kind: str,
    index: FileIndex,
    store: EventStore,
    held: Claim,
) -> FileIndexed:
    """Return the windows of a file, reading it where that was not done before.

    Args:
        table: A table of files with `window_by`.
        file: The file.
        delivered: What it is.
        kind: The type of the column of time in the contract.
        index: What is known.
        store: Where a new file is recorded.
        held: The claim of the run that reads it.

    Raises:
        SourceError: It cannot be read, or none of its records has a time inside the calendar.
    """
    calendar, column = table.calendar, table.spec.window_by
    if calendar is None or column is None:
        raise ValueError(f"{table.ref} has no windows by a column")
    read_as = _read_as(calendar, column, kind)
    known = index.files.get(delivered.digest)
    if known is not None and known.read_as == read_as:
        return known
    places = Counter(
        None if moment is None or (found := calendar.containing(moment)) is None else found.key
        for moment in _moments(table, file, column, kind, calendar)
    )
    homeless = places.pop(None, 0)
    records = {key: count for key, count in sorted(places.items()) if key is not None}
    if homeless and not records:
        raise SourceError(
            "no record of the file has a time in a window",
            where=str(file),
            expected=f"{kind} from {calendar.first} to {calendar.last or 'now'} in '{column}'",
            found=f"{homeless} records",
            next_step="Correct the file, or the windows of the use case",
        )
    event = FileIndexed(
        digest=delivered.digest,
        read_as=read_as,
        records=records,
        home=max(records, key=calendar.index, default=calendar.first),
        homeless=homeless,
    )
    store.append_next(index_stream(table.ref), event, as_of=held.as_of, run_id=held.run_id)
    return event


def _read_as(calendar: WindowCalendar, column: str, kind: str) -> str:
    return ReadAs(
        column=column,
        type=kind,
        grain=calendar.grain.value,
        first=calendar.first,
        last=calendar.last,
        time_zone=calendar.time_zone,
    ).model_dump_json()


def _moments(
    table: ResolvedTable, file: LandingFile, column: str, kind: str, calendar: WindowCalendar
) -> Iterator[datetime | None]:
    """Yield the instant of each record; None where it has none."""
    zone = ZoneInfo(calendar.time_zone)
    for value in _values(table, file, column, kind):
        if isinstance(value, datetime):
            # A time without an offset is meant in UTC, unless the contract says local time.
            naive = zone if kind == "timestamp_ntz" else timezone.utc
            moment = value if value.tzinfo is not None else value.replace(tzinfo=naive)
            yield moment.astimezone(timezone.utc)
        elif isinstance(value, date):
            yield datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(timezone.utc)
        else:
            yield None


def _values(table: ResolvedTable, file: LandingFile, column: str, kind: str) -> Iterator[object]:
    if file.form is Form.PARQUET:
        with parquet_errors(file):
            for batch in pq.ParquetFile(file.path).iter_batches(_BATCH, columns=[column]):
                yield from batch.column(0).to_pylist()
        return
    missing = {"", *table.spec.nulls}
    records = read_records(file, [column])
    while chunk := list(islice(records, _BATCH)):
        for record in chunk:
            text = record.values[0]
            if record.raw is not None or text is None or text in missing:
                yield None
                continue
            try:
                yield read(text, kind)
            except ValueError:
                yield None
