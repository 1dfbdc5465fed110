"""Derived tables: SQL or a hook over pinned inputs, limited to what a window reads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.contracts import check_found, check_names, contract_of, ddl_of
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.windows_read import Reach, looks_back, reach
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ExpressionError, HookError, SourceError
from mlops_dagster.hooks import load_hook
from mlops_dagster.spec.contract import Contract, read_contract
from mlops_dagster.spec.hooks import HookSource
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
        table: A table of SQL or of a hook.
        window: The window's key; `static` for a static table.
        inputs: Its pinned inputs.
        locations: Where they lie.
        known_by: Leave out input rows that became known after this instant.

    Raises:
        SourceError: An input that was never published has no contract to take columns from.
        HookError: The hook failed or gave no DataFrame.
        ExpressionError: Spark refuses the SQL.
    """
    frames = {one.name: _input_rows(session, one, locations, known_by) for one in inputs}
    views: dict[str, str] = {}
    try:
        if table.sql is not None:
            for name, frame in frames.items():
                views[name] = f"mlops_{name}_{uuid4().hex}"
                frame.createTempView(views[name])
            rows = _select(session, table, views)
        elif table.hook is not None:
            rows = _call(table.hook, frames)
        else:
            raise ValueError(f"{table.ref} has neither SQL nor a hook")
        yield _own_window(rows, table, window)
    finally:
        for view in views.values():
            session.catalog.dropTempView(view)


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
    )


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


def _input_rows(
    session: SparkSession, one: PinnedInput, locations: Locations, known_by: datetime | None
) -> DataFrame:
    if one.pin is None:
        return session.createDataFrame([], ddl_of(_contract_of_unread(one.table)))
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


def _contract_of_unread(table: ResolvedTable) -> Contract:
    """Return the columns of an input of which nothing lies before the window."""
    if table.contract is not None:
        return table.contract
    if table.contract_path.exists():
        return read_contract(table.contract_path)
    raise SourceError(
        f"nothing of {table.ref} lies before this window, and it has no contract with its columns",
        where=str(table.ref),
        next_step=f"Run {table.ref} once, or write {table.contract_path.name}",
    )


def _select(session: SparkSession, table: ResolvedTable, views: Mapping[str, str]) -> DataFrame:
    if table.sql is None:
        raise ValueError(f"{table.ref} has no SQL")
    try:
        return session.sql(table.sql.render(views))
    except AnalysisException as error:
        raise ExpressionError(
            "Spark refuses the SQL",
            where=f"{table.position[0]}:{table.position[1]} {table.ref}",
            found=str(error).split("JVM stacktrace")[0].strip(),
        ) from error


def _call(hook: HookSource, frames: Mapping[str, DataFrame]) -> DataFrame:
    where = f"{hook.file}:{hook.line}"
    if set(hook.parameters) != set(frames):
        raise HookError(
            f"the parameters of '{hook.name}' are not the table's inputs",
            where=where,
            expected=", ".join(sorted(frames)),
            found=", ".join(hook.parameters),
        )
    function = load_hook(hook)
    try:
        rows = function(**frames)
        if isinstance(rows, DataFrame):
            _ = rows.schema
    except Exception as error:
        raise HookError(
            f"'{hook.name}' failed: {type(error).__name__}: {error}", where=where
        ) from error
    if not isinstance(rows, DataFrame):
        raise HookError(
            f"'{hook.name}' gave no rows",
            where=where,
            expected="a pyspark.sql.DataFrame",
            found=type(rows).__name__,
        )
    return rows


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
