"""`mlops-dagster propose-rules`: rules that a table's rows keep, as YAML to be reviewed."""

from pathlib import Path

import click

from mlops_dagster.cli.declared import declared_table
from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.engine.connect import open_engine
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root
from mlops_dagster.state.store import open_environment_store
from mlops_dagster.tables.locations import Locations


@click.command("propose-rules")
@click.argument("table")
@environment_option
@root_option
@click.option(
    "--windows",
    default=12,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many of the newest windows are looked at.",
)
@click.option(
    "--write",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file for the rules; by default they are printed.",
)
def command(*, table: str, environment: str, root: Path, windows: int, file: Path | None) -> None:
    """Profile TABLE and write rules that its published rows keep, with their evidence.

    A TABLE is layer.name, project.name or use_case.layer.name. Rules are learnt from the older
    windows and tried on the newest quarter of them; what does not hold there is left out and named.
    Publishes nothing; the file is the only thing that is written.
    """
    with reported():
        text = _proposals(root, environment, table, windows=windows)
        if file is None:
            click.echo(text, nl=False)
            return
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file}: review it, then put its rules under the table in YAML")


def _proposals(root: Path, environment: str, name: str, *, windows: int) -> str:
    from mlops_dagster.data.past_batches import past_batches
    from mlops_dagster.data.propose import propose
    from mlops_dagster.data.proposed_text import proposed_text

    workspace = load_workspace(find_root(root), environment)
    store = open_environment_store(workspace.environment, workspace.state_folder)
    table = declared_table(workspace, store, name)
    batches = past_batches(store, table, at_most=windows)
    engine = open_engine(workspace.environment, workspace.state_folder, read_only=True)
    try:
        with engine.step(f"profile of {table.ref}") as session:
            return proposed_text(
                propose(
                    session,
                    batches,
                    table=table,
                    locations=Locations(workspace.environment, workspace.root),
                )
            )
    finally:
        engine.close()
