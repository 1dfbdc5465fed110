"""Digests that are delivered beside files: the only sign of a changed digit or a lost last line."""

import hashlib
import re
from pathlib import Path

from mlops_dagster.data.landing import DIGEST_SUFFIX, LandingFile
from mlops_dagster.errors import SourceError

_CHUNK_BYTES = 1024 * 1024
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


def check_digest(file: LandingFile) -> None:
    """Raise unless a file has the digest that lies beside it as `<file>.sha256`, if one does.

    Cost: reads the file once more, and only where there is a digest.

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
    found = _sha256(file.path)
    if found != first.lower():
        raise SourceError(
            "the file is not the one that its digest was made of",
            where=str(file),
            expected=f"SHA-256 {first.lower()}",
            found=found,
            next_step="Deliver the file and its digest again: it was cut off or changed on its way",
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as binary:
        while chunk := binary.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
