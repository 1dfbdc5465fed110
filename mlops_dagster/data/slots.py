"""The slots of a window: equal spans of time, numbered from the epoch."""

from datetime import datetime, timedelta, timezone

from pyspark.sql import Column

from mlops_dagster.data.batch import Batch
from mlops_dagster.rules import Expression
from mlops_dagster.rules.nodes import ColumnRef, FunctionCall, Literal, MomentName
from mlops_dagster.rules.places import Span
from mlops_dagster.spec.rule_checks import FullSlots

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NOWHERE = Span(0, 0)


def slot_bounds(batch: Batch, check: FullSlots) -> tuple[int, int]:
    """Return the first slot of the batch's window and the first after it.

    Raises:
        KeyError: The table has no windows.
    """
    length = timedelta(seconds=check.seconds)
    start = (batch.moments[MomentName.WINDOW_START] - _EPOCH) // length
    return start, (batch.moments[MomentName.WINDOW_END] - _EPOCH) // length


def slot_column(batch: Batch, check: FullSlots) -> Column:
    """Return the slot in which each row lies, as `slot(column, seconds)` of the rule language."""
    arguments = (
        ColumnRef(span=_NOWHERE, name=check.column),
        Literal(span=_NOWHERE, value=check.seconds),
    )
    call = FunctionCall(span=_NOWHERE, name="slot", arguments=arguments)
    return batch.column(Expression(text=f"slot of {check.column}", root=call))
