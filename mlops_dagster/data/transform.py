"""Derived tables: SQL or a hook over pinned inputs, limited to what a window reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.computing import computed
from mlops_dagster.data.contracts import (
    check_found,
    check_names,
    contract_of,
    ddl_of,
    known_contract,
)
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.inference import infer_contract
from mlops_dagster.data.landing import find_all_files
from mlops_dagster.data.windows_read import Reach, looks_back, reach
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.workspace import ResolvedInput, ResolvedTable, Workspace
from mlops_dagster.state.fence import InputVersion
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.instants import instant
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.pins import Pin, pin, pin_published
from mlops_dagster.tables.slices import WINDOW_COLUMN


@dataclass(frozen=True)
class PinnedInput:
    """An input of a slice with the version and the reach that it is read at."""

    name: str
    table: ResolvedTable
    pin: Pin | None
    reach: Reach | None


def pin_inputs(
    workspace: Workspace, table: ResolvedTable, window: str, store: EventStore
) -> tuple[PinnedInput, ...]:
    """Pin every input of a derived table for one of its windows; asks the event store only.

    Raises:
        SourceError: A window of an input is not published.
    """
    return tuple(_pin_input(workspace, table, one, window, store) for one in table.inputs.values())


@contextmanager
def derived(
    session: SparkSession,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    inputs: tuple[PinnedInput, ...],
    locations: Locations,
    known_by: datetime | None = None,
) -> Iterator[DataFrame]:
    """Yield what a derived table delivers for a window; lazy, to be used inside the block.

    Inputs have their own columns, without `window`. Where the table looks back or ahead of its
    window, rows of other windows that it makes on the way are left out.

    Args:
        session: A Spark session.
        workspace: The workspace that holds the table and its inputs.
        table: A table of SQL or of a hook.
        window: The window's key; `static` for a static table.
        inputs: Its pinned inputs.
        locations: Where they lie.
        known_by: Leave out input rows that became known after this instant.

    Raises:
        SourceError: Of an input, nothing lies before the window, and nothing tells its columns.
        HookError: The hook failed or gave no DataFrame.
        ExpressionError: Spark refuses the SQL.
    """
    read = made_of(table)
    frames = {
        one.name: input_rows(session, one, workspace, locations, known_by)
        for one in inputs
        if one.name in read
    }
    with computed(session, table, frames) as rows:
        yield _own_window(rows, table, window)


def delivery_of(
    frame: DataFrame,
    *,
    table: ResolvedTable,
    inputs: tuple[PinnedInput, ...],
    contract: Contract | None,
) -> Delivery:
    """Return derived rows held against the table's contract, in its order; without one, make one.

    Raises:
        ContractViolation: The columns are not the contract's.
    """
    found = {field.name: field.dataType.simpleString() for field in frame.schema}
    if contract is None:
        check_names(table.ref, frame.columns)
        agreed = contract_of(table.ref, found)
    else:
        agreed = contract
        check_found(contract, found, where=str(table.ref))
    return Delivery(
        frame=frame.select(*(F.col(quote(column.name)) for column in agreed.columns)),
        contract=agreed,
        contract_is_new=contract is None,
        inputs=manifest(inputs),
        lineage={} if table.sql is None else table.sql.column_lineage,
        unique_by=None if table.sql is None else table.sql.unique_by,
    )


def made_of(table: ResolvedTable) -> frozenset[str]:
    """Return the inputs that the table's SQL or hook reads; its rules may look into others."""
    if table.sql is not None:
        return table.sql.tables
    if table.kind == "keep":
        return frozenset(table.inputs)
    parameters = () if table.hook is None else table.hook.parameters
    return frozenset(table.inputs) - (table.spec.inputs_of_rules - set(parameters))


def input_rows(
    session: SparkSession,
    one: PinnedInput,
    workspace: Workspace,
    locations: Locations,
    known_by: datetime | None = None,
) -> DataFrame:
    """Return what a slice reads of an input, without `window`; lazy.

    Args:
        session: A Spark session.
        one: The pinned input.
        workspace: The workspace that holds it.
        locations: Where tables lie.
        known_by: Leave out rows that became known after this instant.
    """
    if one.pin is None:
        return _no_rows(session, one.table, workspace, locations)
    frame = one.pin.read(session, locations)
    zone = "UTC" if one.table.calendar is None else one.table.calendar.time_zone
    if one.reach is not None and one.table.event_time is not None:
        event_time = instant(frame, one.table.event_time, zone)
        frame = frame.where(
            (event_time >= F.lit(one.reach.start)) & (event_time < F.lit(one.reach.end))
        )
    if known_by is not None and one.table.known_at is not None:
        known_at = instant(frame, one.table.known_at, zone)
        frame = frame.where(known_at <= F.lit(known_by))
    return frame.drop(WINDOW_COLUMN)


def manifest(inputs: tuple[PinnedInput, ...]) -> tuple[InputVersion, ...]:
    """Return what was read, for the commit and the event."""
    return tuple(one.pin.version for one in inputs if one.pin is not None)


def _pin_input(
    workspace: Workspace,
    table: ResolvedTable,
    table_input: ResolvedInput,
    window: str,
    store: EventStore,
) -> PinnedInput:
    source = workspace.table(table_input.ref)
    if not source.windowed:
        return PinnedInput(table_input.name, source, pin(store, source.ref, None), None)
    if not table.windowed:
        found = pin_published(store, source.ref)
        if found is None:
            raise SourceError(
                f"no window of {source.ref} is published",
                where=str(table.ref),
                next_step=f"Run {source.ref} first",
            )
        return PinnedInput(table_input.name, source, found, None)
    wanted = reach(table, table_input, window)
    pinned = pin(store, source.ref, wanted.windows) if wanted.windows else None
    return PinnedInput(table_input.name, source, pinned, wanted)


def _no_rows(
    session: SparkSession, table: ResolvedTable, workspace: Workspace, locations: Locations
) -> DataFrame:
    """Return no rows of a table, with its columns: nothing of it lies before the window.

    The first window of a forecast is built before any other, so the columns may have to come from
    the landing folder, or from what the table's SQL or hook makes of no rows.
    """
    contract = known_contract(table)
    if contract is None and table.spec.files is not None:
        files = find_all_files(workspace.landing, table.spec.files)
        contract = infer_contract(table.ref, files, nulls=table.spec.nulls)
    if contract is not None:
        return session.createDataFrame([], ddl_of(contract))
    if not table.is_derived:
        raise SourceError(
            "nothing of it lies before this window, and nothing tells its columns",
            where=str(table.ref),
            next_step=f"Write {table.contract_path.name}, or run a window of it first",
        )
    inputs = {name: workspace.table(table.inputs[name].ref) for name in made_of(table)}
    frames = {name: _no_rows(session, t, workspace, locations) for name, t in inputs.items()}
    with computed(session, table, frames) as rows:
        return session.createDataFrame([], rows.schema)


def _own_window(rows: DataFrame, table: ResolvedTable, window: str) -> DataFrame:
    if not table.windowed or not looks_back(table):
        return rows
    if table.calendar is None or table.event_time not in rows.columns:
        return rows
    bounds = table.calendar.window(window)
    event_time = instant(rows, table.event_time, table.calendar.time_zone)
    inside = (event_time >= F.lit(bounds.start)) & (event_time < F.lit(bounds.end))
    # Rows without an event time stay, for the rule that tells of them.
    return rows.where(event_time.isNull() | inside)
