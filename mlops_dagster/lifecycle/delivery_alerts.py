"""Telling about deliveries: what was recorded of them and is not told yet, whoever recorded it."""

import logging
from dataclasses import dataclass

from mlops_dagster.clock import utc_now
from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.lifecycle.alerts import AlertsTold, DatedAlerts, channels_of, tell_about
from mlops_dagster.monitoring.alert_events import AlertBook
from mlops_dagster.monitoring.delivery_alerts import delivery_alerts
from mlops_dagster.monitoring.delivery_occurrences import occurrences, still_to_come, untold
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.store import EventStore


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


def tell_of_deliveries(teller: Teller, table: ResolvedTable) -> AlertsTold:
    """Tell what was recorded of a table's deliveries and is not told yet, if somebody asked for it.

    The same delivery is told once, whoever sees it again; one whose process was killed before it
    told is told by whoever looks next. What channels have not taken of the table is told again.
    Nothing here fails the stage that has something to tell: what goes wrong is logged, and recorded
    where that is possible.

    Args:
        teller: Who tells.
        table: A table of files, or of what something else keeps.
    """
    ref, store, now = table.ref, teller.store, utc_now()
    try:
        recorded = occurrences(store, ref, teller.workspace.alerts_about(ref))
    except MlopsDagsterError as error:
        teller.logger.warning("deliveries of %s could not be read: %s", ref, error)
        return AlertsTold(0, 1)

    def owed(book: AlertBook) -> DatedAlerts:
        found = untold(recorded, book.told_of)
        coming = still_to_come(store, table, found, now=now)
        return delivery_alerts(ref, untold([*found, *coming], book.told_of))

    return tell_about(
        str(ref),
        owed,
        store=store,
        channels=channels_of(teller.workspace, teller.logger, patient=teller.patient),
        run_id=teller.run_id,
        logger=teller.logger,
    )
