"""`mlops-dagster alerts`: what was told, and what a channel has not taken yet."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.store import EventStore, open_environment_store

# Who raises what no run does.
_RAISED_BY = "mlops-dagster alerts"


@click.command()
@environment_option
@root_option
@click.option("--last", default=20, show_default=True, help="How many to list, the newest last.")
@click.option("--retry", is_flag=True, help="First tell channels what they were not told yet.")
def command(environment: str, root: Path, last: int, retry: bool) -> None:
    """List recent alerts about all models and deliveries, by when they were decided.

    Without --retry nothing is sent. The exit code is 1 when a channel did not take one now.
    """
    failed = 0
    with reported():
        workspace = load_workspace(find_root(root), environment)
        store = open_environment_store(workspace.environment, workspace.state_folder)
        if retry:
            failed = _tell_waiting(workspace, store)
        for line in alert_lines(workspace, store, last=last):
            click.echo(line)
    if failed:
        sys.exit(1)


def alert_lines(workspace: Workspace, store: EventStore, *, last: int) -> Iterator[str]:
    """Yield a line an alert and one for each channel that has not taken it."""
    from mlops_dagster.monitoring.alert_events import read_alerts

    names = [*_models(workspace), *(str(table.ref) for table in _delivered_tables(workspace))]
    found = [told for name in names for told in read_alerts(store, name).alerts.values()]
    found.sort(key=lambda told: (told.as_of, told.raised.about))
    if not found:
        yield "no alerts yet"
    for told in found[-last:] if last > 0 else []:
        alert = told.raised
        what = f"{alert.severity.value} {alert.alert_kind.value} {alert.about} {alert.window}"
        yield f"{told.as_of:%Y-%m-%d %H:%M}  {what}: {alert.text}"
        for channel in told.waiting:
            yield f"    {channel} has not taken it: {told.problems.get(channel, 'not tried yet')}"


def _tell_waiting(workspace: Workspace, store: EventStore) -> int:
    """Tell channels what they have not taken, and what was recorded of deliveries and not told."""
    from mlops_dagster.lifecycle.alerts import channels_of, deliver
    from mlops_dagster.lifecycle.delivery_alerts import Teller, tell_of_deliveries

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    channels = channels_of(workspace)
    logger = logging.getLogger("mlops_dagster.alerts")
    teller = Teller(workspace, store, _RAISED_BY, logger)
    told = [
        *(
            deliver(store, name, channels, run_id=_RAISED_BY, logger=logger)
            for name in _models(workspace)
        ),
        *(tell_of_deliveries(teller, table) for table in _delivered_tables(workspace)),
    ]
    return sum(one.failed for one in told)


def _models(workspace: Workspace) -> list[str]:
    use_cases = workspace.use_cases.values()
    return [model.stream for one in use_cases for model in one.models.values()]


def _delivered_tables(workspace: Workspace) -> list[ResolvedTable]:
    return [table for table in workspace.tables.values() if not table.is_derived]
