"""Event kinds that the tests of the store write."""

from datetime import datetime, timezone
from typing import ClassVar

from mlops_dagster.state import Event

AS_OF = datetime(2013, 5, 1, 12, tzinfo=timezone.utc)


class Counted(Event):
    """One step of a counter."""

    kind: ClassVar[str] = "test_counted"

    value: int
    writer: int = 0


class Noted(Event):
    """A text."""

    kind: ClassVar[str] = "test_noted"

    text: str
