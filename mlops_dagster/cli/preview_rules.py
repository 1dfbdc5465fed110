"""`mlops-dagster preview-rules`: what the present rules would have made of past batches."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_dagster.cli.declared import aligned, declared_table
from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.cli.quarantine.place import printable
from mlops_dagster.engine.connect import open_engine
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root
from mlops_dagster.state.store import open_environment_store
from mlops_dagster.tables.locations import Locations

if TYPE_CHECKING:
    from mlops_dagster.data.impact import BatchImpact, RuleImpact, TableImpact


@click.command("preview-rules")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@environment_option
@root_option
@click.option(
    "--windows",
    default=12,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many of the newest windows of each table are looked at.",
)
@click.option("--window", help="Only this window.")
@click.option("--all", "show_all", is_flag=True, help="Also rules that fail no row, now or then.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    *,
    tables: tuple[str, ...],
    environment: str,
    root: Path,
    windows: int,
    window: str | None,
    show_all: bool,
    as_json: bool,
) -> None:
    """Show what the rules of TABLEs, as they stand now, would have made of past batches.

    A TABLE is layer.name, project.name or use_case.layer.name; without any, every table with a
    published batch is looked at. The batches are those that were published, with the rows that went
    to quarantine. Publishes nothing and changes nothing.
    """
    with reported():
        found = list(_impacts(root, environment, tables, windows=windows, window=window))
    if as_json:
        click.echo(as_text(found))
        return
    for place, one in enumerate(found):
        if place:
            click.echo()
        for line in lines_of(one, show_all=show_all):
            click.echo(printable(line))
    if not found:
        click.echo("no published batch to look at")


def as_text(found: Sequence["TableImpact"]) -> str:
    """Return everything as JSON: a list of tables with their batches and rules."""
    from pydantic import TypeAdapter

    from mlops_dagster.data.impact import TableImpact

    return TypeAdapter(list[TableImpact]).dump_json(list(found), indent=2).decode()


def lines_of(found: "TableImpact", *, show_all: bool = False) -> Iterator[str]:
    """Yield what is printed about a table: its windows, then its rules that tell something."""
    yield f"{found.table}: {_changes(found)}"
    if found.batches:
        yield from aligned([_WINDOW_HEADER, *map(_window_line, found.batches)])
        told = [
            (batch.window, rule)
            for batch in found.batches
            for rule in batch.rules
            if show_all or rule.tells
        ]
        # By rule, so that one can be followed over the windows.
        told.sort(key=lambda one: one[1].name)
        if told:
            yield ""
            yield from aligned([_RULE_HEADER, *(_rule_line(window, rule) for window, rule in told)])
    for batch in found.batches:
        yield from _remarks(batch)
    for window, reason in found.left_out.items():
        yield f"{window} is left out: {reason}"


_WINDOW_HEADER = ("window", "rows", "valid", "then", "quarantined", "then", "dropped", "then", "")
_RULE_HEADER = ("rule", "state", "route", "window", "fail", "then")


def _changes(found: "TableImpact") -> str:
    """Return which rules are not as they were when the batches were judged."""
    states: dict[str, dict[str, None]] = {}
    for batch in found.batches:
        for rule in batch.rules:
            if rule.state.value != "same":
                states.setdefault(rule.state.value, {})[rule.name] = None
    recorded = states.pop("not recorded", {})
    told = [f"{state}: {', '.join(names)}" for state, names in states.items()]
    if recorded:
        told.append("some batches are of a release that did not record each rule")
    return "; ".join(told) or "its rules are as they were"


def _window_line(batch: "BatchImpact") -> tuple[str, ...]:
    pairs = (
        (batch.now.valid, batch.then.valid),
        (batch.now.quarantined, batch.then.quarantined),
        (batch.now.dropped, batch.then.dropped),
    )
    cells = (f"{number:,}" for pair in pairs for number in pair)
    return (batch.window, f"{batch.rows:,}", *cells, "refused" if batch.refused else "")


def _rule_line(window: str, rule: "RuleImpact") -> tuple[str, ...]:
    now = "-" if rule.status is None else _said(rule.status, rule.failed_rows)
    if rule.dropped_then:
        # Zero would read as if it stopped nothing any more.
        now = "not known" if rule.status is None else f"{now} of the rest"
    # Without a result of then, only what failed is known.
    then = "-" if rule.then is None else _said(rule.then, rule.failed_then)
    if rule.then is None and rule.failed_then is not None:
        then = f"{rule.failed_then:,}"
    return (rule.name, rule.state.value, rule.route.value, window, now, then)


def _said(status: str, failed: int | None) -> str:
    return status if failed is None else f"{failed:,}"


def _remarks(batch: "BatchImpact") -> Iterator[str]:
    if batch.not_kept:
        yield (
            f"{batch.window}: {batch.not_kept:,} rows were dropped or discarded then; they are "
            "kept nowhere and were not looked at"
        )
    for rule in batch.rules:
        if rule.dropped_then:
            yield (
                f"{batch.window}: {rule.name} dropped {rule.dropped_then:,} rows then; how many of "
                "them it would let through as it stands now cannot be told"
            )
    if batch.lost:
        yield f"{batch.window}: {batch.lost:,} quarantined rows cannot be read back"
    for rule in batch.rules:
        if rule.refuses:
            yield f"{batch.window} would be refused: {rule.message}"


def _impacts(
    root: Path, environment: str, names: tuple[str, ...], *, windows: int, window: str | None
) -> Iterator["TableImpact"]:
    from mlops_dagster.data.impact import impact
    from mlops_dagster.data.past_batches import past_batches

    workspace = load_workspace(find_root(root), environment)
    store = open_environment_store(workspace.environment, workspace.state_folder)
    locations = Locations(workspace.environment, workspace.root)
    chosen = [declared_table(workspace, store, name) for name in names]
    engine = open_engine(workspace.environment, workspace.state_folder, read_only=True)
    try:
        for table in chosen or workspace.tables.values():
            batches = past_batches(
                store, table, at_most=windows, windows=None if window is None else {window}
            )
            if not batches:
                continue
            with engine.step(f"rules of {table.ref}") as session:
                yield impact(
                    session,
                    batches,
                    workspace=workspace,
                    table=table,
                    store=store,
                    locations=locations,
                )
    finally:
        engine.close()
