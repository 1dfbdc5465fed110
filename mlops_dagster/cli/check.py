"""`mlops-dagster check`: every mistake in the project's files, or a line that there is none."""

import sys
from pathlib import Path

import click

from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.errors import SpecError
from mlops_dagster.spec.loader import find_problems, load_workspace
from mlops_dagster.spec.root import find_root
from mlops_dagster.spec.workspace import Workspace


@click.command()
@environment_option
@root_option
@click.option(
    "--leaks",
    is_flag=True,
    help="Then build published tables again from what was known at earlier instants: no row may "
    "change. Starts Spark; publishes nothing.",
)
@click.option("--window", help="With --leaks: the window to test; by default each table's newest.")
def command(environment: str, root: Path, leaks: bool, window: str | None) -> None:
    """Report every mistake in the project's files.

    Mistakes go to standard error, one a line, as file:line: key: what was expected and what was
    found; the exit code is 1 then. Without --leaks nothing is started and nothing is imported from
    hooks.py.
    """
    if window is not None and not leaks:
        raise click.UsageError("--window goes with --leaks")
    try:
        folder = find_root(root)
    except SpecError as error:
        raise click.ClickException(str(error)) from error
    problems = find_problems(folder, environment)
    if problems:
        for problem in problems:
            click.echo(str(problem), err=True)
        sys.exit(1)
    workspace = load_workspace(folder, environment)
    click.echo(summary(workspace))
    if leaks:
        from mlops_dagster.cli.check_leaks import report_leaks

        with reported():
            sound = report_leaks(workspace, window)
        if not sound:
            sys.exit(1)


def summary(workspace: Workspace) -> str:
    """Return one line that says what the workspace holds."""
    use_cases = workspace.use_cases.values()
    counts = (
        (len(workspace.use_cases), "use case"),
        (len(workspace.tables), "table"),
        (sum(len(table.rules) for table in workspace.tables.values()), "rule"),
        (sum(len(use_case.models) for use_case in use_cases), "model"),
    )
    shown = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
    return f"{workspace.project.name} in {workspace.environment.name}: {shown}; no mistakes"
