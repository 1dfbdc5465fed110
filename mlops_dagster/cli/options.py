"""Options that several subcommands share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.spec.root import DEFAULT_ENVIRONMENT, ENVIRONMENT_VARIABLE, ROOT_VARIABLE

root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar=ROOT_VARIABLE,
    default=Path("."),
    help=f"The project's folder or one below it; also set by {ROOT_VARIABLE}.  "
    "[default: the current folder]",
)
environment_option = click.option(
    "--environment",
    "-e",
    envvar=ENVIRONMENT_VARIABLE,
    default=DEFAULT_ENVIRONMENT,
    show_default=True,
    help=f"A file of environments/, without .yaml; also set by {ENVIRONMENT_VARIABLE}.",
)


@contextmanager
def reported() -> Iterator[None]:
    """Turn the product's errors into one message and exit code 1, without a traceback."""
    try:
        yield
    except MlopsDagsterError as error:
        raise click.ClickException(str(error)) from error
