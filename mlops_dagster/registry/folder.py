"""Files of a bundle on disk: written whole, read without following links."""

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlops_dagster.errors import ModelRefused, StorageFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_folder(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write files into a new folder that appears complete or not at all; OSError if it exists.

    Raises:
        StorageFull: There is no room for them.
    """
    with room_for(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        writing = _draft_of(folder)
        writing.mkdir()
        try:
            for name, data in content.items():
                _write(writing / name, data)
            os.replace(writing, folder)
        except BaseException:
            shutil.rmtree(writing, ignore_errors=True)
            raise


def write_file(path: Path, data: bytes) -> None:
    """Write a file that appears complete or not at all, in place of an earlier one.

    Raises:
        StorageFull: There is no room for it.
    """
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        writing = _draft_of(path)
        try:
            _write(writing, data)
            os.replace(writing, path)
        except BaseException:
            writing.unlink(missing_ok=True)
            raise


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Tell a full disk or quota as StorageFull; other failures of the block pass unchanged."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise StorageFull(
            "There is no room for a file",
            where=str(path),
            found=error.strerror,
            next_step="Nothing half-written is left. Free space there, then run the same again",
        ) from error


def is_full(error: OSError) -> bool:
    """Tell whether the disk, the quota or the largest allowed size of a file is used up."""
    return error.errno in _FULL


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_plain_file(path: Path, limit: int) -> bytes:
    """Return the bytes of a plain file, following no link.

    Raises:
        ModelRefused: It is missing, a link, no plain file, or larger than `limit` bytes.
    """
    # O_NOFOLLOW and O_NONBLOCK: a link or a pipe in place of a file must neither be followed nor
    # waited for.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise ModelRefused(
            "a file of the bundle cannot be read", where=str(path), found=error.strerror
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise ModelRefused(
                "a file of the bundle is no plain file or too large",
                where=str(path),
                expected=f"at most {limit} bytes",
                found=f"{status.st_size} bytes",
            )
        return file.read()
