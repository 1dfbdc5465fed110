"""Reads the tables of a model at pinned versions, limited to the windows that its rows can need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.data.contracts import known_contract
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import SourceError
from mlops_dagster.features.columns import (
    WINDOW,
    check_label,
    check_tables,
    check_times,
    feature_names,
)
from mlops_dagster.features.inputs import ModelInputs
from mlops_dagster.features.maturity import final_maturity
from mlops_dagster.features.ranges import Span, later_label_range, view_range
from mlops_dagster.spec.models import LabelMatch
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
            keys = _feature_windows(tables[ref], span, model) if ref in model.features else None
            if ref == model.label:
                keys = _both(tables[ref], keys, _label_windows(tables[ref], span, model, calendar))
            pins[ref] = _pin_other(store, tables[ref], span, keys)
    frames = {
        ref: _empty(session, tables[ref]) if pinned is None else pinned.read(session, locations)
        for ref, pinned in pins.items()
    }
    types = {
        ref: {field.name: field.dataType.simpleString() for field in frame.schema.fields}
        for ref, frame in frames.items()
    }
    if with_label:
        check_label(model, types[model.label])
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
    span = _span(calendar, windows)
    pinned = _pin_other(store, table, span, _label_windows(table, span, model, calendar))
    frame = _empty(session, table) if pinned is None else pinned.read(session, locations)
    check_label(model, {f.name: f.dataType.simpleString() for f in frame.schema.fields})
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


def _feature_windows(
    table: ResolvedTable, span: Span | None, model: ResolvedModel
) -> tuple[str, str] | None:
    if table.calendar is None or span is None:
        return None
    valid_for = table.spec.valid_for
    return view_range(
        table.calendar,
        span,
        ahead=model.spec.rows.ahead.elapsed,
        valid_for=None if valid_for is None else valid_for.elapsed,
    )


def _label_windows(
    table: ResolvedTable,
    span: Span | None,
    model: ResolvedModel,
    calendar: WindowCalendar | None,
) -> tuple[str, str] | None:
    if table.calendar is None or span is None or calendar is None:
        return None
    if model.spec.label.match is LabelMatch.KEY:
        until = final_maturity(calendar, span.last.key, model.spec.label.within)
        return later_label_range(table.calendar, span, until=until)
    # A label has the event time of its row.
    nothing = timedelta(0)
    return view_range(table.calendar, span, ahead=nothing, valid_for=nothing)


def _both(
    table: ResolvedTable, one: tuple[str, str] | None, other: tuple[str, str] | None
) -> tuple[str, str] | None:
    """Return the range of windows that holds two ranges."""
    if table.calendar is None or one is None or other is None:
        return one or other
    ordered = sorted({*one, *other}, key=table.calendar.index)
    return ordered[0], ordered[-1]


def _pin_other(
    store: EventStore, table: ResolvedTable, span: Span | None, keys: tuple[str, str] | None
) -> Pin | None:
    """Pin the windows of a feature or label table; None when none of them is published."""
    if not table.windowed or table.calendar is None or span is None:
        return pin(store, table.ref, None)
    if keys is None:
        return None
    return pin_published(store, table.ref, [w.key for w in table.calendar.between(*keys)])


def _empty(session: SparkSession, table: ResolvedTable) -> DataFrame:
    """Return no rows, with the columns of the contract: nothing of the table is published yet."""
    contract = known_contract(table)
    if contract is None:
        raise SourceError(
            "nothing of this table is published, and no contract says what it would hold",
            where=str(table.ref),
            next_step="Build the table for an earlier window, or write its contract.",
        )
    columns = [f"{quote(column.name)} {column.type}" for column in contract.columns]
    return session.createDataFrame([], ", ".join([*columns, f"{quote(WINDOW)} string"]))
