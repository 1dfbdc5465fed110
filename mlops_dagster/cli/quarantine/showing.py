"""`mlops-dagster quarantine show`: one row with its content, reasons and history."""

import json
from collections.abc import Iterator, Mapping
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

if TYPE_CHECKING:
    from mlops_dagster.data.quarantine_report import ListedRow


@click.command()
@place_options
@click.argument("row")
def show(root: Path, environment: str, use_case: str | None, row: str) -> None:
    """Print a ROW as it was delivered, the rules it failed, and what was decided about it."""
    from mlops_dagster.data.quarantine_report import list_rows

    with reported():
        place = open_place(root, environment, use_case)
        with place.session() as session:
            rows = list_rows(
                session,
                workspace=place.workspace,
                owner=place.owner,
                store=place.store,
                locations=place.locations,
            )
        found = [one for one in rows if one.row_id == row] or [
            one for one in rows if one.row_id.startswith(row)
        ]
        if len(found) != 1:
            problem = f"several rows begin with '{row}'" if found else f"no row '{row}'"
            command = f"mlops-dagster quarantine list{place.option}"
            raise click.ClickException(f"{problem}; `{command}` shows them")
        for line in lines_of(place, found[0]):
            click.echo(printable(line))


def lines_of(place: QuarantinePlace, row: "ListedRow") -> Iterator[str]:
    """Yield what is printed about a row."""
    from mlops_dagster.data.rule_set import rule_set

    table = place.workspace.table(row.ref)
    yield f"row {row.row_id} of {row.ref} {row.window}: {row.status.value}"
    if row.first_seen is not None:
        yield (
            f"failed {row.attempts} time{'' if row.attempts == 1 else 's'}, "
            f"first {shown_time(row.first_seen)}, last {shown_time(row.last_seen)}"
        )
    if row.rule_set is not None and row.rule_set != rule_set(table):
        yield "the table's rules have changed since: release judges it by the present ones"
    if row.reasons:
        yield "rules failed:"
        texts = {rule.name: rule.text for rule in table.rules}
        for reason in row.reasons:
            yield f"  {reason}" + (f": {texts[reason]}" if reason in texts else "")
    yield "delivered:"
    yield from _content(row.payload, row.columns)
    if row.corrected is not None:
        yield "as corrected, failed again:"
        yield from _content(row.corrected, {})
    if row.history:
        yield "history:"
    for entry in row.history:
        by = f" by {entry.who}" if entry.who else ""
        why = f": {entry.why}" if entry.why else ""
        yield f"  {shown_time(entry.at)} {entry.what}{by}{why} (run {entry.run_id[:8]})"


def _content(payload: str, columns: Mapping[str, str | None]) -> Iterator[str]:
    try:
        values = json.loads(payload, parse_float=str, parse_int=str)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        yield f"  {payload or '(kept by the table itself)'}"
        return
    width = max(map(len, values), default=0)
    for name, value in values.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        corrected = columns.get(name)
        change = ""
        if name in columns:
            change = f" -> {'null' if corrected is None else corrected}"
        yield f"  {name.ljust(width)}  {shown}{change}"
