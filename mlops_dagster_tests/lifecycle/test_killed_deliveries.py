"""What a process recorded of a delivery before kill -9 ended it is told by the next look, once."""

import os
from pathlib import Path

import pytest

from mlops_dagster.crash_points import CrashPoint
from mlops_dagster.monitoring.alert_events import read_alerts
from mlops_dagster.resources.workspace import cached_workspace, event_store
from mlops_dagster_tests.assets.inline_project import write_project
from mlops_dagster_tests.crashes.killed import run_killed
from mlops_dagster_tests.lifecycle.killed_delivery import look, publish
from mlops_dagster_tests.monitoring.deliveries import JANUARY, ORDERS

pytestmark = pytest.mark.long

SHOP = """\
spec_version: 1
name: shop
windows: {every: month, first: 2013-01, last: 2013-12}
tables:
  bronze.orders: {files: "orders/{window}/", watch: true}
alerts: [delivery_refused, late_data]
"""
TEXTS = {
    "look": "came too late and is not taken in: orders/2013-01/b.csv; ",
    "publish": "came late and is taken in now: orders/2013-01/b.csv",
    "refuse": "refused whole: the file cannot be read as CSV (orders/2013-01/a.csv, ",
}


def deliver(root: Path, name: str) -> None:
    file = root / "landing" / "orders" / JANUARY / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"id\n{name}\n")
    os.utime(file, (1, 1))


@pytest.mark.parametrize("step", TEXTS)
def test_the_sensors_next_look_tells_what_a_killed_process_recorded(
    step: str, tmp_path: Path
) -> None:
    root = write_project(tmp_path, {"shop": SHOP})
    deliver(root, "a.csv")
    publish(root)
    deliver(root, "b.csv")
    module = "mlops_dagster_tests.lifecycle.killed_delivery"
    run_killed(module, str(root), step, root=tmp_path, point=CrashPoint.DELIVERY_RECORDED)
    store = event_store(cached_workspace(root, "dev"))
    assert read_alerts(store, str(ORDERS)).alerts == {}
    for _ in range(2):
        look(root)
        (told,) = read_alerts(store, str(ORDERS)).alerts.values()
        assert told.raised.text.startswith(TEXTS[step])
        assert told.delivered == {"log"}
