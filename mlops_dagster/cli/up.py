"""`mlops-dagster up`: start the local Spark server before something needs it."""

from pathlib import Path

import click

from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.spec.environment import LocalEngine
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root


@click.command()
@environment_option
@root_option
def command(environment: str, root: Path) -> None:
    """Start the environment's local Spark server, unless it runs already.

    Steps start it by themselves; this only saves the first of them the wait. It stops when nobody
    has used it for the idle time of the environment.
    """
    with reported():
        workspace = load_workspace(find_root(root), environment)
        engine = workspace.environment.engine
        if not isinstance(engine, LocalEngine):
            raise click.ClickException(
                f"environment '{environment}' uses a {engine.kind} engine: nothing to start here."
            )
        from mlops_dagster.engine.files import EngineFiles
        from mlops_dagster.engine.server import lease_server
        from mlops_dagster.engine.settings import ServerSettings

        files = EngineFiles.of(workspace.state_folder)
        leased = lease_server(files, ServerSettings.of(engine))
        leased.lease.release()
    click.echo(f"Spark server of '{environment}' is up: pid {leased.state.server_pid}.")
