"""Advisory file locks: the kernel frees them when a process ends, however it ends."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from mlops_dagster.clock import monotonic_seconds

_RETRY_SECONDS = 0.05


class FileLock:
    """A shared or exclusive `flock` that is held until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def try_take(
        cls, path: Path, *, exclusive: bool, wait_seconds: float = 0.0
    ) -> "FileLock | None":
        """Take the lock, or return None when others still hold it after `wait_seconds`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        operation = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
        deadline = monotonic_seconds() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, operation)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
                    os.close(descriptor)
                    raise
            else:
                return cls(descriptor)
            if monotonic_seconds() >= deadline:
                os.close(descriptor)
                return None
            sleep(_RETRY_SECONDS)

    def keep_over_exec(self) -> None:
        """Let the program that this process becomes hold the lock on; children do not."""
        if self._descriptor is not None:
            os.set_inheritable(self._descriptor, True)

    def release(self) -> None:
        """Free the lock; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def exclusively(path: Path, *, wait_seconds: float) -> Iterator[bool]:
    """Hold the exclusive lock on `path` for the block; yields False when it could not be had."""
    lock = FileLock.try_take(path, exclusive=True, wait_seconds=wait_seconds)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


def is_locked(path: Path, *, against_shared: bool) -> bool:
    """Tell whether a process holds a lock on `path`, without creating the file.

    Args:
        path: The lock file.
        against_shared: True finds any holder; False finds an exclusive one only, at once. A file
            is looked at in one way or the other.
    """
    if not path.exists():
        return False
    # Who looks for any holder is one itself for a moment; a real holder outlasts the wait.
    wait_seconds = 0.15 if against_shared else 0.0
    lock = FileLock.try_take(path, exclusive=against_shared, wait_seconds=wait_seconds)
    if lock is None:
        return True
    lock.release()
    return False
