"""`mlops-dagster quarantine`: look at rows that failed a rule, decide about them, release them."""

import click

from mlops_dagster.cli.quarantine.decide import discard, fix, reopen
from mlops_dagster.cli.quarantine.listing import list_command
from mlops_dagster.cli.quarantine.releasing import release
from mlops_dagster.cli.quarantine.showing import show


@click.group("quarantine")
def command() -> None:
    """Look at rows that failed a rule, decide about them, release them.

    fix, discard and reopen record a decision; release builds the window again, under the present
    rules. Each is a Dagster run and is kept with who and why. A row is named by its id, or by the
    first characters of it.
    """


for _verb in (list_command, show, fix, discard, reopen, release):
    command.add_command(_verb)
