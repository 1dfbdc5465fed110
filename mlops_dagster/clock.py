"""The only place that reads the wall clock.

Decisions never use it: they take `as_of` from their window. Freshness, expiry, log lines and file
names do.
"""

import time
from datetime import datetime, timezone


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(timezone.utc)  # noqa: TID251 - the one place


def monotonic_seconds() -> float:
    """Return seconds on a clock that never goes back, for durations and time-outs."""
    return time.monotonic()
