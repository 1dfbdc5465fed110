"""The instants of a batch that rules may name."""

from collections.abc import Mapping
from datetime import datetime

from mlops_dagster.rules.nodes import MomentName
from mlops_dagster.spec.workspace import ResolvedTable


def moments_of(table: ResolvedTable, window: str, as_of: datetime) -> Mapping[MomentName, datetime]:
    """Return `as_of()`, and the bounds of the window where the table has windows."""
    found = {MomentName.AS_OF: as_of}
    if table.calendar is not None:
        bounds = table.calendar.window(window)
        found[MomentName.WINDOW_START] = bounds.start
        found[MomentName.WINDOW_END] = bounds.end
    return found
