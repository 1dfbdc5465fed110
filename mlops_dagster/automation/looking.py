"""One look at the watched files of a use case: which window is to be run, what came too late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from mlops_dagster.automation.due import next_due
from mlops_dagster.automation.tries import Wanted
from mlops_dagster.data.delivery_events import SliceDeliveries, slice_deliveries
from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.data.file_index import FileIndex
from mlops_dagster.data.watching import Look, State, is_told, look_at, takes
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedTable, ResolvedUseCase, Workspace
from mlops_dagster.state.store import EventStore

Late: TypeAlias = tuple[ResolvedTable, str, Look]


@dataclass(frozen=True)
class Asked:
    """What one look at the folder gave.

    Attributes:
        wanted: Windows with new or changed files, the oldest first.
        refused: Windows whose files were refused as they are.
        late: Slices that changed too late and were not told yet.
        unknown: Files to remember.
    """

    wanted: tuple[Wanted, ...] = ()
    refused: frozenset[str] = frozenset()
    late: tuple[Late, ...] = ()
    unknown: tuple[DeliveredFile, ...] = ()


def watched_tables(use_case: ResolvedUseCase) -> list[ResolvedTable]:
    """Return the tables of a use case whose files are watched."""
    return [table for table in use_case.tables.values() if table.spec.watch]


def look(
    use_case: ResolvedUseCase,
    workspace: Workspace,
    store: EventStore,
    *,
    now: datetime,
    done: frozenset[str],
    remembered: Mapping[str, DeliveredFile],
) -> Asked:
    """Look at all watched files and return the windows to run.

    A window that no run has seen is asked for when it is the next in line and every watched table
    has its files; one that was seen, when its files changed within their lateness.

    Args:
        use_case: A use case with watched tables.
        workspace: Says where the landing folder is.
        store: Tells what was ingested.
        now: The present instant.
        done: Windows whose runs have ended well.
        remembered: Files by path that were looked at before.
    """
    tables = watched_tables(use_case)
    known = {table.ref: slice_deliveries(store, table.ref) for table in tables}
    looks: list[tuple[ResolvedTable, str, Look]] = []
    newest = _newest(use_case, done)
    for table in tables:
        index = None if table.spec.window_by is None else FileIndex.of(store, table.ref)
        told = {file.path: file for one in known[table.ref].values() for file in one.seen or ()}
        for window in _windows(use_case, table, known[table.ref], done=done, now=now):
            seen = look_at(
                table,
                window,
                landing=workspace.landing,
                known=known[table.ref].get(window),
                now=now,
                told=told,
                remembered=remembered,
                index=index,
                reads_new=window == newest,
            )
            looks.append((table, window, seen))
    unknown = tuple({f.path: f for _, _, seen in looks for f in seen.unknown}.values())
    changed = [one for one in looks if one[2].state is State.CHANGED]
    due, late = _new(looks), []
    for table, window, seen in changed:
        slice_known = known[table.ref].get(window)
        if seen.unread or takes(table, window, slice_known, now=now):
            due.append((table, window, seen))
        elif not is_told(slice_known, seen):
            late.append((table, window, seen))
    runs = [(table, _run_of(window, use_case, done), seen) for table, window, seen in due]
    windows = sorted({window for _, window, _ in runs if window is not None})
    wanted = tuple(_wanted(window, runs) for window in windows)
    refused = {
        _run_of(window, use_case, done)
        for slices in known.values()
        for window, slice_known in slices.items()
        if slice_known.waiting is not None
    }
    return Asked(
        wanted=wanted,
        refused=frozenset(window for window in refused if window is not None),
        late=tuple(late),
        unknown=unknown,
    )


def _wanted(window: str, runs: Sequence[tuple[ResolvedTable, str | None, Look]]) -> Wanted:
    mine = [
        (f"{table.ref.layer}.{table.ref.name}", seen) for table, run, seen in runs if run == window
    ]
    return Wanted(
        window=window,
        key="|".join(f"{name}:{seen.key}" for name, seen in mine),
        tables=tuple(name for name, _ in mine),
    )


def _windows(
    use_case: ResolvedUseCase,
    table: ResolvedTable,
    known: Mapping[str, SliceDeliveries],
    *,
    done: frozenset[str],
    now: datetime,
) -> list[str]:
    """Return the windows of a table to look at: those that a run has seen, and the next in line."""
    if not table.windowed or use_case.calendar is None:
        return [STATIC]
    following = next_due(use_case.calendar, done=done, now=now, opens=False)
    found = set(known) | ({following} if following is not None else set())
    return sorted(found)


def _new(
    looks: Sequence[tuple[ResolvedTable, str, Look]],
) -> list[tuple[ResolvedTable, str, Look]]:
    """Return slices that no run has seen, of windows in which every watched table has its files."""
    incomplete = {
        window
        for _, window, seen in looks
        if seen.state in (State.MISSING, State.UNSETTLED) and window != STATIC
    }
    return [one for one in looks if one[2].state is State.NEW and one[1] not in incomplete]


def _run_of(window: str, use_case: ResolvedUseCase, done: frozenset[str]) -> str | None:
    """Return the partition that takes a slice in: for whole tables beside windows, the newest."""
    if window != STATIC or use_case.calendar is None:
        return window
    return _newest(use_case, done)


def _newest(use_case: ResolvedUseCase, done: frozenset[str]) -> str | None:
    if use_case.calendar is None:
        return None
    return max(done, key=use_case.calendar.index, default=None)
