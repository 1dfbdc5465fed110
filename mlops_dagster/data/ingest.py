"""Tables of files: the files of a slice, held against the contract, as typed rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.data.contracts import (
    check_found,
    check_row_number,
    with_row_number,
    without_row_number,
)
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.evolution import divided, grown_contract, with_missing
from mlops_dagster.data.file_digests import DeliveredFile, check_digest, delivered, each_once
from mlops_dagster.data.inference import infer_contract
from mlops_dagster.data.landing import Form, LandingFile, find_all_files, find_files
from mlops_dagster.data.parquet_files import count_parquet, parquet_types
from mlops_dagster.data.reading_files import RowNumbers, parquet_rows, text_rows
from mlops_dagster.data.records import scan_file
from mlops_dagster.data.splitting import Share, own_rows, shares_of
from mlops_dagster.data.typed import text_counts, typed_rows
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation, SourceError
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.folding import fold

# Fewer unreadable texts than this may be bad rows; so many without one good one are another column.
_ENOUGH_TEXTS = 10


def ingest(
    session: SparkSession,
    *,
    table: ResolvedTable,
    window: str,
    landing: Path,
    contract: Contract | None,
    by_path: bool,
    store: EventStore,
    held: Claim,
) -> Delivery:
    """Return the rows of a table's files for one slice.

    A file that is there several times counts once. Every record becomes a row: one that is
    malformed, or has a text that its column's type cannot hold, is marked unreadable and keeps its
    text. The number of records comes from a reading of the files on the client, apart from Spark's.

    Args:
        session: A Spark session.
        table: A table of kind `files`.
        window: The window's key; `static` for a static table.
        landing: The landing folder, on this machine.
        contract: The table's columns; None to infer them from all its files.
        by_path: The server may read the files itself; else they are uploaded.
        store: Where it is kept which windows files have rows of, with `window_by`.
        held: The claim of the run.

    Raises:
        SourceError: A file is missing or cannot be read.
        ContractViolation: A file's columns are not the contract's.
    """
    pattern = table.spec.files
    if pattern is None:
        raise ValueError(f"{table.ref} is not made from files")
    pairs, digests = _each_content_once(landing, pattern, window)
    agreed = _agreed(table, contract, [file for file, _ in pairs], landing=landing)
    _check_one_form([file for file, _ in pairs], where=f"{table.ref} {window}")
    shares: Mapping[LandingFile, Share] | None = None
    if table.spec.window_by is not None:
        shares = shares_of(table, pairs, window, agreed=agreed, store=store, held=held)
        digests = tuple(one for one in digests if one.digest in _contents(shares))
    files = _files_to_read([file for file, _ in pairs], shares)
    is_text = files[0].form is not Form.PARQUET
    number = table.spec.row_number
    promised = without_row_number(agreed, number)
    read, records = _read_texts if is_text else _read_parquet, 0
    pieces: list[_Piece] = []
    for file in files:
        numbers = None if number is None else RowNumbers(number, first=records + 1)
        piece = read(session, file, promised, by_path=by_path, numbers=numbers)
        if shares is not None:
            piece = _share_of(piece, table, shares.get(file), window, agreed=agreed)
        pieces.append(piece)
        records += piece.records
    rows = fold(DataFrame.unionByName, [piece.rows for piece in pieces])
    if is_text:
        frame = typed_rows(rows, agreed.types, nulls=table.spec.nulls, row_number=number)
    else:
        frame = rows.select(*(quote(name) for name in agreed.types))
    return Delivery(
        frame=frame,
        contract=agreed,
        contract_is_new=contract is None,
        contract_grew=contract is not None and agreed.types.keys() != contract.types.keys(),
        records=records,
        files=digests,
        texts=rows if is_text else None,
        unfinished=tuple(
            file.path.name for file, piece in zip(files, pieces, strict=True) if piece.unfinished
        ),
    )


def check_types(table: ResolvedTable, delivery: Delivery) -> None:
    """Raise when not one text of a column fits its type: the column changed, not its rows.

    Cost: one query over the files; asked only when rows are unreadable.

    Raises:
        ContractViolation: Names the columns with an example.
    """
    if delivery.texts is None:
        return
    types = without_row_number(delivery.contract, table.spec.row_number).types
    wrong = [
        f"column '{name}' should be {types[name]}, but none of {texts} texts is; one is '{example}'"
        for name, texts, unread, example in text_counts(
            delivery.texts, types, nulls=table.spec.nulls
        )
        if texts == unread >= _ENOUGH_TEXTS
    ]
    if wrong:
        raise ContractViolation(
            "; ".join(wrong),
            where=str(table.ref),
            next_step="Correct the source, or change the contract file and review what reads it",
        )


def _each_content_once(
    landing: Path, pattern: str, window: str
) -> tuple[list[tuple[LandingFile, DeliveredFile]], tuple[DeliveredFile, ...]]:
    """Return the files to read, each content once, and what all that are there hold."""
    found = find_files(landing, pattern, window)
    digests = tuple(delivered(file, landing) for file in found)
    for file, one in zip(found, digests, strict=True):
        check_digest(file, one.digest)
    once = {one.path for one in each_once(digests)}
    pairs = [(file, one) for file, one in zip(found, digests, strict=True) if one.path in once]
    return pairs, digests


def _agreed(
    table: ResolvedTable, contract: Contract | None, files: list[LandingFile], *, landing: Path
) -> Contract:
    """Return the contract that the files are read by: inferred where there is none, or grown."""
    if contract is None:
        every = find_all_files(landing, table.spec.files or "")
        inferred = infer_contract(table.ref, every, nulls=table.spec.nulls)
        return with_row_number(inferred, table.spec.row_number)
    return contract if table.spec.evolve is None else grown_contract(table, contract, files)


def _check_one_form(files: list[LandingFile], *, where: str) -> None:
    if len({file.form is Form.PARQUET for file in files}) > 1:
        raise SourceError(
            "texts and Parquet cannot be one batch",
            where=where,
            found=", ".join(file.path.name for file in files[:10]),
            next_step="Deliver them as two tables",
        )


def _files_to_read(
    files: list[LandingFile], shares: Mapping[LandingFile, Share] | None
) -> list[LandingFile]:
    """Return the files with rows of the window; of one without rows, one file for its columns."""
    if shares is None:
        return files
    return list(shares) or [min(files, key=lambda file: file.path.stat().st_size)]


@dataclass(frozen=True)
class _Piece:
    """The rows of one file, how many records it has, and whether its last line has no end."""

    rows: DataFrame
    records: int
    unfinished: bool = False


def _share_of(
    piece: _Piece,
    table: ResolvedTable,
    share: Share | None,
    window: str,
    *,
    agreed: Contract,
) -> _Piece:
    """Return what a window takes of a file."""
    if share is None:
        return replace(piece, rows=piece.rows.limit(0), records=0)
    rows = own_rows(piece.rows, table, share, window, agreed=agreed)
    return replace(piece, rows=rows, records=share.records)


def _contents(shares: Mapping[LandingFile, Share]) -> frozenset[str]:
    return frozenset(share.delivered.digest for share in shares.values())


def _read_texts(
    session: SparkSession,
    file: LandingFile,
    contract: Contract,
    *,
    by_path: bool,
    numbers: RowNumbers | None,
) -> _Piece:
    scan = scan_file(file)
    check_row_number(None if numbers is None else numbers.column, scan.columns, where=str(file))
    found: dict[str, str | None] = dict.fromkeys(scan.columns)
    # JSON without records has no names to compare.
    if scan.records or file.form is Form.CSV:
        check_found(contract, found, where=str(file))
    there, lacks = divided(contract, scan.columns)
    rows = text_rows(session, scan, list(there.types), by_path=by_path, numbers=numbers)
    rows = with_missing(rows, dict.fromkeys(lacks, "string"))
    return _Piece(rows, scan.records, scan.unfinished)


def _read_parquet(
    session: SparkSession,
    file: LandingFile,
    contract: Contract,
    *,
    by_path: bool,
    numbers: RowNumbers | None,
) -> _Piece:
    types = dict(parquet_types(file))
    check_row_number(None if numbers is None else numbers.column, types, where=str(file))
    check_found(contract, types, where=str(file), widen=True)
    there, lacks = divided(contract, types)
    rows = parquet_rows(session, file, there, by_path=by_path, numbers=numbers)
    rows = with_missing(rows, lacks)
    return _Piece(rows, count_parquet(file))
