"""Files of the landing folder: which belong to a slice, and what form they have."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from mlops_dagster.errors import SourceError, nearest_name
from mlops_dagster.spec.check_files import ENDINGS, PARQUET_ENDING, TEXT_ENDINGS
from mlops_dagster.spec.refs import STATIC

_WINDOW = "{window}"
# Beside a file, with its SHA-256 as `sha256sum` writes it.
DIGEST_SUFFIX = ".sha256"


class Form(str, Enum):
    """How records stand in a file."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


# By the end of the name; `.gz` may follow the texts.
_FORMS = {
    **dict.fromkeys(TEXT_ENDINGS, Form.JSON),
    ".csv": Form.CSV,
    PARQUET_ENDING: Form.PARQUET,
}


@dataclass(frozen=True)
class LandingFile:
    """A file with records."""

    path: Path
    form: Form
    zipped: bool

    def __str__(self) -> str:
        return str(self.path)


def find_files(landing: Path, files: str, window: str) -> tuple[LandingFile, ...]:
    """Return the files of a slice, sorted by path.

    Args:
        landing: The landing folder.
        files: Path below it. `{window}` stands for the window's key; `*` in the last part, or a
            folder, makes several files one batch.
        window: The key; `static` for a static table.

    Raises:
        SourceError: There is no such file, or its name does not say its form.
    """
    written = files if window == STATIC else files.replace(_WINDOW, window)
    return _existing(landing, written)


def existing_files(landing: Path, files: str, window: str) -> tuple[LandingFile, ...]:
    """Return the files of a slice, sorted by path; empty when there is none.

    Files whose name does not say their form are left out.
    """
    written = files if window == STATIC else files.replace(_WINDOW, window)
    found = []
    for path in _paths(landing, written):
        with suppress(SourceError):
            found.append(_landing_file(path))
    return tuple(found)


def find_all_files(landing: Path, files: str) -> tuple[LandingFile, ...]:
    """Return the files of all windows that are in the landing folder.

    Raises:
        SourceError: As `find_files`.
    """
    return _existing(landing, files.replace(_WINDOW, "*"))


def _paths(landing: Path, written: str) -> list[Path]:
    parts = PurePosixPath(written)
    if parts.is_absolute() or ".." in parts.parts:
        raise SourceError(
            "files lie below the landing folder",
            where=written,
            next_step="Correct `files:`, or the environment's `landing:`",
        )
    found = sorted(path for path in landing.glob(written) if _is_data(path))
    below = [path for folder in found if folder.is_dir() for path in sorted(folder.iterdir())]
    return [path for path in (*found, *below) if path.is_file() and _is_data(path)]


def _existing(landing: Path, written: str) -> tuple[LandingFile, ...]:
    paths = _paths(landing, written)
    if not paths:
        parts = PurePosixPath(written)
        folder = (landing / written).parent
        names = (
            [path.name for path in folder.iterdir() if _is_data(path)] if folder.is_dir() else []
        )
        raise SourceError(
            "there is no such file",
            where=str(landing / written),
            found=_found(names) if folder.is_dir() else "no such folder",
            nearest=nearest_name(
                parts.name, [n for n in names if _digits(n) != _digits(parts.name)]
            ),
            next_step=(
                "Deliver the file (one without rows has its header alone), or correct `files:` or "
                "the environment's `landing:`"
            ),
        )
    return tuple(_landing_file(path) for path in paths)


def _digits(name: str) -> str:
    """Return a name with equal digits: those of other windows are no misspellings of this one."""
    return re.sub("[0-9]", "0", name)


def _is_data(path: Path) -> bool:
    """Tell marks of writers, hidden files and digests from files with records."""
    return not path.name.startswith((".", "_")) and path.suffix != DIGEST_SUFFIX


def _found(names: Sequence[str]) -> str:
    files = "file" if len(names) == 1 else "files"
    return f"{len(names)} other {files} in the folder"


def _landing_file(path: Path) -> LandingFile:
    zipped = path.suffix == ".gz"
    ending = path.with_suffix("").suffix if zipped else path.suffix
    form = _FORMS.get(ending)
    if form is None or (zipped and form is Form.PARQUET):
        raise SourceError(
            "the file's name does not say how to read it",
            where=str(path),
            expected=ENDINGS,
            found=path.name,
            next_step="Rename the file, or convert it",
        )
    return LandingFile(path, form, zipped)
