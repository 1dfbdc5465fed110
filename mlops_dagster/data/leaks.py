"""The proof that a derived table shows no future: built from what was known then, it is the same.

An engine cannot see a leak inside SQL, so a table is built twice: from all its pinned inputs, and
from those of their rows that were known by an instant T. Its rows known by T must be equal, as
multisets. A feature that uses a later row, a sum over the whole window or a label in disguise all
break that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.builtin import unique_columns
from mlops_dagster.data.delivery import PREFIX
from mlops_dagster.data.transform import PinnedInput, derived, pin_inputs
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.instants import instant
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.measure import row_hash

_HASH = f"{PREFIX}hash"
_SIGN = f"{PREFIX}sign"


@dataclass(frozen=True)
class Leak:
    """A row that would have looked otherwise at the time at which it claims to have been known.

    Attributes:
        table: The table.
        window: The window that was built.
        instant: Inputs were limited to rows known by then.
        key: Key and event time of the row, by column; all columns where the table has neither.
        shown: The row as the full build has it; None when only the limited build has it.
        knowable: The row from what was known by the instant; None when there was none.
        columns: The columns in which the two differ; all of them when one is missing.
    """

    table: str
    window: str
    instant: datetime
    key: tuple[tuple[str, object], ...]
    shown: tuple[tuple[str, object], ...] | None
    knowable: tuple[tuple[str, object], ...] | None
    columns: tuple[str, ...]


def find_leaks(
    session: SparkSession,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    instants: Sequence[datetime],
    store: EventStore,
    locations: Locations,
    samples: int = 5,
) -> tuple[Leak, ...]:
    """Return leaks of a window of a derived table, a few for each instant; nothing is published.

    A table without `known_at` and event time, or made from files, has nothing to test. Rows of
    inputs without times count as always known. Cost: two builds and one shuffle for each instant.

    Args:
        session: A Spark session.
        workspace: The workspace that holds the table and its inputs.
        table: The table.
        window: A window whose inputs are published; `static` for a static table.
        instants: Instants with a time zone; those inside the window tell most.
        store: The event store.
        locations: Where tables lie.
        samples: At most this many leaks an instant.

    Raises:
        SourceError: An input is not published.
    """
    if not table.is_derived or table.known_at is None:
        return ()
    inputs = pin_inputs(workspace, table, window, store)
    found: list[Leak] = []
    for known_by in instants:
        rows = _differences(
            session,
            workspace=workspace,
            table=table,
            window=window,
            inputs=inputs,
            locations=locations,
            known_by=known_by,
            limit=2 * samples,
        )
        found += _paired(rows, table, window, known_by)[:samples]
    return tuple(found)


def _differences(
    session: SparkSession,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    inputs: tuple[PinnedInput, ...],
    locations: Locations,
    known_by: datetime,
    limit: int,
) -> list[Row]:
    """Return rows that one build has more often; the sign is positive for the full build."""
    build = partial(
        derived,
        session,
        workspace=workspace,
        table=table,
        window=window,
        inputs=inputs,
        locations=locations,
    )
    with build() as full, build(known_by=known_by) as limited:
        both = _signed(full, table, known_by, 1).unionByName(_signed(limited, table, known_by, -1))
        columns = [F.first(quote(name)).alias(name) for name in full.columns]
        unequal = (
            both.groupBy(_HASH)
            .agg(F.sum(_SIGN).alias(_SIGN), *columns)
            .where(F.col(_SIGN) != 0)
            .drop(_HASH)
        )
        # Rows of one key stand together, so that a limit rarely parts a pair.
        order = [F.col(quote(name)) for name in _identity(table, full.columns)]
        return few_rows(unequal.orderBy(*order, _SIGN).limit(limit), what=f"leaks of {table.ref}")


def _signed(frame: DataFrame, table: ResolvedTable, known_by: datetime, sign: int) -> DataFrame:
    zone = "UTC" if table.calendar is None else table.calendar.time_zone
    known_at = instant(frame, table.known_at or "", zone)
    return frame.where(known_at <= F.lit(known_by)).select(
        "*", row_hash(frame.schema).alias(_HASH), F.lit(sign).alias(_SIGN)
    )


def _identity(table: ResolvedTable, columns: Sequence[str]) -> tuple[str, ...]:
    named = unique_columns(table) if table.spec.key else ()
    return tuple(name for name in named if name in columns) or tuple(columns)


def _paired(
    rows: Sequence[Row], table: ResolvedTable, window: str, known_by: datetime
) -> list[Leak]:
    pairs: dict[tuple[object, ...], dict[bool, dict[str, object]]] = {}
    for row in rows:
        values = {name: value for name, value in row.asDict().items() if name != _SIGN}
        key = tuple(repr(values[name]) for name in _identity(table, list(values)))
        pairs.setdefault(key, {})[row[_SIGN] > 0] = values
    return [_leak(pair, table, window, known_by) for pair in pairs.values()]


def _leak(
    pair: dict[bool, dict[str, object]], table: ResolvedTable, window: str, known_by: datetime
) -> Leak:
    shown, knowable = pair.get(True), pair.get(False)
    either = shown or knowable or {}
    differing = tuple(
        name
        for name in either
        if shown is None or knowable is None or repr(shown[name]) != repr(knowable[name])
    )
    return Leak(
        table=str(table.ref),
        window=window,
        instant=known_by,
        key=tuple((name, either[name]) for name in _identity(table, list(either))),
        shown=None if shown is None else tuple(shown.items()),
        knowable=None if knowable is None else tuple(knowable.items()),
        columns=differing,
    )
