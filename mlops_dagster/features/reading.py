"""Reads the tables of a model at pinned versions, limited to the windows that its rows can need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import SourceError
from mlops_dagster.features.columns import WINDOW, check_tables, check_times, feature_names
from mlops_dagster.features.inputs import ModelInputs
from mlops_dagster.features.ranges import Span, view_range
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedTable, Workspace
from mlops_dagster.state.fence import InputVersion
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.pins import Pin, pin, pin_published
from mlops_dagster.windows import WindowCalendar


@dataclass(frozen=True)
class Reading:
    """Pinned inputs of a model and the manifest of what was pinned."""

    inputs: ModelInputs
    manifest: tuple[InputVersion, ...]


def read_model_inputs(
    session: SparkSession,
    *,
    workspace: Workspace,
    model: ResolvedModel,
    windows: Sequence[str],
    as_of: datetime,
    store: EventStore,
    locations: Locations,
    with_label: bool,
) -> Reading:
    """Return the tables of a model for the rows of some windows.

    Rows are read from exactly these windows, all of which must be published. Feature tables are
    read from as far back as a value may be old, the label's from the same time; of them, windows
    not published yet hold nothing.

    Args:
        session: A Spark session.
        workspace: Where the tables are declared.
        model: The model.
        windows: Windows of the rows, oldest first; none for a use case without windows.
        as_of: What became known later does not count.
        store: Says which versions are published.
        locations: Says where tables lie.
        with_label: Also read the label's table.

    Raises:
        SourceError: A window of the rows is not published.
        SpecError: The tables cannot serve the model.
    """
    refs = list(
        dict.fromkeys([model.rows, *model.features, *([model.label] if with_label else [])])
    )
    tables = {ref: workspace.table(ref) for ref in refs}
    check_tables(model, tables)
    calendar = workspace.use_cases[model.use_case].calendar
    span = _span(calendar, windows)
    pins: dict[TableRef, Pin | None] = {}
    for ref in refs:
        if ref == model.rows:
            pins[ref] = pin(store, ref, list(windows) if tables[ref].windowed else None)
        else:
            only_label = ref not in model.features
            pins[ref] = _pin_other(store, tables[ref], span, model=model, only_label=only_label)
    frames = {
        ref: _empty(session, tables[ref]) if pinned is None else pinned.read(session, locations)
        for ref, pinned in pins.items()
    }
    types = {
        ref: {field.name: field.dataType.simpleString() for field in frame.schema.fields}
        for ref, frame in frames.items()
    }
    inputs = ModelInputs(
        model=model,
        tables=tables,
        frames=frames,
        features=feature_names(model, tables, types),
        calendar=calendar,
        windows=tuple(windows),
        as_of=as_of,
    )
    manifest = tuple(pinned.version for pinned in pins.values() if pinned is not None)
    return Reading(inputs, manifest)


def read_label_inputs(
    session: SparkSession,
    *,
    workspace: Workspace,
    model: ResolvedModel,
    windows: Sequence[str],
    as_of: datetime,
    store: EventStore,
    locations: Locations,
) -> Reading:
    """Return the label's table alone for some windows; arguments as `read_model_inputs`."""
    table = workspace.table(model.label)
    check_times(model, [table])
    calendar = workspace.use_cases[model.use_case].calendar
    pinned = _pin_other(store, table, _span(calendar, windows), model=model, only_label=True)
    frame = _empty(session, table) if pinned is None else pinned.read(session, locations)
    inputs = ModelInputs(
        model=model,
        tables={table.ref: table},
        frames={table.ref: frame},
        features=(),
        calendar=calendar,
        windows=tuple(windows),
        as_of=as_of,
    )
    return Reading(inputs, () if pinned is None else (pinned.version,))


def _span(calendar: WindowCalendar | None, windows: Sequence[str]) -> Span | None:
    if calendar is None or not windows:
        return None
    return Span(calendar.window(windows[0]), calendar.window(windows[-1]))


def _pin_other(
    store: EventStore,
    table: ResolvedTable,
    span: Span | None,
    *,
    model: ResolvedModel,
    only_label: bool,
) -> Pin | None:
    """Pin the windows of a feature or label table; None when none of them is published."""
    if not table.windowed or table.calendar is None or span is None:
        return pin(store, table.ref, None)
    ahead, valid_for = model.spec.rows.ahead.elapsed, table.spec.valid_for
    reach = None if valid_for is None else valid_for.elapsed
    if only_label:
        # A label has the event time of its row.
        ahead, reach = timedelta(0), timedelta(0)
    keys = view_range(table.calendar, span, ahead=ahead, valid_for=reach)
    if keys is None:
        return None
    return pin_published(store, table.ref, [w.key for w in table.calendar.between(*keys)])


def _empty(session: SparkSession, table: ResolvedTable) -> DataFrame:
    """Return no rows, with the columns of the contract: nothing of the table is published yet."""
    if table.contract is None:
        raise SourceError(
            "nothing of this table is published, and no contract says what it would hold",
            where=str(table.ref),
            next_step="Build the table for an earlier window, or write its contract.",
        )
    columns = [f"{quote(column.name)} {column.type}" for column in table.contract.columns]
    return session.createDataFrame([], ", ".join([*columns, f"{quote(WINDOW)} string"]))
