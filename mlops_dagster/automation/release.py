"""Runs that people start about the quarantine: record a decision, build a slice again."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from mlops_dagster.assets.keys import asset_key, report_keys, table_ref
from mlops_dagster.assets.quarantine_job import decide_op_name, quarantine_job_name
from mlops_dagster.assets.tags import WHO_TAG, WHY_TAG
from mlops_dagster.automation.replay import first_failure
from mlops_dagster.data.row_events import row_streams_of, slice_of_stream
from mlops_dagster.data.row_ledger import Action, read_rows
from mlops_dagster.errors import TerminalError
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster.state.store import EventStore

# The instance keeps every event; on the console only what went wrong helps.
_QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


@dataclass(frozen=True)
class RowRequest:
    """What is asked for one row."""

    row: str
    columns: Mapping[str, str | None]


@dataclass(frozen=True)
class Released:
    """A run that built a slice again.

    Attributes:
        run_id: The run.
        job: Its job.
        built: What it materialized, in the order of the graph.
        left: What of this window reads the slice and was left as it is.
    """

    run_id: str
    job: str
    built: tuple[dg.AssetKey, ...]
    left: tuple[dg.AssetKey, ...]


def run_decision(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    *,
    owner: str,
    action: Action,
    rows: Sequence[RowRequest],
    who: str,
    why: str,
) -> str:
    """Run the quarantine job of a use case and return the run's id.

    Raises:
        TerminalError: The run failed, with its reason.
    """
    config = {
        "action": action.name,
        "rows": [
            {
                "row": one.row,
                "columns": {k: v for k, v in one.columns.items() if v is not None},
                "nulls": [k for k, v in one.columns.items() if v is None],
            }
            for one in rows
        ],
        "who": who,
        "why": why,
    }
    result = definitions.resolve_job_def(quarantine_job_name(owner)).execute_in_process(
        instance=instance,
        run_config={"ops": {decide_op_name(owner): {"config": config}}, **_QUIET},
        tags={WHO_TAG: who, WHY_TAG: why},
        raise_on_error=False,
    )
    return _succeeded(result)


def release_slice(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    ref: TableRef,
    window: str,
    *,
    downstream: bool,
    who: str,
    why: str,
) -> Released:
    """Build a slice of a table again, under the present rules and what was decided about its rows.

    The run is one of the job that builds the table, limited to it and to the reports on tables;
    with `downstream` also to what reads it in this window.

    Raises:
        TerminalError: No job builds the table, or the run failed.
    """
    job = _job_of(definitions, asset_key(ref))
    graph = definitions.resolve_asset_graph()
    selected = job.asset_layer.selected_asset_keys
    below = dg.AssetSelection.assets(asset_key(ref)).downstream(include_self=False).resolve(graph)
    reports = set(report_keys(ref.owner))
    # A static table belongs to no window: what reads it is left to the runs of the windows.
    below = {key for key in below & selected if window != STATIC} - reports
    keys = {asset_key(ref), *(below if downstream else ())}
    if window != STATIC or job.partitions_def is None:
        keys |= reports & selected
    result = job.execute_in_process(
        run_id=str(uuid.uuid4()),
        instance=instance,
        partition_key=None if window == STATIC else window,
        asset_selection=sorted(keys),
        run_config=_QUIET,
        tags={WHO_TAG: who, WHY_TAG: why},
        raise_on_error=False,
    )
    run_id = _succeeded(result)
    order = [key for key in graph.toposorted_asset_keys if key in keys]
    left = [key for key in graph.toposorted_asset_keys if key in below - keys]
    return Released(run_id, job.name, tuple(order), tuple(left))


def waiting_slices(
    store: EventStore, workspace: Workspace, owner: str
) -> tuple[tuple[TableRef, str], ...]:
    """Return the slices about whose rows something was decided that no batch has seen yet."""
    found = []
    for stream in store.streams(row_streams_of(owner)):
        ref, window = slice_of_stream(stream)
        if ref in workspace.tables:
            rows = read_rows(store, ref, window).rows.values()
            found += [(ref, window)] if any(row.waits for row in rows) else []
    return _in_order(workspace, found)


def _in_order(
    workspace: Workspace, slices: Iterable[tuple[TableRef, str]]
) -> tuple[tuple[TableRef, str], ...]:
    """Return slices in an order in which each table comes after what it reads."""
    place = {ref: number for number, ref in enumerate(workspace.tables)}
    return tuple(sorted(slices, key=lambda one: (one[1], place[one[0]])))


def _job_of(definitions: dg.Definitions, key: dg.AssetKey) -> dg.JobDefinition:
    for named in definitions.jobs or ():
        job = definitions.resolve_job_def(named.name)
        if key in job.asset_layer.selected_asset_keys:
            return job
    raise TerminalError("no job of this project builds the table", where=str(table_ref(key)))


def _succeeded(result: dg.ExecuteInProcessResult) -> str:
    if not result.success:
        raise TerminalError(
            f"the run failed: {first_failure(result)}",
            where=f"run {result.run_id}",
            next_step="Nothing was published by it",
        )
    return result.run_id
