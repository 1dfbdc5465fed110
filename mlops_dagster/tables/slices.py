"""A slice: the part of a table that one write replaces."""

from dataclasses import dataclass

from mlops_dagster.spec.refs import STATIC, TableRef

WINDOW_COLUMN = "window"


@dataclass(frozen=True)
class Part:
    """A column that divides a window further, such as the model version, and its value."""

    column: str
    value: str


@dataclass(frozen=True)
class Slice:
    """A window of a table, or one part of it, or a whole static table.

    Args:
        ref: The table.
        window: The window's key; `static` for tables without windows.
        part: What is replaced within the window; all of it by default.
        mixed: The table also holds slices of static tables, so `static` stands in its column
            `window`.
    """

    ref: TableRef
    window: str = STATIC
    part: Part | None = None
    mixed: bool = False

    def __str__(self) -> str:
        text = str(self.ref) if self.window == STATIC else f"{self.ref} {self.window}"
        return text if self.part is None else f"{text} {self.part.column} {self.part.value}"

    @property
    def literals(self) -> dict[str, str]:
        """Columns that hold one value in the whole slice: `window` unless static, the part's."""
        has_window = self.window != STATIC or self.mixed
        values = {WINDOW_COLUMN: self.window} if has_window else {}
        if self.part is not None:
            values[self.part.column] = self.part.value
        return values

    @property
    def part_value(self) -> str | None:
        """The part as the event stream names it."""
        return None if self.part is None else self.part.value
