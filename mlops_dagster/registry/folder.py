"""Files of a bundle on disk: written whole, read without following links."""

import os
import shutil
import stat
import uuid
from collections.abc import Mapping
from pathlib import Path

from mlops_dagster.errors import ModelRefused


def write_folder(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write files into a new folder that appears complete or not at all; OSError if it exists."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    writing = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    writing.mkdir()
    try:
        for name, data in content.items():
            with open(writing / name, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        os.replace(writing, folder)
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise


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
