"""Options that several subcommands share."""

from pathlib import Path

import click

ENVIRONMENT_VARIABLE = "MLOPS_DAGSTER_ENVIRONMENT"

root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("."),
    help="The project's folder or one below it.  [default: the current folder]",
)
environment_option = click.option(
    "--environment",
    "-e",
    envvar=ENVIRONMENT_VARIABLE,
    default="dev",
    show_default=True,
    help=f"A file of environments/, without .yaml; also set by {ENVIRONMENT_VARIABLE}.",
)
