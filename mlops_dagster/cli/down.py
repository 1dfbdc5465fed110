"""`mlops-dagster down`: stop the local Spark server now."""

from pathlib import Path

import click

from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root


@click.command()
@environment_option
@root_option
@click.option("--force", is_flag=True, help="Also while runs use it; their steps are tried again.")
def command(environment: str, root: Path, force: bool) -> None:
    """Stop the environment's local Spark server; tables and state stay."""
    with reported():
        workspace = load_workspace(find_root(root), environment)
        from mlops_dagster.engine.files import EngineFiles
        from mlops_dagster.engine.server import stop_server

        stopped = stop_server(EngineFiles.of(workspace.state_folder), force=force)
    click.echo("Stopped." if stopped else f"No Spark server of '{environment}' was running.")
