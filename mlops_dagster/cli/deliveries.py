"""`mlops-dagster deliveries`: what was set aside whole and what came too late; starts nothing."""

from collections.abc import Collection, Iterator
from pathlib import Path

import click

from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.data.delivery_events import SliceDeliveries, slice_deliveries
from mlops_dagster.data.set_aside import folder_of
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster.state.store import EventStore, open_environment_store

_SHOWN_DIGITS = 12


@click.command()
@environment_option
@root_option
@click.option("--table", help="Only this table, such as shop.bronze.orders.")
def command(environment: str, root: Path, table: str | None) -> None:
    """List deliveries that were refused whole or came too late, and what to do about them.

    Starts nothing. A run of the window puts it right: with other files, or another contract.
    """
    with reported():
        workspace = load_workspace(find_root(root), environment)
        store = open_environment_store(workspace.environment, workspace.state_folder)
        owners = {ref.owner for ref in workspace.tables}
        found = [
            one
            for one in open_deliveries(workspace, store, owners)
            if table in (None, str(one.ref))
        ]
        for line in delivery_lines(workspace, found):
            click.echo(line)


def open_deliveries(
    workspace: Workspace, store: EventStore, owners: Collection[str]
) -> list[SliceDeliveries]:
    """Return the slices of owners' tables of which something is set aside or came too late."""
    return [
        found
        for ref, table in workspace.tables.items()
        if ref.owner in owners and not table.is_derived
        for found in slice_deliveries(store, ref).values()
        if found.waiting is not None or found.too_late is not None
    ]


def delivery_lines(workspace: Workspace, found: Collection[SliceDeliveries]) -> Iterator[str]:
    """Yield what is known of each of the slices, and where copies lie."""
    for one in found:
        yield from _lines_of(one)
    if any(one.waiting is not None and one.waiting.kept for one in found):
        yield f"copies and notes: {folder_of(workspace)}/<digest>/"
    if not found:
        yield "nothing is set aside, nothing came too late"


def _lines_of(one: SliceDeliveries) -> Iterator[str]:
    name = f"{one.ref} {one.window}"
    if one.waiting is not None:
        yield f"{name}: set aside: {one.waiting.reason}"
        for file in one.waiting.files:
            if file.digest in one.waiting.kept:
                yield f"    {file.path} {file.digest[:_SHOWN_DIGITS]}"
    if one.too_late is not None:
        yield f"{name}: too late: changed after its lateness; a run of the window takes it in"
        for file in one.too_late.files:
            yield f"    {file.path} {file.digest[:_SHOWN_DIGITS]}"
