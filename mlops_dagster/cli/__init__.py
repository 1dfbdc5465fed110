"""The command `mlops-dagster`.

A subcommand's module is imported when it is called, so that start-up stays fast.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import click

from mlops_dagster.errors import nearest_name


@dataclass(frozen=True)
class Subcommand:
    """Where a subcommand stands: a module with a click command `command`; its line in the help."""

    module: str
    summary: str


SUBCOMMANDS: Mapping[str, Subcommand] = {
    "alerts": Subcommand("mlops_dagster.cli.alerts", "List recent alerts; send what is waiting."),
    "check": Subcommand("mlops_dagster.cli.check", "Report every mistake in the project's files."),
    "deliveries": Subcommand(
        "mlops_dagster.cli.deliveries", "List deliveries that were set aside or came too late."
    ),
    "demo": Subcommand(
        "mlops_dagster.cli.demo", "Replay a year of flights and show what happened."
    ),
    "down": Subcommand("mlops_dagster.cli.down", "Stop the local Spark server."),
    "mlflow": Subcommand("mlops_dagster.cli.mlflow", "Open MLflow's web UI on an environment."),
    "preview-rules": Subcommand(
        "mlops_dagster.cli.preview_rules", "Show what the rules of now would make of past batches."
    ),
    "propose-rules": Subcommand(
        "mlops_dagster.cli.propose_rules", "Profile a table and write rules that its data keep."
    ),
    "quarantine": Subcommand(
        "mlops_dagster.cli.quarantine", "Look at rows that failed a rule, fix and release them."
    ),
    "run": Subcommand("mlops_dagster.cli.run", "Run a use case and show what came of it."),
    "schema": Subcommand("mlops_dagster.cli.schema", "Print or write JSON Schemas for editors."),
    "status": Subcommand("mlops_dagster.cli.status", "Show engine, champions and decisions."),
    "ui": Subcommand("mlops_dagster.cli.ui", "Open Dagster's web UI on an environment."),
    "up": Subcommand(
        "mlops_dagster.cli.up", "Start the local Spark server ahead of its first use."
    ),
}


class LazyGroup(click.Group):
    """A group that knows its subcommands by name and imports none of them to list them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands."""
        return sorted(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        known = SUBCOMMANDS.get(cmd_name)
        if known is None:
            return None
        command = import_module(known.module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{known.module}.command is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand of a command line; refuse an unknown one with the nearest name."""
        name = args[0]
        if name not in SUBCOMMANDS and not name.startswith("-"):
            near = nearest_name(name, SUBCOMMANDS)
            hint = "" if near is None else f" (did you mean {near}?)"
            ctx.fail(f"no such command '{name}'{hint}; there are {', '.join(sorted(SUBCOMMANDS))}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands for the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUBCOMMANDS[name].summary) for name in sorted(SUBCOMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mlops-dagster", prog_name="mlops-dagster")
def main() -> None:
    """Run the whole life of machine-learning use cases as one Dagster asset graph."""
