"""Tables of files: the files of a slice, held against the contract, as typed rows."""

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.data.contracts import (
    check_found,
    check_row_number,
    with_row_number,
    without_row_number,
)
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.inference import infer_contract, parquet_types
from mlops_dagster.data.landing import Form, LandingFile, find_all_files, find_files
from mlops_dagster.data.reading_files import RowNumbers, count_parquet, parquet_rows, text_rows
from mlops_dagster.data.records import scan_file
from mlops_dagster.data.typed import text_counts, typed_rows
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation, SourceError
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.workspace import ResolvedTable
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
) -> Delivery:
    """Return the rows of a table's files for one slice.

    Every record becomes a row: one that is malformed, or has a text that its column's type cannot
    hold, is marked unreadable and keeps its text. The number of records comes from a reading of the
    files on the client, apart from Spark's.

    Args:
        session: A Spark session.
        table: A table of kind `files`.
        window: The window's key; `static` for a static table.
        landing: The landing folder, on this machine.
        contract: The table's columns; None to infer them from all its files.
        by_path: The server may read the files itself; else they are uploaded.

    Raises:
        SourceError: A file is missing or cannot be read.
        ContractViolation: A file's columns are not the contract's.
    """
    pattern = table.spec.files
    if pattern is None:
        raise ValueError(f"{table.ref} is not made from files")
    files = find_files(landing, pattern, window)
    number = table.spec.row_number
    agreed = contract or with_row_number(
        infer_contract(table.ref, find_all_files(landing, pattern), nulls=table.spec.nulls), number
    )
    if len({file.form is Form.PARQUET for file in files}) > 1:
        raise SourceError("texts and Parquet cannot be one batch", where=str(table.ref))
    is_text = files[0].form is not Form.PARQUET
    read = _read_texts if is_text else _read_parquet
    promised, records, frames = without_row_number(agreed, number), 0, []
    for file in files:
        numbers = None if number is None else RowNumbers(number, first=records + 1)
        frame, count = read(session, file, promised, by_path=by_path, numbers=numbers)
        frames.append(frame)
        records += count
    rows = fold(DataFrame.unionByName, frames)
    if is_text:
        frame = typed_rows(rows, agreed.types, nulls=table.spec.nulls, row_number=number)
    else:
        frame = rows.select(*(quote(name) for name in agreed.types))
    return Delivery(
        frame=frame,
        contract=agreed,
        contract_is_new=contract is None,
        records=records,
        texts=rows if is_text else None,
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


def _read_texts(
    session: SparkSession,
    file: LandingFile,
    contract: Contract,
    *,
    by_path: bool,
    numbers: RowNumbers | None,
) -> tuple[DataFrame, int]:
    scan = scan_file(file)
    check_row_number(None if numbers is None else numbers.column, scan.columns, where=str(file))
    found: dict[str, str | None] = dict.fromkeys(scan.columns)
    # JSON without records has no names to compare.
    if scan.records or file.form is Form.CSV:
        check_found(contract, found, where=str(file))
    rows = text_rows(session, scan, list(contract.types), by_path=by_path, numbers=numbers)
    return rows, scan.records


def _read_parquet(
    session: SparkSession,
    file: LandingFile,
    contract: Contract,
    *,
    by_path: bool,
    numbers: RowNumbers | None,
) -> tuple[DataFrame, int]:
    types = dict(parquet_types(file))
    check_row_number(None if numbers is None else numbers.column, types, where=str(file))
    check_found(contract, types, where=str(file), widen=True)
    rows = parquet_rows(session, file, contract, by_path=by_path, numbers=numbers)
    return rows, count_parquet(file)
