"""Tables as people name them on the command line, and lines in columns."""

from collections.abc import Iterator, Sequence

from mlops_dagster.errors import UnknownName
from mlops_dagster.notebook.names import find_table
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.store import EventStore


def declared_table(workspace: Workspace, store: EventStore, name: str) -> ResolvedTable:
    """Return the table of a name: `layer.name`, `project.name` or `use_case.layer.name`.

    Raises:
        UnknownName: There is none, several use cases have one, or YAML does not declare it.
    """
    ref = find_table(workspace, store, name)
    if ref not in workspace.tables:
        raise UnknownName(
            f"{ref} has no rules: no YAML declares it",
            next_step=f"There are {', '.join(map(str, workspace.tables))}",
        )
    return workspace.table(ref)


def aligned(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines of cells with each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()
