"""Reading landing files on the client: their columns, how many records, the records as texts.

This is the independent count that Spark's reading is held against, and the only reading where the
server may not see paths.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.errors import SourceError

# A longer field is an unclosed quote in all likelihood.
LONGEST_FIELD = 1_000_000
csv.field_size_limit(LONGEST_FIELD)


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
    """

    file: LandingFile
    columns: tuple[str, ...]
    records: int
    multiline: bool


def scan_file(file: LandingFile) -> FileScan:
    """Read a text file once and tell its columns and records.

    Raises:
        SourceError: It cannot be read: not UTF-8, a broken archive, no header, names that repeat.
    """
    if file.form is Form.CSV:
        return _scan_csv(file)
    columns: dict[str, None] = {}
    records = 0
    for value in _json_values(file):
        records += 1
        columns.update(dict.fromkeys(value if isinstance(value, dict) else ()))
    _check_names(file, list(columns))
    return FileScan(file, tuple(columns), records, multiline=_is_array(file))


def read_records(file: LandingFile, columns: Sequence[str]) -> Iterator[TextRecord]:
    """Yield the records of a text file as texts, in the order of `columns`.

    Raises:
        SourceError: As `scan_file`.
    """
    if file.form is Form.CSV:
        yield from _csv_records(file, columns)
        return
    for value in _json_values(file):
        if isinstance(value, dict):
            yield TextRecord(tuple(_json_text(value.get(name)) for name in columns), None)
        else:
            yield TextRecord((None,) * len(columns), str(value))


@contextmanager
def open_text(file: LandingFile) -> Iterator[TextIO]:
    """Open a text file, unpacked, as UTF-8 with or without a mark at its start.

    Raises:
        SourceError: The file cannot be read.
    """
    try:
        with (
            gzip.open(file.path) if file.zipped else file.path.open("rb") as binary,
            io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text,
        ):
            yield text
    except UnicodeDecodeError as error:
        raise SourceError(
            "the file is not UTF-8",
            where=str(file),
            found=f"byte {error.object[error.start]:#04x} at {error.start}",
            next_step="Save it as UTF-8",
        ) from error
    except csv.Error as error:
        raise SourceError(
            "the file cannot be read as CSV",
            where=str(file),
            found=str(error),
            next_step="Look for a quote that is not closed",
        ) from error
    except (OSError, EOFError) as error:
        raise SourceError("the file cannot be read", where=str(file), found=str(error)) from error


def _scan_csv(file: LandingFile) -> FileScan:
    with open_text(file) as text:
        reader = csv.reader(text)
        columns = _header(file, reader)
        records, multiline, line = 0, False, reader.line_num
        for fields in reader:
            records += not _is_blank(fields)
            multiline = multiline or reader.line_num > line + 1
            line = reader.line_num
    return FileScan(file, columns, records, multiline)


def _csv_records(file: LandingFile, columns: Sequence[str]) -> Iterator[TextRecord]:
    with open_text(file) as text:
        reader = csv.reader(text)
        header = _header(file, reader)
        places = [header.index(name) if name in header else None for name in columns]
        for fields in reader:
            if _is_blank(fields):
                continue
            values = [
                fields[place] if place is not None and place < len(fields) else None
                for place in places
            ]
            raw = None if len(fields) == len(header) else _csv_line(fields)
            yield TextRecord(tuple(values), raw)


def _header(file: LandingFile, reader: "Iterator[list[str]]") -> tuple[str, ...]:
    for names in islice(reader, 1):
        _check_names(file, names)
        return tuple(names)
    raise SourceError("the file is empty", where=str(file), expected="a first line with names")


def _check_names(file: LandingFile, names: Sequence[str]) -> None:
    """Refuse names that Spark cannot tell apart; it ignores case."""
    seen: dict[str, str] = {}
    for name in names:
        if not name.strip():
            raise SourceError("a column has no name", where=str(file))
        if name.lower() in seen:
            raise SourceError(
                "two columns have one name",
                where=str(file),
                found=f"'{seen[name.lower()]}' and '{name}'",
            )
        seen[name.lower()] = name


def _is_blank(fields: Sequence[str]) -> bool:
    return not fields or (len(fields) == 1 and not fields[0].strip())


def _csv_line(fields: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def _is_array(file: LandingFile) -> bool:
    with open_text(file) as text:
        for line in text:
            if line.strip():
                return line.lstrip().startswith("[")
    return False


def _json_values(file: LandingFile) -> Iterator[object]:
    """Yield the values of a JSON array, or of each line; the line itself where it is no object."""
    if _is_array(file):
        with open_text(file) as text:
            whole = text.read()
        try:
            values = _loads(whole)
        except ValueError as error:
            raise SourceError("the file is not JSON", where=str(file), found=str(error)) from error
        if isinstance(values, list):
            yield from values
        return
    with open_text(file) as text:
        for line in text:
            if not line.strip():
                continue
            try:
                value = _loads(line)
            except ValueError:
                value = None
            yield value if isinstance(value, dict) else line.rstrip("\r\n")


def _loads(text: str) -> object:
    # Numbers stay the text they were, so that nothing is rounded before its type is known.
    return json.loads(text, parse_float=_Number, parse_int=_Number)


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def _json_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _dumps(value)


def _dumps(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{_dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_dumps(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
