"""Files of the landing folder: which belong to a slice, and what form they have."""

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from mlops_dagster.errors import SourceError, nearest_name
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.table_sources import ENDINGS, PARQUET_ENDING, TEXT_ENDINGS

_WINDOW = "{window}"


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


def find_all_files(landing: Path, files: str) -> tuple[LandingFile, ...]:
    """Return the files of all windows that are in the landing folder.

    Raises:
        SourceError: As `find_files`.
    """
    return _existing(landing, files.replace(_WINDOW, "*"))


def _existing(landing: Path, written: str) -> tuple[LandingFile, ...]:
    parts = PurePosixPath(written)
    if parts.is_absolute() or ".." in parts.parts:
        raise SourceError("files lie below the landing folder", where=written)
    found = sorted(path for path in landing.glob(written) if not path.name.startswith((".", "_")))
    below = [path for folder in found if folder.is_dir() for path in sorted(folder.iterdir())]
    paths = [path for path in found if path.is_file()]
    paths += [path for path in below if path.is_file() and not path.name.startswith((".", "_"))]
    if not paths:
        folder = (landing / written).parent
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        raise SourceError(
            "there is no such file",
            where=str(landing / written),
            found=f"{len(names)} other files in the folder"
            if folder.is_dir()
            else "no such folder",
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
        )
    return LandingFile(path, form, zipped)
