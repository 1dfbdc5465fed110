"""A file of the state folder that holds a delivery from outside as long as it is read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from mlops_dagster.clock import utc_now

# A build that was killed leaves its file; none takes as long as this.
_LEFT_BEHIND_SECONDS = 24 * 3600


@contextmanager
def staged_file(state_folder: Path) -> Iterator[Path]:
    """Yield the path of a new Parquet file that only this user may read; it is removed at the end.

    Files that killed processes left behind a day ago are removed too.
    """
    folder = state_folder / "staged"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    now = utc_now().timestamp()
    for old in folder.glob("*.parquet"):
        try:
            if now - old.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                old.unlink()
        except FileNotFoundError:
            continue
    path = folder / f"{os.getpid()}-{uuid4().hex}.parquet"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
