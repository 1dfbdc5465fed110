"""Text files of the landing folder as lines: unpacked UTF-8 without NUL, or an error."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO, cast

from mlops_dagster.data.landing import LandingFile
from mlops_dagster.errors import SourceError

_AGAIN = "Deliver the file again: it was cut off or changed on its way"
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


@contextmanager
def open_text(file: LandingFile) -> Iterator[TextIO]:
    """Open a text file, unpacked, as UTF-8 with or without a mark at its start.

    Raises:
        SourceError: The file cannot be read.
    """
    try:
        with (
            _open_binary(file) as binary,
            io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text,
        ):
            yield text
    except UnicodeDecodeError as error:
        raise SourceError(
            "the file is not UTF-8",
            where=str(file),
            found=_first_wrong_byte(file),
            next_step="Save it as UTF-8",
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(
            "the file cannot be read", where=str(file), found=str(error), next_step=_AGAIN
        ) from error


def text_lines(file: LandingFile, text: TextIO) -> Iterator[str]:
    """Yield the lines of an open text file with their ends.

    Raises:
        SourceError: A line holds NUL, which no text does: it is UTF-16, or was never written whole.
    """
    for number, line in enumerate(text, start=1):
        if "\0" in line:
            raise SourceError(
                "the file holds the character NUL",
                where=f"{file}:{number}",
                expected="UTF-8 text",
                next_step="Save it as UTF-8 if it is UTF-16; else deliver it again: it was not "
                "written whole",
            )
        yield line


def _open_binary(file: LandingFile) -> BinaryIO:
    return cast(BinaryIO, gzip.open(file.path) if file.zipped else file.path.open("rb"))


def _first_wrong_byte(file: LandingFile) -> str:
    with _open_binary(file) as binary:
        for number, line in enumerate(binary, start=1):
            if number == 1 and line.startswith(_BYTE_ORDER_MARKS):
                return "the byte order mark of UTF-16"
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f"byte {line[error.start]:#04x} in line {number}"
    return "another encoding"
