"""Commits of slices as the tables' own logs tell them, read without Spark."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SliceCommit:
    """A commit that replaced a slice.

    Attributes:
        table: The table, `<use case>.<layer>.<name>`.
        window: The slice's window.
        part: The part of the window that it replaced, if windows have parts.
        version: The Delta version that it made.
        token: The claim that it was written under.
    """

    table: str
    window: str
    part: str | None
    version: int
    token: str

    @property
    def slice(self) -> tuple[str, str, str | None]:
        """What it replaced."""
        return self.table, self.window, self.part


def slice_commits(warehouse: Path) -> list[SliceCommit]:
    """Return the commits of all tables of a warehouse, in each table in their order."""
    logs = sorted(warehouse.glob("**/_delta_log"))
    return [commit for log in logs for commit in _commits(log)]


def _commits(log: Path) -> Iterator[SliceCommit]:
    for file in sorted(log.glob("[0-9]*.json")):
        for line in file.read_text("utf-8").splitlines():
            metadata = json.loads(line).get("commitInfo", {}).get("userMetadata")
            told = json.loads(metadata) if metadata else {}
            if "window" in told:
                yield SliceCommit(
                    told["table"], told["window"], told["part"], int(file.stem), told["token"]
                )
