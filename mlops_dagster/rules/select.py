"""SQL files: one SELECT over declared inputs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class SelectStatement:
    """A checked SELECT.

    `output_columns` is None when a `*` hides them.
    """

    text: str
    tables: frozenset[str]
    output_columns: tuple[str, ...] | None

    @cached_property
    def normalised(self) -> str:
        """The statement without comments and layout: equal for texts that differ only in these."""
        raise NotImplementedError

    @cached_property
    def column_lineage(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Output column -> the (input, column) pairs it is computed from."""
        raise NotImplementedError

    def render(self, names: Mapping[str, str]) -> str:
        """Return Spark SQL that reads the view `names[input]` wherever the text reads `input`."""
        raise NotImplementedError


def parse_select(
    text: str, inputs: Collection[str], *, columns: Mapping[str, Collection[str]] | None = None
) -> SelectStatement:
    """Parse a SQL file and refuse whatever is not a plain, repeatable SELECT over `inputs`."""
    raise NotImplementedError
