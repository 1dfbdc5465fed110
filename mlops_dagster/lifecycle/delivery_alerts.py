"""Telling about deliveries: one that was refused whole, files that came after their window's run.

A text names the table, the problem and files, never what is in them, and is cut to a length.
"""

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlops_dagster.data.delivery_events import (
    DeliveryIngested,
    DeliveryLate,
    DeliverySetAside,
    delivery_stream,
)
from mlops_dagster.data.file_digests import DeliveredFile, content_of
from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.lifecycle.alerts import AlertsTold, channels_of, tell_about
from mlops_dagster.monitoring.alerts import Alert
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.store import EventStore, StoredEvent

LONGEST_TEXT = 400
_SHOWN = 3
_LONGEST_PART = 80
_KINDS = {AlertKind.DELIVERY_REFUSED, AlertKind.LATE_DATA}


@dataclass(frozen=True)
class Teller:
    """Who tells: a run of a table, or the sensor of files, which nothing may hold up for long.

    Attributes:
        workspace: Names the channels, and what use cases want to be told.
        store: The event store.
        run_id: The run, or the name of the sensor.
        logger: Where the channel `log` and failures are written.
        patient: Channels may try again and wait.
    """

    workspace: Workspace
    store: EventStore
    run_id: str
    logger: logging.Logger
    patient: bool = True


def tell_of_deliveries(
    teller: Teller, table: ResolvedTable, windows: Mapping[str, datetime]
) -> AlertsTold:
    """Tell what this run or look recorded of a table's deliveries, if somebody asked to be told.

    The same delivery is told once, whoever sees it again. What channels have not taken of the table
    is told again. Nothing here fails the stage that has something to tell: what goes wrong is
    logged, and recorded where that is possible.

    Args:
        teller: Who tells.
        table: A table of files, or of what something else keeps.
        windows: The instant of each window.
    """
    wanted = wanted_kinds(teller.workspace, table.ref)
    if not wanted:
        return AlertsTold(0, 0)
    alerts = []
    try:
        for window, as_of in windows.items():
            events = teller.store.read(delivery_stream(table.ref, window))
            alert = delivery_alert(table.ref, window, events, run_id=teller.run_id)
            if alert is not None and alert.kind in wanted:
                alerts.append((alert, as_of))
    except MlopsDagsterError as error:
        teller.logger.warning("deliveries of %s could not be read: %s", table.ref, error)
        return AlertsTold(0, 1)
    return tell_about(
        str(table.ref),
        alerts,
        store=teller.store,
        channels=channels_of(teller.workspace, teller.logger, patient=teller.patient),
        run_id=teller.run_id,
        logger=teller.logger,
    )


def wanted_kinds(workspace: Workspace, ref: TableRef) -> frozenset[AlertKind]:
    """Return what the use cases that own or read a table want to be told of its deliveries."""
    return frozenset(
        kind
        for use_case in workspace.use_cases.values()
        if ref in use_case.tables or ref in workspace.shared_tables_of(use_case)
        for kind in use_case.spec.alerts
        if kind in _KINDS
    )


def delivery_alert(
    ref: TableRef, window: str, events: Sequence[StoredEvent], *, run_id: str
) -> Alert | None:
    """Return what is to be told of the newest event of a slice, None when it is an ordinary one.

    Args:
        ref: The table.
        window: The window; new files of a whole table are never late.
        events: The slice's deliveries in order.
        run_id: Who tells: what others recorded, they have told.
    """
    if not events or events[-1].run_id != run_id:
        return None
    newest, table = events[-1].event, str(ref)
    see = f"see `mlops-dagster deliveries --table {table}`"
    match newest:
        case DeliverySetAside():
            kind, severity, files = AlertKind.DELIVERY_REFUSED, Severity.ERROR, newest.files
            what = f"refused whole: {newest.problem or 'it cannot be read'}{_cause(newest)}"
            said = f"{_bounded(what, see)}; {see}"
        case DeliveryLate():
            kind, severity, files = AlertKind.LATE_DATA, Severity.WARNING, newest.files
            what = f"came too late and is not taken in: {_names(files)}"
            said = f"{_bounded(what, see)}; {see}"
        case DeliveryIngested():
            earlier = _known_before(events)
            files = tuple(one for one in newest.files if one.digest not in earlier)
            if window == STATIC or not earlier or not files:
                return None
            kind, severity = AlertKind.LATE_DATA, Severity.INFO
            said = _bounded(f"came late and is taken in now: {_names(files)}")
        case _:
            return None
    return Alert(kind, severity, "", window, said, table=table, occasion=_occasion(files, newest))


def _known_before(events: Sequence[StoredEvent]) -> Collection[str]:
    """Return the contents that were published before the newest event; none for a first one."""
    published = [one.event for one in events[:-1] if isinstance(one.event, DeliveryIngested)]
    return {file.digest for event in published for file in event.files}


def _cause(event: DeliverySetAside) -> str:
    if event.differences:
        return f" ({_listed([text[:_LONGEST_PART] for text in event.differences])})"
    return f" ({_names(event.files)})" if event.files else ""


def _names(files: Sequence[DeliveredFile]) -> str:
    # The end of a path tells files apart.
    return _listed([file.path[-_LONGEST_PART:] for file in files])


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _bounded(text: str, end: str = "") -> str:
    """Return a text on one line that is not too long with what stands at its end."""
    line = " ".join(text.split())
    room = LONGEST_TEXT - len(end) - 2
    return line if len(line) <= room else f"{line[: room - 3]}..."


def _occasion(files: Sequence[DeliveredFile], event: object) -> str:
    """Return a digest of what was delivered: the same again is no other occasion."""
    why = (event.problem, *event.differences) if isinstance(event, DeliverySetAside) else ()
    return hashlib.sha256("\n".join([content_of(files), *why]).encode()).hexdigest()
