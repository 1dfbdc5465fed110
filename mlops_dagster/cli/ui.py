"""`mlops-dagster ui`: the Dagster web UI and daemon on an environment's instance."""

import os
import sys
from pathlib import Path

import click

from mlops_dagster.automation.instance import (
    ensure_port_free,
    hold_instance,
    prepare_instance,
    process_environment,
)
from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.errors import AlreadyRunning
from mlops_dagster.resources.workspace import cached_workspace
from mlops_dagster.spec.root import find_root

# A file of this name in the project's root is loaded in place of ours: it merges users' own assets.
OWN_DEFINITIONS = "definitions.py"


@click.command("ui")
@environment_option
@root_option
@click.option("--port", default=3000, show_default=True, help="Port of the web server.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def command(environment: str, root: Path, port: int, host: str) -> None:
    """Serve the web UI and run schedules and sensors; stop with Ctrl+C.

    Works from any folder. The project's own definitions.py is loaded where there is one.
    """
    with reported():
        workspace = cached_workspace(find_root(root), environment)
        home = prepare_instance(workspace)
        hold = hold_instance(workspace)
        try:
            ensure_port_free(host, port)
        except AlreadyRunning:
            hold.release()
            raise
    # This process becomes Dagster's, which must keep the hold.
    hold.keep_over_exec()
    click.echo(f"Dagster's web UI on the environment '{environment}': http://{host}:{port}")
    arguments = [
        *(sys.executable, "-m", "dagster", "dev"),
        *location(workspace.root),
        *("--host", host, "--port", str(port)),
    ]
    # Not the root: its .env names the instance of `dev`, and Dagster would let it win.
    os.chdir(home)
    os.execve(sys.executable, arguments, process_environment(workspace))  # noqa: S606 - our own arguments


def location(root: Path) -> list[str]:
    """Return the options that tell `dagster dev` what to load: the project's file, or our module.

    The folder of the file is searched for what it imports.
    """
    own = root / OWN_DEFINITIONS
    if own.is_file():
        return ["--python-file", str(own), "--working-directory", str(root)]
    return ["--module-name", "mlops_dagster.definitions"]
