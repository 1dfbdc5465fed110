"""`mlops-dagster quarantine fix`, `discard`, `reopen`: decisions about rows, each a Dagster run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_dagster.cli.options import reported
from mlops_dagster.cli.quarantine.place import (
    QuarantinePlace,
    current_user,
    open_place,
    place_options,
    printable,
)
from mlops_dagster.data.row_ledger import Action

if TYPE_CHECKING:
    from mlops_dagster.automation.release import RowRequest
    from mlops_dagster.data.decisions import DecidedRow

_reason = click.option("--reason", default="", help="Why; kept with the decision.")
_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would come of it.")
_rows = click.argument("rows", nargs=-1)
_one_or_more_rows = click.argument("rows", nargs=-1, required=True)


@click.command()
@place_options
@_rows
@click.option("--set", "values", multiple=True, metavar="COLUMN=VALUE", help="A corrected value.")
@click.option("--null", "nulls", multiple=True, metavar="COLUMN", help="A value that is unknown.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=r"A CSV file: column `row` and the columns to correct; empty leaves a value, \N is null.",
)
@_reason
@_dry_run
def fix(
    *,
    root: Path,
    environment: str,
    use_case: str | None,
    rows: tuple[str, ...],
    values: tuple[str, ...],
    nulls: tuple[str, ...],
    file: Path | None,
    reason: str,
    dry_run: bool,
) -> None:
    """Correct values of ROWS; release then publishes them if the rules agree."""
    from mlops_dagster.automation.release import RowRequest
    from mlops_dagster.cli.quarantine.corrections import assignments, read_corrections

    if (file is None) == (not rows):
        raise click.UsageError("name rows, or a --file of them")
    if file is not None and (values or nulls):
        raise click.UsageError("--set and --null go with rows, not with --file")
    with reported():
        if file is not None:
            requests: Sequence[RowRequest] = read_corrections(file)
        else:
            columns = assignments(values, nulls)
            requests = [RowRequest(row, columns) for row in rows]
        place = open_place(root, environment, use_case)
        decide_about(place, Action.FIX, requests, reason=reason, dry_run=dry_run)


@click.command()
@place_options
@_one_or_more_rows
@click.option("--reason", required=True, help="Why; kept with the decision.")
@_dry_run
def discard(
    *,
    root: Path,
    environment: str,
    use_case: str | None,
    rows: tuple[str, ...],
    reason: str,
    dry_run: bool,
) -> None:
    """Leave ROWS out for good; their content and the reason stay on record."""
    with reported():
        place = open_place(root, environment, use_case)
        _about_whole_rows(place, Action.DISCARD, rows, reason=reason, dry_run=dry_run)


@click.command()
@place_options
@_one_or_more_rows
@_reason
@_dry_run
def reopen(
    *,
    root: Path,
    environment: str,
    use_case: str | None,
    rows: tuple[str, ...],
    reason: str,
    dry_run: bool,
) -> None:
    """Withdraw what was decided about ROWS."""
    with reported():
        place = open_place(root, environment, use_case)
        _about_whole_rows(place, Action.REOPEN, rows, reason=reason, dry_run=dry_run)


def decide_about(
    place: QuarantinePlace,
    action: Action,
    requests: Sequence["RowRequest"],
    *,
    reason: str,
    dry_run: bool,
) -> None:
    """Check a decision, print what would come of it and, unless `dry_run`, record it by a run.

    Raises:
        MlopsDagsterError: It is refused, or the run failed.
    """
    from mlops_dagster.automation.release import run_decision
    from mlops_dagster.data.decisions import Change, decide

    who = current_user()
    with place.session() as session:
        decided = decide(
            session,
            action,
            [Change(one.row, one.columns) for one in requests],
            workspace=place.workspace,
            owner=place.owner,
            who=who,
            why=reason,
            store=place.store,
            locations=place.locations,
            run_id="",
            dry_run=True,
        )
    for line in lines_of(action, decided):
        click.echo(printable(line))
    if dry_run:
        click.echo("Nothing was recorded.")
        return
    with place.runs() as (definitions, instance):
        run_id = run_decision(
            definitions,
            instance,
            owner=place.owner,
            action=action,
            rows=requests,
            who=who,
            why=reason,
        )
    command = f"mlops-dagster quarantine release{place.option}"
    click.echo(f"Recorded by run {run_id}. `{command}` applies it.")


def lines_of(action: Action, decided: Sequence["DecidedRow"]) -> Iterator[str]:
    """Yield a line or two for each row: what is decided, and what the present rules would say."""
    for one in decided:
        known = "" if one.new else " (decided so before)"
        yield f"{action.value} {one.found}{known}"
        if one.columns:
            shown = (f"{k} = {'null' if v is None else v}" for k, v in one.columns.items())
            yield f"  {', '.join(shown)}"
        expected = one.expected
        if expected is None:
            continue
        verdict = "passes the present rules"
        if expected.failing:
            verdict = f"would still fail: {', '.join(expected.failing)}"
        if expected.unreadable:
            verdict += f"; no readable value for {', '.join(expected.unreadable)}"
        if expected.untried:
            verdict += f"; not tried, other rows decide: {', '.join(expected.untried)}"
        yield f"  {verdict}"


def _about_whole_rows(
    place: QuarantinePlace, action: Action, rows: Sequence[str], *, reason: str, dry_run: bool
) -> None:
    from mlops_dagster.automation.release import RowRequest

    requests = [RowRequest(row, {}) for row in rows]
    decide_about(place, action, requests, reason=reason, dry_run=dry_run)
