"""A sign of life of each run: a file that its process holds locked until it ends, however it ends.

Dagster's default launcher does not notice that a run's process was killed together with the server
that launched it: the run would count as running for hours.
"""

import uuid
from pathlib import Path

import dagster as dg

from mlops_dagster.clock import utc_now
from mlops_dagster.engine.locks import FileLock, is_locked

_LIVES = ".lock"
_RELEASED = ".released"
# Longer than any run may last.
_KEPT_SECONDS = 7 * 24 * 3600.0


class RunLease:
    """A sign of life, shown from `show` to `release` or the end of the process."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._path = path
        self._lock = lock

    @classmethod
    def show(cls, instance: dg.DagsterInstance, run_id: str) -> "RunLease | None":
        """Show that a run lives; None if the file cannot be had, which says nothing."""
        path = _path(instance, run_id)
        _sweep(path.parent)
        # Locked before it has its name: nobody may see it unlocked while the run lives.
        draft = path.with_suffix(f".{uuid.uuid4().hex}")
        lock = FileLock.try_take(draft, exclusive=False)
        if lock is None:
            return None
        draft.replace(path)
        return cls(path, lock)

    def release(self) -> None:
        """End the sign of life in good order: nobody looks for this run any more."""
        if self._path.exists():
            self._path.replace(self._path.with_suffix(_RELEASED))
        self._lock.release()


def lost_its_process(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tell whether a run showed signs of life on this machine and was cut off."""
    path = _path(instance, run_id)
    return path.exists() and not is_locked(path, against_shared=True)


def never_lived(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tell whether a run has shown no sign of life on this machine yet."""
    path = _path(instance, run_id)
    return not path.exists() and not path.with_suffix(_RELEASED).exists()


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Remove what is left of the sign of life of a run that has ended."""
    path = _path(instance, run_id)
    path.unlink(missing_ok=True)
    path.with_suffix(_RELEASED).unlink(missing_ok=True)


def _path(instance: dg.DagsterInstance, run_id: str) -> Path:
    return _folder(instance) / f"{run_id}{_LIVES}"


def _folder(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory) / "alive"


def _sweep(folder: Path) -> None:
    """Remove what runs have left that ended long ago."""
    oldest = utc_now().timestamp() - _KEPT_SECONDS
    for path in folder.glob(f"*{_RELEASED}"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
