"""Tables that read what something else keeps: their source, its connection, their windows."""

from collections.abc import Mapping

from mlops_dagster.spec.check_environment import selected
from mlops_dagster.spec.connections import TableSource
from mlops_dagster.spec.directory import Directory
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.files import WorkspaceFiles
from mlops_dagster.spec.refs import PROJECT_OWNER, TableRef
from mlops_dagster.spec.table_columns import TIME_TYPES, WINDOW_COLUMN, check_column


def check_source(draft: Draft, source: TableSource, directory: Directory) -> None:
    """Report a source that names no place, or two; mark the draft as windowed or not."""
    draft.windowed = source.window_by is not None
    place = _misplaced(source)
    sound = draft.source.sound(*draft.path("source"))
    draft.windowed_known = draft.windowed_known and sound and place is None
    if not sound:
        return
    if place is not None:
        expected, found = place
        draft.source.report(*draft.path("source"), expected=expected, found=found)
        return
    for number, column in enumerate(source.columns):
        if column in source.columns[:number]:
            draft.source.report(
                *draft.path("source", "columns", number),
                problem=f"the column '{column}' stands twice",
            )
    if source.asset is not None:
        _check_asset(draft, source.asset, directory)
    _check_windows(draft, source)


def check_source_columns(draft: Draft) -> None:
    """Report columns of a source that its contract does not have, or that are no time."""
    source = draft.spec.source
    if source is None:
        return
    path = draft.path("source")
    for number, column in enumerate(source.columns):
        check_column(draft, column, *path, "columns", number)
    if source.window_by is None or source.asset is not None:
        return
    found = check_column(draft, source.window_by, *path, "window_by")
    if found is not None and found not in TIME_TYPES:
        draft.source.report(
            *path, "window_by", expected="a column of type timestamp or date", found=found
        )


def check_connections(files: WorkspaceFiles, drafts: Mapping[TableRef, Draft]) -> None:
    """Report sources of the use cases that run which name no connection of the environment."""
    environment = files.environment
    if environment is None or environment.model is None or not environment.sound("connections"):
        return
    running = {PROJECT_OWNER, *selected(files)}
    known = environment.model.connections
    for draft in drafts.values():
        source = draft.spec.source
        if source is None or source.connection is None or draft.owner.name not in running:
            continue
        if source.connection not in known:
            draft.source.report(
                *draft.path("source", "connection"),
                expected=f"one of the connections of {environment.file}",
                found=f"'{source.connection}'",
                names=known,
                nearest_to=source.connection,
                next_step=None if known else f"Add `connections:` to {environment.file}",
            )


def _misplaced(source: TableSource) -> tuple[str, str] | None:
    """Return what was expected and found where a source names no place, or two."""
    if source.connection is None and source.asset is None:
        return "either a connection with a table, or an asset", "neither"
    if source.connection is not None and source.asset is not None:
        return "either a connection with a table, or an asset", "a connection and an asset"
    if source.connection is not None and source.table is None:
        return "'schema.table' as table beside a connection", "none"
    if source.asset is not None and source.table is not None:
        return "no table beside an asset", f"'{source.table}'"
    return None


def _check_asset(draft: Draft, asset: str, directory: Directory) -> None:
    ref = TableRef.parse(asset)
    path = draft.path("source", "asset")
    if ref in directory.tables or ref == draft.ref:
        draft.source.report(
            *path,
            expected="an asset of your own",
            found=f"the table {ref}, which is declared",
            next_step="Read it by `inputs:` in SQL or a hook",
        )


def _check_windows(draft: Draft, source: TableSource) -> None:
    path = draft.path("source", "window_by")
    if source.window_by is None:
        return
    if source.asset is not None and source.window_by != WINDOW_COLUMN:
        draft.source.report(
            *path,
            expected=f"'{WINDOW_COLUMN}': an asset has the windows that its partitions are",
            found=f"'{source.window_by}'",
        )
    elif source.asset is None and source.window_by == WINDOW_COLUMN:
        draft.source.report(
            *path,
            expected="a column of time of the table behind the connection",
            found=f"'{WINDOW_COLUMN}'",
        )
    elif source.columns and source.asset is None and source.window_by not in source.columns:
        draft.source.report(
            *path, expected="one of the columns that are read", found=f"'{source.window_by}'"
        )
    if draft.calendar is None and draft.calendar_known:
        where = "project.yaml" if draft.ref.owner == PROJECT_OWNER else "the use case"
        draft.source.report(
            *path, problem=f"window_by has no meaning: {where} declares no windows", at_key=True
        )
