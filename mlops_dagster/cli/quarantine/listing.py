"""`mlops-dagster quarantine list`: rows with their status and reasons, and how many there are."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_dagster.cli.options import reported
from mlops_dagster.cli.quarantine.place import (
    QuarantinePlace,
    open_place,
    place_options,
    printable,
    shown_time,
)
from mlops_dagster.data.row_ledger import RowStatus

if TYPE_CHECKING:
    from mlops_dagster.data.quarantine_report import ListedRow
    from mlops_dagster.data.slice_counts import SliceCounts


@click.command("list")
@place_options
@click.option("--table", help="Only rows of this table, such as silver.weather.")
@click.option("--window", help="Only rows of this window.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in RowStatus]),
    help="Only rows that stand like this.",
)
@click.option("--rule", help="Only rows that failed this rule.")
@click.option("--limit", default=50, show_default=True, help="At most this many rows are printed.")
def list_command(
    *,
    root: Path,
    environment: str,
    use_case: str | None,
    table: str | None,
    window: str | None,
    status: str | None,
    rule: str | None,
    limit: int,
) -> None:
    """Print rows in quarantine and rows that were decided about, oldest windows first.

    Deliveries that were refused whole come before them.
    """
    from mlops_dagster.cli.deliveries import delivery_lines, open_deliveries
    from mlops_dagster.data.quarantine_report import list_rows

    with reported():
        place = open_place(root, environment, use_case)
        ref = None if table is None else place.table(table)
        whole = [
            one
            for one in open_deliveries(place.workspace, place.store, [place.owner])
            if ref in (None, one.ref) and window in (None, one.window)
        ]
        for line in delivery_lines(place.workspace, whole) if whole else ():
            click.echo(printable(line))
        with place.session() as session:
            rows = list_rows(
                session,
                workspace=place.workspace,
                owner=place.owner,
                store=place.store,
                locations=place.locations,
            )
        wanted = [
            row
            for row in rows
            if ref in (None, row.ref)
            and window in (None, row.window)
            and status in (None, row.status.value)
            and (rule is None or rule in row.reasons)
        ]
        for line in lines_of(wanted, limit):
            click.echo(line)
        for counts in _slices(place, wanted):
            click.echo(equation(counts))


def lines_of(rows: Sequence["ListedRow"], limit: int) -> Iterator[str]:
    """Yield a line a row, aligned, and one with the counts by status."""
    table = [("row", "table", "window", "status", "failed", "first seen", "rules")]
    table += [
        (
            row.row_id,
            f"{row.ref.layer}.{row.ref.name}",
            row.window,
            row.status.value,
            f"{row.attempts}x" if row.attempts else "-",
            shown_time(row.first_seen),
            ", ".join(row.reasons) or "-",
        )
        for row in rows[:limit]
    ]
    if rows:
        widths = [max(len(line[place]) for line in table) for place in range(len(table[0]))]
        for line in table:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            yield "  ".join(padded).rstrip()
    if len(rows) > limit:
        yield f"... and {len(rows) - limit} more; --limit shows them, the filters narrow them down"
    counted = Counter(row.status for row in rows)
    told = ", ".join(f"{counted[status]} {status.value}" for status in RowStatus if counted[status])
    yield told or "no rows"


def equation(counts: "SliceCounts") -> str:
    """Return the line that says where every delivered row of a slice is."""
    return (
        f"{counts.ref.layer}.{counts.ref.name} {counts.window}: {counts.rows_in} delivered = "
        f"{counts.valid} valid + {counts.quarantined} quarantined + {counts.dropped} dropped + "
        f"{counts.discarded} discarded"
    )


def _slices(place: QuarantinePlace, rows: Sequence["ListedRow"]) -> Iterator["SliceCounts"]:
    from mlops_dagster.data.slice_counts import slice_counts

    for ref, window in sorted({(row.ref, row.window) for row in rows}):
        counts = slice_counts(place.store, ref, window)
        if counts is not None:
            yield counts
