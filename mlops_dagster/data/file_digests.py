"""What a file is, by its content: told apart from others, and held against a digest beside it."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mlops_dagster.data.landing import DIGEST_SUFFIX, LandingFile
from mlops_dagster.errors import SourceError

_CHUNK_BYTES = 1024 * 1024
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


class DeliveredFile(BaseModel):
    """A file as it was when it was looked at.

    Attributes:
        path: Below the landing folder.
        bytes: Its size.
        modified_ns: When it was written last, in nanoseconds; with the size the sign of a change.
        digest: SHA-256 of its content.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    bytes: int
    modified_ns: int
    digest: str


def delivered(file: LandingFile, landing: Path) -> DeliveredFile:
    """Return what a file is now. Cost: reads it once.

    Raises:
        SourceError: It went away or cannot be read.
    """
    try:
        found = file.path.stat()
        return DeliveredFile(
            path=file.path.relative_to(landing).as_posix(),
            bytes=found.st_size,
            modified_ns=found.st_mtime_ns,
            digest=sha256_of(file.path),
        )
    except OSError as error:
        raise SourceError(
            "the file cannot be read",
            where=str(file),
            found=str(error),
            next_step="Let this user read it, or deliver it again",
        ) from error


def check_unchanged(files: Iterable[DeliveredFile], landing: Path) -> None:
    """Raise when a file is another one than it was as it was looked at; contents are not read.

    Raises:
        SourceError: Names the file.
    """
    for one in files:
        if not is_as_before(landing / one.path, one):
            raise SourceError(
                "the file changed while it was read",
                where=str(landing / one.path),
                next_step="Run it again when the file is whole; write files under another name "
                "first and rename them",
            )


def is_as_before(path: Path, before: DeliveredFile) -> bool:
    """Tell whether size and time of a file are those it had; its content is not read."""
    try:
        found = path.stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (before.bytes, before.modified_ns)


def each_once(files: Sequence[DeliveredFile]) -> tuple[DeliveredFile, ...]:
    """Return the first file of each content: a file that was delivered twice counts once."""
    return tuple({file.digest: file for file in reversed(files)}.values())[::-1]


def content_of(files: Iterable[DeliveredFile]) -> str:
    """Return one digest of what files hold, whatever their names, order and number of copies."""
    digests = sorted({file.digest for file in files})
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def check_digest(file: LandingFile, found: str) -> None:
    """Raise unless a file has the digest that lies beside it as `<file>.sha256`, if one does.

    Args:
        file: The file.
        found: The SHA-256 of its content.

    Raises:
        SourceError: It has another one, or what lies beside it is no digest.
    """
    beside = file.path.with_name(file.path.name + DIGEST_SUFFIX)
    if not beside.is_file():
        return
    with beside.open("rb") as text:
        first = text.read(1000).decode("utf-8", "replace").strip().partition(" ")[0]
    if _DIGEST.fullmatch(first) is None:
        raise SourceError(
            "this is no digest of a file",
            where=str(beside),
            expected="64 hexadecimal digits, as `sha256sum` writes them",
            found=repr(first[:80]),
            next_step="Deliver the digest again, or remove it",
        )
    if found != first.lower():
        raise SourceError(
            "the file is not the one that its digest was made of",
            where=str(file),
            expected=f"SHA-256 {first.lower()}",
            found=found,
            next_step="Deliver the file and its digest again: it was cut off or changed on its way",
        )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as binary:
        while chunk := binary.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
