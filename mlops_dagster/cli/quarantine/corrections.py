"""Corrections as the command line and CSV files write them."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlops_dagster.automation.release import RowRequest
from mlops_dagster.errors import CorrectionRefused

ROW_COLUMN = "row"
# As in text dumps of databases: an empty cell leaves a value as it is.
NULL_CELL = r"\N"


def assignments(values: Iterable[str], nulls: Iterable[str]) -> Mapping[str, str | None]:
    """Return the columns of `--set column=value` and `--null column`.

    Raises:
        CorrectionRefused: A text is no assignment, or a column is named twice.
    """
    found: dict[str, str | None] = {}
    for text in values:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise CorrectionRefused(
                "this says no value", where="--set", expected="column=value", found=f"'{text}'"
            )
        _put(found, name.strip(), value, where="--set")
    for name in nulls:
        _put(found, name, None, where="--null")
    return found


def read_corrections(path: Path) -> tuple[RowRequest, ...]:
    r"""Read a CSV file with a column `row` of ids and the columns to correct.

    An empty cell leaves the value, `\N` makes it null. Nothing in the file is ever evaluated.

    Raises:
        CorrectionRefused: The file is no such CSV; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if header.count(ROW_COLUMN) != 1 or len(set(header)) != len(header):
                raise CorrectionRefused(
                    "the first line names no rows to correct",
                    where=f"{path}:1",
                    expected=f"'{ROW_COLUMN}' and columns of the table, each once",
                    found=", ".join(header) or "nothing",
                )
            return tuple(
                _request(header, cells, where=f"{path}:{reader.line_num}")
                for cells in reader
                if any(cells)
            )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorrectionRefused(
            "the corrections cannot be read", where=str(path), found=str(error)
        ) from error


def _request(header: list[str], cells: list[str], *, where: str) -> RowRequest:
    if len(cells) != len(header):
        raise CorrectionRefused(
            "this line has another number of cells than the first one",
            where=where,
            expected=str(len(header)),
            found=str(len(cells)),
        )
    by_name = dict(zip(header, cells, strict=True))
    row = by_name.pop(ROW_COLUMN).strip()
    columns = {
        name: None if cell == NULL_CELL else cell for name, cell in by_name.items() if cell != ""
    }
    if not row or not columns:
        raise CorrectionRefused(
            "this line names no row" if not row else "this line corrects nothing", where=where
        )
    return RowRequest(row, columns)


def _put(found: dict[str, str | None], name: str, value: str | None, *, where: str) -> None:
    if name in found:
        raise CorrectionRefused(f"column '{name}' is given twice", where=where)
    found[name] = value
