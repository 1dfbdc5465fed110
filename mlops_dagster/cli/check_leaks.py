"""`mlops-dagster check --leaks`: whether a derived table shows what was not known yet."""

from collections.abc import Iterator

import click

from mlops_dagster.data.leak_check import TableChecked, check_leaks
from mlops_dagster.data.leaks import Leak
from mlops_dagster.engine.connect import open_engine
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster.state.store import open_environment_store
from mlops_dagster.tables.locations import Locations


def report_leaks(workspace: Workspace, window: str | None) -> bool:
    """Test every derived table, print a line for each; return whether none shows the future.

    Raises:
        MlopsDagsterError: Spark cannot be had, or the event store cannot be read.
    """
    store = open_environment_store(workspace.environment, workspace.state_folder)
    engine = open_engine(workspace.environment, workspace.state_folder)
    tested = leaking = 0
    try:
        with engine.step("leak test") as session:
            for table in check_leaks(
                session,
                workspace=workspace,
                store=store,
                locations=Locations(workspace.environment, workspace.root),
                window=window,
            ):
                tested += table.window is not None
                leaking += bool(table.leaks)
                for line in lines_of(table):
                    click.echo(line, err=bool(table.leaks))
    finally:
        engine.close()
    noun = "table" if tested == 1 else "tables"
    click.echo(f"{tested} {noun} tested; rows that were not known yet: in {leaking or 'none'}")
    return not leaking


def lines_of(table: TableChecked) -> Iterator[str]:
    """Yield what is printed about a table: one line, and one for each leak."""
    if table.window is None:
        yield f"{table.table}: not tested: {table.left_out}"
        return
    verdict = "leaks" if table.leaks else "no leak"
    yield f"{table.table} {table.window}: {verdict}, {len(table.instants)} instants"
    for leak in table.leaks:
        yield f"  {_leak_line(leak)}"


def _leak_line(leak: Leak) -> str:
    key = ", ".join(f"{name}={value}" for name, value in leak.key)
    at = f"from what was known by {leak.instant.isoformat(timespec='seconds')}"
    if leak.knowable is None:
        return f"{key}: the row is not there {at}"
    if leak.shown is None:
        return f"{key}: a row is there {at} which the table does not have"
    shown, knowable = dict(leak.shown), dict(leak.knowable)
    told = "; ".join(f"{name} {shown[name]}, but {knowable[name]} {at}" for name in leak.columns)
    return f"{key}: {told}"
