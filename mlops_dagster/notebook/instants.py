"""Instants as people write them in a notebook."""

from datetime import datetime, timezone

from mlops_dagster.errors import UnknownName


def instant(value: datetime | str | None, argument: str) -> datetime | None:
    """Return an instant in UTC; None stays None.

    Raises:
        UnknownName: It is no instant, or has no time zone: a day begins at another instant in each.
    """
    if value is None:
        return None
    found = _read(value) if isinstance(value, str) else value
    if found is None or found.tzinfo is None:
        raise UnknownName(
            f"{argument} must be an instant with a time zone",
            expected="a datetime or a text such as 2013-07-01T00:00:00+00:00",
            found=str(value),
        )
    return found.astimezone(timezone.utc)


def _read(text: str) -> datetime | None:
    try:
        # Python 3.10 does not read the Z.
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
