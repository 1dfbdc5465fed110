"""What may be wrong with a delivered file, and what becomes of it."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from mlops_dagster_tests.bad_input.deliveries import (
    HEADER,
    csv_text,
    json_array,
    json_lines,
    orders,
    parquet,
)

AGAIN = "deliver it again"
CORRECT = "correct the source, or the contract"
RULE = "nothing, or correct the rows and deliver the file again"


@dataclass(frozen=True)
class FileFault:
    """A day's delivery with something wrong.

    Attributes:
        name: What is wrong, for the page.
        form: The form of the file; any table of this form takes it.
        content: The file of a day; None when it is not delivered.
        says: A part of the message of the run that fails; None when the run goes on.
        rows: Rows delivered, valid, quarantined, where the run goes on.
        rules: Rules that failed, where the run goes on.
        cure: What to do, for the page.
        beside: The digest that is delivered beside the file.
    """

    name: str
    form: str
    content: Callable[[str], bytes | None]
    says: str | None = None
    rows: tuple[int, int, int] | None = None
    rules: tuple[str, ...] = ()
    cure: str = AGAIN
    beside: Callable[[str], str] | None = None


def csv(change: Callable[[str], str]) -> Callable[[str], bytes]:
    """Return a day's CSV file with its text changed."""
    return lambda day: change(csv_text(day)).encode()


def lines(old: str, new: str) -> Callable[[str], bytes]:
    """Return a day's JSON lines with a text replaced."""
    return lambda day: json_lines(day).replace(old, new).encode()


def zipped(day: str) -> bytes:
    """Return a day's CSV file in gzip's form."""
    return gzip.compress(csv_text(day).encode(), mtime=0)


def flipped(data: bytes, place: int) -> bytes:
    """Return bytes with one bit of one of them changed."""
    return data[:place] + bytes([data[place] ^ 0x04]) + data[place + 1 :]


def on_every_line(text: str, change: Callable[[str], str]) -> str:
    """Return a text with each of its lines changed."""
    return "".join(f"{change(line)}\n" for line in text.splitlines())


_MISSING = [
    FileFault("a file is not delivered", "csv", lambda day: None, "there is no such file"),
    FileFault("CSV of no bytes", "csv", lambda day: b"", "the file is empty"),
    FileFault("an archive of no bytes", "gzip", lambda day: b"", "the file is empty"),
    FileFault("Parquet of no bytes", "parquet", lambda day: b"", "cannot be read as Parquet"),
    FileFault(
        "CSV of names alone: a window without rows",
        "csv",
        lambda day: HEADER.encode(),
        rows=(0, 0, 0),
        cure="nothing; a rule `row_count > 0` refuses such a window",
    ),
    FileFault(
        "an empty JSON array",
        "array",
        lambda day: b"[]",
        rows=(0, 0, 0),
        cure="nothing; a rule `row_count > 0` refuses such a window",
    ),
    FileFault(
        "JSON lines of no bytes",
        "lines",
        lambda day: b"",
        rows=(0, 0, 0),
        cure="nothing; a rule `row_count > 0` refuses such a window",
    ),
    FileFault(
        "Parquet without rows, its columns without types",
        "parquet",
        lambda day: parquet(orders(day).head(0)),
        rows=(0, 0, 0),
        cure="nothing; a rule `row_count > 0` refuses such a window",
    ),
]

_CUT_OFF = [
    FileFault(
        "CSV cut off inside a record",
        "csv",
        csv(lambda text: text[:-14]),
        rows=(4, 3, 1),
        rules=("lines_end", "readable"),
    ),
    FileFault(
        "CSV cut off inside its last field",
        "csv",
        csv(lambda text: text[:-2]),
        rows=(4, 4, 0),
        rules=("lines_end",),
        cure="look at the file's end; deliver a digest beside it to have such a file refused",
    ),
    FileFault(
        "CSV cut off inside quotes",
        "csv",
        csv(lambda text: text[:-7] + '"tow'),
        ".csv:5: the file cannot be read as CSV",
    ),
    FileFault(
        "an archive cut off", "gzip", lambda day: zipped(day)[:-20], "the file cannot be read"
    ),
    FileFault(
        "an archive cut off by its last bytes",
        "gzip",
        lambda day: zipped(day)[:-3],
        "the file cannot be read",
    ),
    FileFault(
        "JSON lines cut off",
        "lines",
        lambda day: json_lines(day)[:-12].encode(),
        rows=(4, 3, 1),
        rules=("readable",),
    ),
    FileFault(
        "a JSON array cut off",
        "array",
        lambda day: json_array(day)[:-20].encode(),
        "the file is not JSON",
    ),
    FileFault(
        "Parquet cut off at its end",
        "parquet",
        lambda day: parquet(orders(day))[:-20],
        "cannot be read as Parquet",
    ),
    FileFault(
        "Parquet cut off at its start",
        "parquet",
        lambda day: parquet(orders(day))[20:],
        "Spark cannot read the file",
    ),
    FileFault(
        "a file that is shorter than its digest says",
        "csv",
        csv(lambda text: text[:-38]),
        "the file is not the one that its digest was made of",
        beside=lambda day: hashlib.sha256(csv_text(day).encode()).hexdigest(),
    ),
]

_CHANGED_BYTES = [
    FileFault(
        "a changed digit, with a digest beside the file",
        "csv",
        csv(lambda text: text.replace("3.5", "7.5")),
        "the file is not the one that its digest was made of",
        beside=lambda day: f"{hashlib.sha256(csv_text(day).encode()).hexdigest()}  {day}.csv\n",
    ),
    FileFault(
        "a digest that is none",
        "csv",
        csv(lambda text: text),
        "this is no digest of a file",
        beside=lambda day: "to follow\n",
    ),
    FileFault(
        "a changed byte in an archive",
        "gzip",
        lambda day: flipped(zipped(day), 40),
        "the file cannot be read",
    ),
    FileFault(
        "no archive though its name says so",
        "gzip",
        lambda day: csv_text(day).encode(),
        "the file cannot be read",
    ),
    FileFault(
        "zeros after an archive",
        "gzip",
        lambda day: zipped(day) + b"\0" * 64,
        "Spark cannot read the file",
    ),
    FileFault(
        "a changed byte in a Parquet page with a checksum",
        "parquet",
        lambda day: flipped(parquet(orders(day)), parquet(orders(day)).index(b"town 2") + 5),
        "Spark cannot read the file",
    ),
    FileFault(
        "text that is named .parquet",
        "parquet",
        lambda day: csv_text(day).encode(),
        "cannot be read as Parquet",
    ),
    FileFault(
        "zeros where a file was not written to its end",
        "csv",
        lambda day: csv_text(day).encode() + b"\0" * 50,
        ".csv:6: the file holds the character NUL",
    ),
]

_ENCODING = [
    FileFault(
        "Latin-1",
        "csv",
        lambda day: csv_text(day).replace("town 3", "tówn 3").encode("latin-1"),
        "the file is not UTF-8, found byte 0xf3 in line 4",
        cure="save it as UTF-8",
    ),
    FileFault(
        "UTF-16",
        "csv",
        lambda day: csv_text(day).encode("utf-16"),
        "the file is not UTF-8, found the byte order mark of UTF-16",
        cure="save it as UTF-8",
    ),
    FileFault(
        "UTF-16 without its mark",
        "csv",
        lambda day: csv_text(day).encode("utf-16-le"),
        ".csv:1: the file holds the character NUL",
        cure="save it as UTF-8",
    ),
    FileFault(
        "UTF-16 in JSON lines",
        "lines",
        lambda day: json_lines(day).encode("utf-16"),
        "the file is not UTF-8",
        cure="save it as UTF-8",
    ),
    FileFault(
        "UTF-8 with its mark, lines that end with CR LF, a line break inside quotes",
        "csv",
        lambda day: (
            b"\xef\xbb\xbf"
            + csv_text(day).replace("town 3", '"to\nwn ""3"""').replace("\n", "\r\n").encode()
        ),
        rows=(4, 4, 0),
        cure="nothing",
    ),
]

_RECORDS = [
    FileFault(
        "a quote that is never closed",
        "csv",
        csv(lambda text: text.replace("town 2", '"town 2')),
        ".csv:3: the file cannot be read as CSV",
        cure="close the quote",
    ),
    FileFault(
        "two quotes that are not closed",
        "csv",
        csv(lambda text: text.replace("town 2", '"town 2').replace("town 4", '"town 4')),
        ".csv:3: the file cannot be read as CSV",
        cure="close the quotes",
    ),
    FileFault(
        "records with a field too many and too few",
        "csv",
        csv(lambda text: text.replace("town 2", "town 2,x").replace(",town 3", "")),
        rows=(4, 2, 2),
        rules=("readable",),
        cure=RULE,
    ),
    FileFault(
        "semicolons between fields",
        "csv",
        csv(lambda text: text.replace(",", ";")),
        "the fields are not separated by commas",
        cure="write it with commas",
    ),
    FileFault(
        "two objects on one line",
        "lines",
        lambda day: json_lines(day).replace("\n", " ", 1).encode(),
        rows=(3, 2, 1),
        rules=("readable",),
        cure=RULE,
    ),
    FileFault(
        "a key twice in an object, NaN, 2,000 brackets, half a surrogate pair",
        "lines",
        lambda day: (
            json_lines(day)
            .replace('"city": "town 1"', '"city": "a", "city": "b"')
            .replace("2.5", "NaN")
            .replace('"town 3"', "[" * 2000 + "]" * 2000)
            .encode()
            + b'{"number": 5, "city": "\\ud800"}\n'
        ),
        rows=(5, 1, 4),
        rules=("readable",),
        cure=RULE,
    ),
    FileFault(
        "a line that is no object",
        "lines",
        lambda day: (json_lines(day) + "5\n").encode(),
        rows=(5, 4, 1),
        rules=("readable",),
        cure=RULE,
    ),
    FileFault(
        "CSV that is named .jsonl",
        "lines",
        lambda day: csv_text(day).encode(),
        "no record is a JSON object",
    ),
    FileFault(
        "an array of numbers",
        "array",
        lambda day: b"[1, 2, 3]",
        "no record is a JSON object",
    ),
    FileFault(
        "two arrays in one file",
        "array",
        lambda day: (json_array(day) + json_array(day)).encode(),
        "the file is not JSON",
    ),
    FileFault(
        "the names once more between the rows",
        "csv",
        csv(lambda text: text + text.splitlines()[0] + "\n"),
        rows=(5, 4, 1),
        rules=("readable",),
        cure=RULE,
    ),
]

_COLUMNS = [
    FileFault(
        "a renamed column",
        "csv",
        csv(lambda text: text.replace("city", "cities", 1)),
        "2 differences from the contract of shop.bronze.{table}: column 'city' is missing "
        "(renamed to 'cities'?); column 'cities' is not in the contract",
        cure=CORRECT,
    ),
    FileFault(
        "a missing column",
        "csv",
        csv(lambda text: on_every_line(text, lambda line: line.rpartition(",")[0])),
        "1 difference from the contract of shop.bronze.{table}: column 'city' is missing",
        cure=CORRECT,
    ),
    FileFault(
        "a column more: a change of schema",
        "csv",
        csv(lambda text: on_every_line(text, lambda line: f"{line},x")),
        "column 'x' is not in the contract",
        cure=CORRECT,
    ),
    FileFault(
        "a column twice",
        "csv",
        csv(lambda text: text.replace("city", "Amount", 1)),
        "two columns have one name, found 'amount' and 'Amount'",
        cure="rename one of them",
    ),
    FileFault(
        "a text in a column of numbers",
        "csv",
        csv(lambda text: text.replace("2.5", "two")),
        rows=(4, 3, 1),
        rules=("readable",),
        cure=RULE,
    ),
    FileFault(
        "texts alone in a column of numbers",
        "csv",
        lambda day: (
            HEADER + "".join(f"{n},{day}T10:00:00-05:00,x{n},town\n" for n in range(12))
        ).encode(),
        "column 'amount' should be double, but none of 12 texts is; one is 'x0'",
        cure=CORRECT,
    ),
    FileFault(
        "a key that some objects name otherwise",
        "lines",
        lines('"city": "town 2"', '"town": "2"'),
        "column 'town' is not in the contract",
        cure=CORRECT,
    ),
    FileFault(
        "Parquet with a renamed column",
        "parquet",
        lambda day: parquet(orders(day).rename(columns={"city": "cities"})),
        "column 'city' is missing (renamed to 'cities'?)",
        cure=CORRECT,
    ),
    FileFault(
        "Parquet with a column of another type",
        "parquet",
        lambda day: parquet(orders(day).astype({"amount": "string"})),
        "column 'amount' should be double, is string",
        cure=CORRECT,
    ),
    FileFault(
        "Parquet with instants in nanoseconds",
        "parquet",
        lambda day: parquet(orders(day).astype({"at": "datetime64[ns]"})),
        rows=(4, 4, 0),
        cure="nothing",
    ),
    FileFault(
        "Parquet with a column of nulls alone",
        "parquet",
        lambda day: parquet(orders(day).assign(city=None)),
        rows=(4, 4, 0),
        cure="nothing",
    ),
]

_ROWS = [
    FileFault(
        "a row delivered twice",
        "csv",
        csv(lambda text: text + text.splitlines()[2] + "\n"),
        rows=(5, 3, 2),
        rules=("key_unique",),
        cure=RULE,
    ),
    FileFault(
        "rows of another window, and without a time",
        "csv",
        csv(lambda text: text + "8,2023-12-31T23:59:59-05:00,1.5,late\n" + "9,,1.5,never\n"),
        rows=(6, 4, 2),
        rules=("event_time_inside_window",),
        cure="deliver late rows in the file of their window, and run that window again",
    ),
    FileFault(
        "a number that is not one, and an infinite one",
        "csv",
        csv(lambda text: text.replace("2.5", "NaN").replace("3.5", "inf")),
        rows=(4, 4, 0),
        cure="nothing; a rule `not isnan(amount)` quarantines such rows",
    ),
]

FILE_FAULTS = (
    *_MISSING,
    *_CUT_OFF,
    *_CHANGED_BYTES,
    *_ENCODING,
    *_RECORDS,
    *_COLUMNS,
    *_ROWS,
)
