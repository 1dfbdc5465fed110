"""Deliveries in a process of its own, which a crash point ends: ROOT refuse|ingest|look."""

import sys
from pathlib import Path

import dagster as dg

from mlops_dagster.automation.file_sensor import file_sensor_name
from mlops_dagster.data.delivery_events import record_ingested
from mlops_dagster.data.file_digests import delivered
from mlops_dagster.data.landing import existing_files
from mlops_dagster.data.set_aside import set_aside_if_refused
from mlops_dagster.definitions import build_definitions
from mlops_dagster.errors import SourceError
from mlops_dagster.resources.workspace import cached_workspace, event_store
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.tables.fenced import hold
from mlops_dagster.tables.slices import Slice
from mlops_dagster_tests.monitoring.deliveries import AS_OF, JANUARY, ORDERS


def look(root: Path) -> None:
    """Let the sensor of files look once, beside no run."""
    definitions = build_definitions(root, "dev")
    sensor = definitions.resolve_sensor_def(file_sensor_name(ORDERS.owner))
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, definitions=definitions) as context,
    ):
        sensor.evaluate_tick(context)


def publish(root: Path) -> None:
    """Record that the files that lie there now were published, as a run does."""
    workspace = cached_workspace(root, "dev")
    store = event_store(workspace)
    held = hold(store, Slice(ORDERS, JANUARY), as_of=AS_OF, run_id="run")
    found = existing_files(workspace.landing, workspace.table(ORDERS).spec.files or "", JANUARY)
    files = [delivered(file, workspace.landing) for file in found]
    tells = AlertKind.LATE_DATA in workspace.alerts_about(ORDERS)
    record_ingested(store, ORDERS, JANUARY, files, held, tells_late=tells)


def refuse(root: Path) -> None:
    """Refuse the files that lie there now, as a run does."""
    workspace = cached_workspace(root, "dev")
    store, table = event_store(workspace), workspace.table(ORDERS)
    held = hold(store, Slice(ORDERS, JANUARY), as_of=AS_OF, run_id="run")
    with set_aside_if_refused(workspace, table, JANUARY, held=held, store=store):
        raise SourceError("the file cannot be read as CSV")


STEPS = {"look": look, "publish": publish, "refuse": refuse}

if __name__ == "__main__":
    STEPS[sys.argv[2]](Path(sys.argv[1]))
