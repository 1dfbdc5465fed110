"""The part of a table's files that belongs to a window, where files hold rows of several."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.data.delivery import RAW
from mlops_dagster.data.delta_source import literal, within
from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.data.file_index import FileIndex
from mlops_dagster.data.file_windows import indexed
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.typed import read_text
from mlops_dagster.data.window_bounds import Bounds, bounds_of
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore


@dataclass(frozen=True)
class Share:
    """What a window takes of a file.

    Attributes:
        file: The file.
        delivered: What it is.
        records: How many of its records, as counted by a reading of the file on the client.
        is_home: The window also takes the file's records that have no place of their own.
    """

    file: LandingFile
    delivered: DeliveredFile
    records: int
    is_home: bool


def shares_of(
    table: ResolvedTable,
    files: Sequence[tuple[LandingFile, DeliveredFile]],
    window: str,
    *,
    agreed: Contract,
    store: EventStore,
    held: Claim,
) -> dict[LandingFile, Share]:
    """Return the files that have records for a window; new ones are read once for all windows.

    Raises:
        SourceError: A file cannot be read, or has no record inside the calendar.
        ContractViolation: The contract lacks the column of time.
    """
    kind = _kind(table, agreed)
    index = FileIndex.of(store, table.ref)
    shares = []
    for file, delivered in files:
        found = indexed(table, file, delivered, kind=kind, index=index, store=store, held=held)
        shares.append(Share(file, delivered, found.of(window), found.home == window))
    return {share.file: share for share in shares if share.records}


def own_rows(
    rows: DataFrame, table: ResolvedTable, share: Share, window: str, *, agreed: Contract
) -> DataFrame:
    """Return the rows of a file that belong to a window.

    Args:
        rows: Records of a text file as texts with RAW beside them, or rows of a Parquet file.
        table: A table with `window_by`.
        share: What the window takes of the file.
        window: The window's key.
        agreed: The table's columns.
    """
    calendar, column = table.calendar, table.spec.window_by
    if calendar is None or column is None:
        raise ValueError(f"{table.ref} has no windows by a column")
    kind = _kind(table, agreed)

    def bounds(key: str) -> Bounds:
        where = str(table.ref)
        return bounds_of(calendar, key, column=column, found=kind, agreed=kind, where=where)

    is_text = share.file.form is not Form.PARQUET
    time = _time(column, kind, table, is_text=is_text)
    mine = _true(within(time, bounds(window)), is_text=is_text)
    if not share.is_home:
        return rows.where(mine)
    first = bounds(calendar.first)
    anywhere = time >= literal(first.start, first)
    if calendar.last is not None:
        last = bounds(calendar.last)
        anywhere &= time < literal(last.end, last)
    return rows.where(mine | ~_true(anywhere, is_text=is_text))


def _kind(table: ResolvedTable, agreed: Contract) -> str:
    column = table.spec.window_by or ""
    if column not in agreed.types:
        raise ContractViolation(
            "there is no such column",
            where=f"{table.ref}.window_by",
            expected=f"one of {', '.join(agreed.types)}",
            found=column,
        )
    return agreed.types[column]


def _time(column: str, kind: str, table: ResolvedTable, *, is_text: bool) -> Column:
    found = F.col(quote(column))
    if not is_text:
        return found
    return read_text(F.when(~found.isin(["", *table.spec.nulls]), found), kind)


def _true(condition: Column, *, is_text: bool) -> Column:
    """Return a condition that is never null; a malformed record has no time, whatever it holds."""
    whole = F.col(RAW).isNull() if is_text else F.lit(True)
    return whole & F.coalesce(condition, F.lit(False))
