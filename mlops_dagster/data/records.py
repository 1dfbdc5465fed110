"""Reading landing files on the client: their columns, how many records, the records as texts.

This is the independent count that Spark's reading is held against, and the only reading where the
server may not see paths.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from mlops_dagster.data.json_values import begins_with_object, is_array, json_text, json_values
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.text_files import open_text, text_lines
from mlops_dagster.errors import SourceError

# A longer field is an unclosed quote in all likelihood.
LONGEST_FIELD = 1_000_000
csv.field_size_limit(LONGEST_FIELD)
_SEPARATORS = (";", "\t", "|")


@dataclass(frozen=True)
class TextRecord:
    """A record as texts in the order of the columns asked for; `raw` is set if malformed."""

    values: tuple[str | None, ...]
    raw: str | None


@dataclass(frozen=True)
class FileScan:
    """What one reading of a file tells.

    Attributes:
        file: The file.
        columns: Names in the file's order; of JSON in the order of first appearance.
        records: How many records, malformed ones included.
        multiline: A record spans several lines.
        unfinished: A CSV file whose last line has no end: it may be cut off inside its last field.
        only_here: Spark may read a record otherwise than it stands, and call it whole.
    """

    file: LandingFile
    columns: tuple[str, ...]
    records: int
    multiline: bool
    unfinished: bool = False
    only_here: bool = False


def scan_file(file: LandingFile) -> FileScan:
    """Read a text file once and tell its columns and records.

    Raises:
        SourceError: It cannot be read: not UTF-8, a broken archive, a quote that is not closed, no
            header, names that repeat.
    """
    if file.form is Form.CSV:
        return _scan_csv(file)
    columns: dict[str, None] = {}
    records, objects, only_here = 0, 0, False
    for value in json_values(file):
        records += 1
        objects += isinstance(value, dict)
        only_here = only_here or begins_with_object(value)
        columns.update(dict.fromkeys(value if isinstance(value, dict) else ()))
    if records and not objects:
        raise SourceError(
            "no record is a JSON object",
            where=str(file),
            expected='{"column": value, ...} on each line, or an array of such objects',
            found=f"{records} records of another form",
            next_step="Deliver the file again; its name may promise another form than it has",
        )
    _check_names(file, list(columns))
    return FileScan(file, tuple(columns), records, multiline=is_array(file), only_here=only_here)


def read_records(file: LandingFile, columns: Sequence[str]) -> Iterator[TextRecord]:
    """Yield the records of a text file as texts, in the order of `columns`.

    Raises:
        SourceError: As `scan_file`.
    """
    if file.form is Form.CSV:
        yield from _csv_records(file, columns)
        return
    for value in json_values(file):
        if isinstance(value, dict):
            yield TextRecord(tuple(json_text(value.get(name)) for name in columns), None)
        else:
            yield TextRecord((None,) * len(columns), str(value))


@dataclass(frozen=True)
class _Row:
    """A record of a CSV file and the line that it ends on."""

    fields: list[str]
    lines: int


def _scan_csv(file: LandingFile) -> FileScan:
    with open_text(file) as text:
        lines = _Lines(file, text)
        rows = _csv_rows(file, lines)
        columns = _header(file, rows)
        records, multiline, only_here = 0, False, False
        for row in rows:
            records += not _is_blank(row.fields)
            if row.lines > 1:
                multiline = True
                # Spark makes one character of a CR LF inside quotes.
                only_here = only_here or any("\r" in field for field in row.fields)
    return FileScan(file, columns, records, multiline, not lines.ended, only_here)


def _csv_records(file: LandingFile, columns: Sequence[str]) -> Iterator[TextRecord]:
    with open_text(file) as text:
        rows = _csv_rows(file, _Lines(file, text))
        header = _header(file, rows)
        places = [header.index(name) if name in header else None for name in columns]
        for row in rows:
            fields = row.fields
            if _is_blank(fields):
                continue
            values = [
                fields[place] if place is not None and place < len(fields) else None
                for place in places
            ]
            raw = None if len(fields) == len(header) else _csv_line(fields)
            yield TextRecord(tuple(values), raw)


class _Lines:
    """The lines of a file, and whether the last one that was read had an end."""

    def __init__(self, file: LandingFile, text: TextIO) -> None:
        self._lines = text_lines(file, text)
        self.ended = True

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.ended = line.endswith(("\n", "\r"))
            yield line


def _csv_rows(file: LandingFile, lines: _Lines) -> Iterator[_Row]:
    """Yield records. Quotes that do not fit refuse the file: where they end nobody can tell."""
    # Not strict, a quote that is not closed swallows what follows without a word.
    reader = csv.reader(lines, strict=True)
    before = 0
    try:
        for fields in reader:
            yield _Row(fields, reader.line_num - before)
            before = reader.line_num
    except csv.Error as error:
        raise SourceError(
            "the file cannot be read as CSV",
            where=f"{file}:{before + 1}",
            expected="quotes that are closed before a comma or the line's end, doubled inside",
            found=str(error),
            next_step="Look for a quote that is not closed from that line on; if the file was cut "
            "off, deliver it again",
        ) from error


def _header(file: LandingFile, rows: Iterator[_Row]) -> tuple[str, ...]:
    first = next(rows, None)
    if first is None:
        raise SourceError(
            "the file is empty",
            where=str(file),
            expected="a first line with names",
            next_step="Deliver the file again; a batch without rows is the line of names alone",
        )
    names = first.fields
    if len(names) == 1 and any(mark in names[0] for mark in _SEPARATORS):
        raise SourceError(
            "the fields are not separated by commas",
            where=f"{file}:1",
            found=names[0][:80],
            next_step="Write the file with commas",
        )
    _check_names(file, names)
    return tuple(names)


def _check_names(file: LandingFile, names: Sequence[str]) -> None:
    """Refuse names that Spark cannot tell apart; it ignores case."""
    seen: dict[str, str] = {}
    for name in names:
        if not name.strip():
            raise SourceError("a column has no name", where=str(file), next_step="Give it one")
        if name.lower() in seen:
            raise SourceError(
                "two columns have one name",
                where=str(file),
                found=f"'{seen[name.lower()]}' and '{name}'",
                next_step="Rename one of them",
            )
        seen[name.lower()] = name


def _is_blank(fields: Sequence[str]) -> bool:
    return not fields or (len(fields) == 1 and not fields[0].strip())


def _csv_line(fields: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
