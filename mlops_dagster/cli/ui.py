"""`mlops-dagster ui`: the Dagster web UI and daemon on an environment's instance."""

import os
import sys

import click

from mlops_dagster.automation.instance import prepare_instance, process_environment
from mlops_dagster.resources.workspace import cached_workspace, project_root


@click.command("ui")
@click.option("--environment", default="dev", show_default=True, help="A name below environments/.")
@click.option("--port", default=3000, show_default=True, help="Port of the web server.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def command(environment: str, port: int, host: str) -> None:
    """Serve the web UI and run schedules and sensors; stop with Ctrl+C."""
    workspace = cached_workspace(project_root(), environment)
    home = prepare_instance(workspace)
    click.echo(f"Dagster's web UI on the environment '{environment}': http://{host}:{port}")
    arguments = [
        *(sys.executable, "-m", "dagster", "dev"),
        *("--module-name", "mlops_dagster.definitions"),
        *("--host", host, "--port", str(port)),
    ]
    # Not the root: its .env names the instance of `dev`, and Dagster would let it win.
    os.chdir(home)
    os.execve(sys.executable, arguments, process_environment(workspace))  # noqa: S606 - our own arguments
