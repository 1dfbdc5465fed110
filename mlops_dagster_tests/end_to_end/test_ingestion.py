"""Ingestion in the real jobs: a sensor of files drives them; an own asset and a history follow."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from mlops_dagster.automation import file_sensor
from mlops_dagster.automation.file_sensor import file_sensor_name
from mlops_dagster.cli import main
from mlops_dagster.clock import utc_now
from mlops_dagster.data.delivery_events import slice_deliveries
from mlops_dagster.definitions import build_definitions, use_case_windows
from mlops_dagster.errors import SourceError
from mlops_dagster.lifecycle import quality_results
from mlops_dagster.monitoring.alert_events import read_alerts
from mlops_dagster.spec.refs import TableRef
from mlops_dagster_tests.assets.inline_project import write_project
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project, metadata_of

pytestmark = pytest.mark.long

SHOP = """\
spec_version: 1
name: shop
windows: {every: day, first: 2024-01-01, last: 2024-01-02}
tables:
  bronze.orders:
    files: "orders/{window}/"
    key: [number]
    event_time: at
    watch: true
    lateness: 36500 days
  bronze.costs: {source: {asset: shop.gold.costs, window_by: window}}
  silver.orders: {keep: history, inputs: {orders: bronze.orders}, key: [number], event_time: at}
alerts: [delivery_refused, late_data]
"""
FIRST, SECOND = "2024-01-01", "2024-01-02"


@dataclass(frozen=True)
class Shop:
    """A project whose runs the sensor asks for."""

    project: LiveProject
    definitions: dg.Definitions
    spark: SparkSession
    times: list[int] = field(default_factory=list)

    def deliver(self, name: str, text: str) -> None:
        file = self.project.workspace.landing / "orders" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        # Long ago, and later than the file that was there before.
        self.times.append(len(self.times) + 1)
        os.utime(file, (self.times[-1], self.times[-1]))

    def alerts(self, window: str) -> list[str]:
        """Return what was told of a window's deliveries of orders."""
        found = read_alerts(self.project.store, "shop.bronze.orders").alerts.values()
        assert all(told.delivered == {"log"} for told in found)
        return [told.raised.text for told in found if told.raised.window == window]

    def asked(self) -> list[tuple[str | None, str | None]]:
        """Return windows and keys of the runs that the sensor asks for."""
        return [(request.partition_key, request.run_key) for request in self.requests()]

    def requests(self) -> Sequence[dg.RunRequest]:
        """Return what the sensor asks for."""
        sensor = self.definitions.resolve_sensor_def(file_sensor_name("shop"))
        with dg.build_sensor_context(
            instance=self.project.instance, definitions=self.definitions
        ) as context:
            return sensor.evaluate_tick(context).run_requests or []

    def run(
        self, job: str, window: str, tags: Mapping[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.project.instance, partition_key=window, raise_on_error=False, tags=tags
        )

    def rows(self, name: str, *columns: str) -> list[tuple[object, ...]]:
        location = self.project.locations.of(TableRef.parse(f"shop.{name}"))
        found = location.read(self.spark).select(*columns).collect()
        return sorted((tuple(row) for row in found), key=repr)


@pytest.fixture(scope="module")
def shop(
    remote: None, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    engine = f"{{kind: remote, address_variable: {REMOTE_VARIABLE}}}"
    root = write_project(tmp_path_factory.mktemp("ingestion"), {"shop": SHOP}, engine=engine)
    with live_project(root) as project:
        yield Shop(project, definitions_with_costs(root), spark)


def definitions_with_costs(root: Path) -> dg.Definitions:
    days = use_case_windows("shop", root, "dev")

    @dg.asset(key=["shop", "gold", "costs"], partitions_def=days, io_manager_key="delta")
    def costs() -> pd.DataFrame:
        return pd.DataFrame({"euro": [1.5, 2.5]})

    own = dg.Definitions(assets=[costs], jobs=[dg.define_asset_job("costs_job", [costs])])
    return build_definitions(root, "dev", merge=[own])


def test_files_alone_drive_the_use_case_and_each_content_is_taken_in_once(shop: Shop) -> None:
    graph = shop.definitions.resolve_asset_graph()
    costs = graph.get(dg.AssetKey(["shop", "bronze", "costs"]))
    assert costs.parent_keys == {dg.AssetKey(["shop", "gold", "costs"])}
    assert costs.metadata["source"] == dg.MetadataValue.text("shop.gold.costs")
    assert shop.asked() == []
    shop.deliver(f"{FIRST}/a.csv", f"number,at,city\n1,{FIRST},Graz\n")
    ((window, key),) = shop.asked()
    assert window == FIRST
    refused = shop.run("shop_close", FIRST)
    assert not refused.success
    assert shop.run("costs_job", FIRST).success
    assert shop.run("shop_close", FIRST).success
    assert shop.rows("bronze.costs", "euro", "window") == [(1.5, FIRST), (2.5, FIRST)]
    for name in ("b.csv", "c.csv"):
        shop.deliver(f"{FIRST}/{name}", f"number,at,city\n1,{FIRST},Graz\n")
    assert shop.asked() == []
    shop.deliver(f"{FIRST}/late.csv", f"number,at,city\n2,{FIRST},Linz\n")
    ((window, late),) = shop.asked()
    assert (window, late == key) == (FIRST, False)
    reopened = shop.run("shop_close", FIRST)
    assert reopened.success
    shown = metadata_of(reopened, "shop", "bronze", "orders")
    assert (shown["rows_in"], shown["valid"], shown["copies_of_files"]) == (2, 2, 2)
    assert shop.alerts(FIRST) == [f"came late and is taken in now: orders/{FIRST}/late.csv"]
    assert shop.asked() == []
    assert shop.rows("silver.orders", "number", "city", "is_current") == [
        (1, "Graz", True),
        (2, "Linz", True),
    ]


def test_a_refused_delivery_waits_until_a_corrected_one_comes(shop: Shop) -> None:
    assert shop.run("costs_job", SECOND).success
    shop.deliver(f"{SECOND}/a.csv", f"number,at,town\n1,{SECOND},Wien\n")
    ((window, _),) = shop.asked()
    assert window == SECOND
    assert not shop.run("shop_close", SECOND).success
    orders = TableRef.parse("shop.bronze.orders")
    waiting = slice_deliveries(shop.project.store, orders)[SECOND].waiting
    assert waiting is not None
    assert len(waiting.differences) == 2
    (told,) = shop.alerts(SECOND)
    assert told.startswith("refused whole: ")
    assert "column 'city' is missing" in told
    assert not shop.run("shop_close", SECOND).success
    assert shop.alerts(SECOND) == [told]
    assert shop.asked() == []
    root = str(shop.project.workspace.root)
    listed = CliRunner().invoke(main, ["quarantine", "list", "--root", root]).output
    assert f"shop.bronze.orders {SECOND}: set aside: " in listed
    assert "column 'city' is missing" in listed
    shop.deliver(f"{SECOND}/a.csv", f"number,at,city\n1,{SECOND},Wien\n")
    ((window, _),) = shop.asked()
    assert window == SECOND
    assert shop.run("shop_close", SECOND).success
    assert slice_deliveries(shop.project.store, orders)[SECOND].waiting is None
    assert shop.rows("silver.orders", "number", "city", "is_current") == [
        (1, "Graz", False),
        (1, "Wien", True),
        (2, "Linz", True),
    ]


def test_a_reopened_window_that_failed_after_its_files_were_in_is_asked_for_after_a_wait(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise SourceError("the disk of the results is away")

    shop.deliver(f"{SECOND}/late.csv", f"number,at,city\n3,{SECOND},Enns\n")
    (request,) = shop.requests()
    assert request.partition_key == SECOND
    with monkeypatch.context() as patched:
        patched.setattr(quality_results, "publish_quality_results", fails)
        assert not shop.run("shop_close", SECOND, request.tags).success
    assert (3, "Enns", True) in shop.rows("silver.orders", "number", "city", "is_current")
    assert shop.requests() == []
    later = utc_now() + timedelta(minutes=6)
    monkeypatch.setattr(file_sensor, "utc_now", lambda: later)
    (again,) = shop.requests()
    assert (again.partition_key, again.tags) == (SECOND, request.tags)
    assert str(again.run_key).endswith("|2")
    assert shop.run("shop_close", SECOND, again.tags).success
    assert shop.requests() == []
