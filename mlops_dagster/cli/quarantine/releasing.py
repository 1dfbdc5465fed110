"""`mlops-dagster quarantine release`: build windows again with what was decided about rows."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_dagster.cli.options import reported
from mlops_dagster.cli.quarantine.listing import equation
from mlops_dagster.cli.quarantine.place import (
    QuarantinePlace,
    current_user,
    open_place,
    place_options,
)
from mlops_dagster.data.row_ledger import RowLedger, RowStatus, read_rows
from mlops_dagster.errors import CorrectionRefused
from mlops_dagster.spec.refs import STATIC, TableRef

if TYPE_CHECKING:
    from mlops_dagster.automation.release import Released


@click.command()
@place_options
@click.argument("rows", nargs=-1)
@click.option("--table", help="With --window: this slice, also if nothing was decided about it.")
@click.option("--window", help="The window of --table; none for a table without windows.")
@click.option("--downstream", is_flag=True, help="Also what reads the table in the same window.")
@click.option("--reason", default="", help="Why; kept with the run.")
def release(
    *,
    root: Path,
    environment: str,
    use_case: str | None,
    rows: tuple[str, ...],
    table: str | None,
    window: str | None,
    downstream: bool,
    reason: str,
) -> None:
    """Build the windows of ROWS again; without rows, of all that wait for it.

    The whole window goes through its rules as they are now. Rows that pass are published once,
    however often this is called; the others stay in quarantine.
    """
    from mlops_dagster.automation.release import release_slice

    if rows and table:
        raise click.UsageError("name rows, or a table and its window")
    if window is not None and table is None:
        raise click.UsageError("--window goes with --table")
    with reported():
        place = open_place(root, environment, use_case)
        slices = _slices(place, rows, table, window)
        if not slices:
            click.echo("Nothing waits to be released.")
            return
        with place.runs() as (definitions, instance):
            for ref, key in slices:
                before = read_rows(place.store, ref, key)
                released = release_slice(
                    definitions,
                    instance,
                    ref,
                    key,
                    downstream=downstream,
                    who=current_user(),
                    why=reason,
                )
                for line in lines_of(place, before, released):
                    click.echo(line)


def lines_of(place: QuarantinePlace, before: RowLedger, released: "Released") -> Iterator[str]:
    """Yield what a build made of the rows of a slice, and what is still to be run."""
    from mlops_dagster.data.slice_counts import slice_counts

    ref, window = before.ref, before.window
    name = f"{ref}{'' if window == STATIC else f' {window}'}"
    yield f"{name}: built by run {released.run_id} of {released.job}"
    after = read_rows(place.store, ref, window)
    changed = Counter(
        row.status
        for row in after.rows.values()
        if row.settled and row.history != before.state(row.row_id).history
    )
    for status in RowStatus:
        if changed[status]:
            word = "still failing" if status is RowStatus.OPEN else status.value
            yield f"  {changed[status]} {word}"
    counts = slice_counts(place.store, ref, window)
    if counts is not None:
        yield f"  {equation(counts)}"
    if len(released.built) > 1:
        yield f"  built: {', '.join('.'.join(key.path[1:]) for key in released.built)}"
    if released.left:
        names = ", ".join(".".join(key.path[1:]) for key in released.left)
        yield f"  reads it in this window and was left (--downstream builds it): {names}"


def _slices(
    place: QuarantinePlace, rows: tuple[str, ...], table: str | None, window: str | None
) -> tuple[tuple[TableRef, str], ...]:
    from mlops_dagster.automation.release import waiting_slices
    from mlops_dagster.data.decisions import find_rows

    if table is not None:
        ref = place.table(table)
        if place.workspace.table(ref).windowed == (window is None):
            raise CorrectionRefused(
                "the table has windows" if window is None else "the table has no windows",
                where=str(ref),
                next_step="Name one with --window" if window is None else "Leave --window out",
            )
        return ((ref, window or STATIC),)
    if not rows:
        return waiting_slices(place.store, place.workspace, place.owner)
    with place.session() as session:
        found = find_rows(
            session,
            rows,
            workspace=place.workspace,
            owner=place.owner,
            store=place.store,
            locations=place.locations,
        )
    return tuple(sorted({(one.ref, one.window) for one in found}))
