"""Which windows and instants of an input a window of a table reads: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mlops_dagster.spec.workspace import ResolvedInput, ResolvedTable


@dataclass(frozen=True)
class Reach:
    """What is read of a windowed input.

    Attributes:
        windows: Keys, oldest first; empty when the look-back ends before the first window.
        start: Rows before this instant are left out.
        end: So are rows from this instant on.
    """

    windows: tuple[str, ...]
    start: datetime
    end: datetime


def reach(table: ResolvedTable, table_input: ResolvedInput, window: str) -> Reach:
    """Return what a window of a windowed table reads of a windowed input.

    Raises:
        ValueError: The table has no windows.
    """
    calendar = table.calendar
    if calendar is None:
        raise ValueError(f"{table.ref} has no windows")
    own = calendar.window(window)
    end = own.start if table_input.until_start else own.end
    keys = calendar.reading_range(window, table_input.back, table_input.until_start)
    if keys is None:
        return Reach((), own.start, own.start)
    windows: Sequence[str] = [found.key for found in calendar.between(*keys)]
    start = calendar.window(windows[0]).start
    if table_input.back is not None and not table_input.back.is_windows:
        start = own.start - table_input.back.elapsed
    elif table_input.back is None:
        start = own.start
    return Reach(tuple(windows), start, end)


def looks_back(table: ResolvedTable) -> bool:
    """Tell whether a table reads more than its own window.

    Its SQL or hook then makes rows of other windows too: they are context, not deliveries.
    """
    return any(one.back is not None or one.until_start for one in table.inputs.values())
