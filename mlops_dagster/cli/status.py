"""`mlops-dagster status`: engine, champions and decisions, from files and the event store alone."""

from collections.abc import Iterator
from pathlib import Path

import click

from mlops_dagster.cli.deliveries import open_deliveries
from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.engine.status import EngineStatus, read_status
from mlops_dagster.monitoring.events import history
from mlops_dagster.registry.champion import current_champion
from mlops_dagster.registry.ledger import read_ledger
from mlops_dagster.spec.environment import LocalEngine
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace
from mlops_dagster.state.fence import published_windows
from mlops_dagster.state.store import EventStore, open_environment_store


@click.command()
@environment_option
@root_option
def command(environment: str, root: Path) -> None:
    """Show what runs and what is in charge. Starts nothing, opens no connection to Spark."""
    with reported():
        workspace = load_workspace(find_root(root), environment)
        store = open_environment_store(workspace.environment, workspace.state_folder)
        for line in status_lines(workspace, store):
            click.echo(line)


def status_lines(workspace: Workspace, store: EventStore) -> Iterator[str]:
    """Yield the lines of the status."""
    engine = workspace.environment.engine
    if isinstance(engine, LocalEngine):
        yield f"engine: {_engine_line(read_status(workspace.state_folder))}"
    else:
        yield f"engine: {engine.kind}"
    for use_case in workspace.use_cases.values():
        yield f"{use_case.name}:"
        for model in use_case.models.values():
            yield from _model_lines(use_case, model, store)
        yield from _delivery_lines(workspace, use_case, store)


def _delivery_lines(
    workspace: Workspace, use_case: ResolvedUseCase, store: EventStore
) -> Iterator[str]:
    found = open_deliveries(workspace, store, [use_case.name])
    if found:
        slices = ", ".join(f"{one.ref.layer}.{one.ref.name} {one.window}" for one in found)
        yield f"  set aside or too late: {slices}; see `mlops-dagster deliveries`"


def _engine_line(status: EngineStatus) -> str:
    if status.server is None:
        failure = f"; the last start failed: {status.last_failure}" if status.last_failure else ""
        return f"local Spark server {status.phase}{failure}"
    use = "in use" if status.in_use else "idle"
    memory = "" if status.memory_megabytes is None else f", {status.memory_megabytes} MB"
    return f"local Spark server running, pid {status.server.server_pid}{memory}, {use}"


def _model_lines(
    use_case: ResolvedUseCase, model: ResolvedModel, store: EventStore
) -> Iterator[str]:
    windows = sorted(published_windows(store, model.rows))
    data = "no data yet"
    if windows:
        data = (
            "data is in"
            if use_case.calendar is None
            else f"{len(windows)} windows, newest {windows[-1]}"
        )
    champion = current_champion(read_ledger(store, model.stream), use_case.calendar)
    charge = (
        "no champion"
        if champion is None
        else f"champion version {champion.version} (cutoff {champion.cutoff_window})"
    )
    yield f"  {model.name}: {data}; {charge}"
    decisions = history(store, model.stream).decisions
    if decisions:
        newest = decisions[max(decisions)]
        yield f"    {newest.window}: {newest.kind.value}, {newest.reason}"
