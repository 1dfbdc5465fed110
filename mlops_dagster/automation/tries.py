"""Windows whose runs failed: which are asked for again, when, and when to stop. Pure functions."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from mlops_dagster.automation.launches import MAXIMUM_TRIES

# After the first and the second failure: what a restart cures, then what takes somebody to look.
WAITS = (timedelta(minutes=5), timedelta(minutes=30))


class Outcome(str, Enum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True)
class Wanted:
    """A window to run for its files.

    Attributes:
        window: The window.
        key: Names the files that it is asked for.
        tables: Their tables.
    """

    window: str
    key: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class EndedRun:
    """A run of a window that is over; `wanted` is what it was asked for, None if not for files."""

    window: str
    outcome: Outcome
    ended: datetime
    wanted: Wanted | None = None


def unfinished(runs: Iterable[EndedRun], *, refused: Collection[str]) -> tuple[Wanted, ...]:
    """Return the windows whose last runs failed, one of them for files, by window.

    Such a run may have taken its files in and failed later, so that nothing else asks for it. A run
    that succeeded, whoever asked for it, settles its window; one that a person canceled does too.

    Args:
        runs: Runs of one job, the newest first.
        refused: Windows that wait for other files: the same ones would be refused again.
    """
    settled = set(refused)
    found: dict[str, Wanted] = {}
    for run in runs:
        if run.outcome is not Outcome.FAILED:
            settled.add(run.window)
        elif run.window not in settled and run.wanted is not None:
            found.setdefault(run.window, run.wanted)
    return tuple(found[window] for window in sorted(found))


def next_try(failures: int, last: datetime | None, *, now: datetime) -> datetime | None:
    """Return when a window may be asked for again: at once, after a wait, or never (None).

    Args:
        failures: How often runs for the same files have ended without settling them.
        last: When the last of them ended.
        now: The present instant.
    """
    if failures >= MAXIMUM_TRIES:
        return None
    if failures == 0 or last is None:
        return now
    return last + WAITS[min(failures, len(WAITS)) - 1]
