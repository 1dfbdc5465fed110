"""`mlops-dagster mlflow`: MLflow's web UI on an environment's runs and models."""

import os
import sys
from pathlib import Path

import click

from mlops_dagster.assets.links import LOCAL_MLFLOW
from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root


@click.command("mlflow")
@environment_option
@root_option
def command(environment: str, root: Path) -> None:
    """Serve MLflow's web UI on this machine; stop with Ctrl+C.

    It listens where the links of Dagster's UI lead. An environment with an MLflow server of its own
    needs none.
    """
    from mlops_dagster.registry.tracking import open_tracker

    with reported():
        workspace = load_workspace(find_root(root), environment)
        tracker = open_tracker(workspace.environment, workspace.state_folder)
    if tracker.artifacts is None:
        raise click.ClickException(f"environment '{environment}' has an MLflow server of its own.")
    host, port = LOCAL_MLFLOW.removeprefix("http://").split(":")
    click.echo(f"MLflow on the environment '{environment}': {LOCAL_MLFLOW}")
    arguments = [
        *(sys.executable, "-m", "mlflow", "ui"),
        *("--backend-store-uri", tracker.uri),
        *("--default-artifact-root", tracker.artifacts.as_uri()),
        *("--host", host, "--port", port, "--workers", "1"),
    ]
    os.execve(sys.executable, arguments, dict(os.environ))  # noqa: S606 - our own arguments
