"""The sensor of watched files: each content is asked for once, the oldest window first."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from mlops_dagster.assets.tags import FILES_TAG, PARTITION_TAG
from mlops_dagster.automation import file_sensor as automation_file_sensor
from mlops_dagster.automation.file_sensor import Cursor, file_sensor_name
from mlops_dagster.automation.looking import Late, look
from mlops_dagster.clock import utc_now
from mlops_dagster.data import file_digests, watching
from mlops_dagster.data.contracts import contract_of
from mlops_dagster.data.delivery_events import (
    DeliverySetAside,
    delivery_stream,
    record_ingested,
    slice_deliveries,
)
from mlops_dagster.data.file_digests import delivered
from mlops_dagster.data.landing import existing_files
from mlops_dagster.data.splitting import shares_of
from mlops_dagster.definitions import build_definitions
from mlops_dagster.monitoring.alert_events import read_alerts
from mlops_dagster.resources.workspace import cached_workspace, event_store
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore
from mlops_dagster_tests.assets.inline_project import write_project

SHOP = """\
spec_version: 1
name: shop
windows: {every: month, first: 2013-01, last: 2013-12, close_after: 1 day}
tables:
  bronze.orders: {files: "orders/{window}.csv", watch: true, lateness: 30 days}
  bronze.items: {files: "items/{window}/", watch: true}
  bronze.shops: {files: shops/, watch: true}
  bronze.other: {files: "other/{window}.csv"}
alerts: [late_data]
"""
STOCK = "spec_version: 1\nname: stock\ntables:\n  bronze.counts: {files: counts/, watch: true}\n"
LONG_AGO = datetime(2013, 1, 1, tzinfo=timezone.utc).timestamp()


@dataclass(frozen=True)
class Looked:
    """The first window that a look asks for, with its files, and what came too late."""

    window: str | None
    key: str
    tables: tuple[str, ...]
    late: tuple[Late, ...]


@dataclass
class World:
    """A project with watched tables, its clock, and what its runs have done."""

    root: Path
    use_case_name: str
    now: datetime
    done: frozenset[str] = frozenset()
    remembered: Cursor = field(default_factory=Cursor)
    delivered: int = 0

    @property
    def workspace(self) -> Workspace:
        return cached_workspace(self.root, "dev")

    @property
    def use_case(self) -> ResolvedUseCase:
        return self.workspace.use_cases[self.use_case_name]

    @property
    def store(self) -> EventStore:
        return event_store(self.workspace)

    def deliver(self, path: str, text: str) -> None:
        """Write a file that has lain there for long."""
        file = self.root / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.delivered += 1
        os.utime(file, (LONG_AGO + self.delivered, LONG_AGO + self.delivered))

    def ref(self, name: str) -> TableRef:
        return TableRef(self.use_case_name, "bronze", name)

    def ingest(self, name: str, window: str = STATIC, refused: str | None = None) -> None:
        """Record what a run records of the files that lie there now."""
        table = self.use_case.tables[self.ref(name)]
        landing = self.workspace.landing
        files = tuple(
            delivered(file, landing)
            for file in existing_files(landing, table.spec.files or "", window)
        )
        held = Claim("slice", 1, "token", self.now, "run")
        if refused is None:
            record_ingested(self.store, table.ref, window, files, held)
        else:
            event = DeliverySetAside(token="token", files=files, reason=refused)
            stream = delivery_stream(table.ref, window)
            self.store.append_next(stream, event, as_of=self.now, run_id="run")

    def run(self, window: str) -> None:
        """Do what the job of a window does."""
        self.ingest("orders", window)
        self.ingest("items", window)
        self.ingest("shops")
        self.done |= {window}

    def look(self) -> Looked:
        """Look as the sensor does, with what it remembers."""
        asked = look(
            self.use_case,
            self.workspace,
            self.store,
            now=self.now,
            done=self.done,
            remembered={file.path: file for file in self.remembered.files},
        )
        self.remembered = Cursor(files=asked.unknown)
        if not asked.wanted:
            return Looked(None, "", (), asked.late)
        first = asked.wanted[0]
        return Looked(first.window, first.key, first.tables, asked.late)


@pytest.fixture
def shop(tmp_path: Path) -> World:
    """January and February have closed; the files of January are there."""
    root = write_project(tmp_path / "project", {"shop": SHOP, "stock": STOCK})
    world = World(root, "shop", datetime(2013, 3, 2, tzinfo=timezone.utc))
    world.deliver("shops/1.csv", "shop\n1\n")
    world.deliver("orders/2013-01.csv", "id\n1\n")
    world.deliver("items/2013-01/a.csv", "id\n1\n")
    return world


def test_the_next_window_is_asked_for_when_all_its_watched_files_are_there(shop: World) -> None:
    assert (shop.look().window, shop.look().tables) == (
        "2013-01",
        ("bronze.orders", "bronze.items"),
    )
    shop.run("2013-01")
    shop.deliver("orders/2013-02.csv", "id\n2\n")
    assert shop.look().window is None
    shop.deliver("items/2013-02/a.csv", "id\n2\n")
    assert shop.look().window == "2013-02"
    shop.now = datetime(2013, 2, 10, tzinfo=timezone.utc)
    assert shop.look().window is None


def test_a_file_that_is_still_written_to_is_left_for_the_next_look(shop: World) -> None:
    file = shop.root / "landing/orders/2013-01.csv"
    written = shop.now.timestamp() - 3
    os.utime(file, (written, written))
    assert shop.look().window is None
    shop.now += watching.SETTLED_AFTER
    assert shop.look().window == "2013-01"


def test_the_same_file_three_times_and_in_another_order_asks_for_nothing(shop: World) -> None:
    shop.deliver("items/2013-01/b.csv", "id\n2\n")
    shop.run("2013-01")
    landing = shop.root / "landing"
    # Written again, twice more under other names, and the two files have changed their names.
    shop.deliver("items/2013-01/a.csv", "id\n2\n")
    shop.deliver("items/2013-01/b.csv", "id\n1\n")
    shop.deliver("items/2013-01/c.csv", "id\n1\n")
    shop.deliver("items/2013-01/d.csv", "id\n1\n")
    os.utime(landing / "orders/2013-01.csv")
    shop.now = datetime.now(timezone.utc) + timedelta(minutes=1)  # noqa: TID251
    asked = shop.look()
    assert (asked.window, asked.late) == (None, ())
    shutil.rmtree(landing / "items")
    assert (shop.look().window, shop.look().late) == (None, ())


def test_a_file_is_read_once_and_not_at_each_look(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    sha256_of = file_digests.sha256_of

    def counted(path: Path) -> str:
        read.append(path)
        return sha256_of(path)

    shop.run("2013-01")
    shop.deliver("orders/2013-01.csv", "id\n1\n")
    monkeypatch.setattr(file_digests, "sha256_of", counted)
    for _ in range(3):
        assert shop.look().window is None
    assert [path.name for path in read] == ["2013-01.csv"]


def test_a_changed_file_reopens_its_window_within_its_lateness(shop: World) -> None:
    shop.run("2013-01")
    shop.deliver("orders/2013-01.csv", "id\n1\n7\n")
    shop.now = datetime(2013, 3, 4, tzinfo=timezone.utc)  # 30 days after the close on 2 February
    first = shop.look()
    assert (first.window, first.tables) == ("2013-01", ("bronze.orders",))
    assert shop.look().key == first.key
    shop.ingest("orders", "2013-01")
    assert shop.look().window is None
    # What was there before comes back: another delivery, under another key.
    shop.deliver("orders/2013-01.csv", "id\n1\n")
    again = shop.look()
    assert again.window == "2013-01"
    assert again.key != first.key


def test_a_change_after_the_lateness_is_told_once_and_asks_for_nothing(shop: World) -> None:
    shop.run("2013-01")
    shop.deliver("items/2013-01/late.csv", "id\n9\n")
    asked = shop.look()
    assert asked.window is None
    ((table, window, _),) = asked.late
    assert (str(table.ref), window) == ("shop.bronze.items", "2013-01")


def test_the_oldest_window_comes_first(shop: World) -> None:
    shop.run("2013-01")
    shop.deliver("orders/2013-02.csv", "id\n2\n")
    shop.deliver("items/2013-02/a.csv", "id\n2\n")
    shop.deliver("orders/2013-01.csv", "id\n1\n7\n")
    assert shop.look().window == "2013-01"
    shop.ingest("orders", "2013-01")
    assert shop.look().window == "2013-02"


def test_what_puts_a_refused_delivery_right_is_asked_for_however_late(shop: World) -> None:
    shop.ingest("orders", "2013-01")
    shop.deliver("items/2013-01/broken.csv", "")
    shop.ingest("items", "2013-01", refused="the file is empty")
    shop.now = datetime(2013, 12, 1, tzinfo=timezone.utc)
    assert shop.look().window is None
    (shop.root / "landing/items/2013-01/broken.csv").unlink()
    asked = shop.look()
    assert (asked.window, asked.tables) == ("2013-01", ("bronze.items",))


def test_a_whole_table_beside_windows_is_taken_in_by_the_newest_of_them(shop: World) -> None:
    shop.run("2013-01")
    shop.deliver("shops/2.csv", "shop\n2\n")
    asked = shop.look()
    assert (asked.window, asked.tables) == ("2013-01", ("bronze.shops",))
    shop.done = frozenset()
    (shop.root / "landing/orders/2013-01.csv").unlink()
    assert shop.look().window is None


def test_a_use_case_without_windows_is_refreshed_when_its_files_are_new(shop: World) -> None:
    stock = World(shop.root, "stock", shop.now)
    assert stock.look().window is None
    stock.deliver("counts/1.csv", "n\n1\n")
    assert stock.look().window == STATIC
    stock.ingest("counts")
    assert stock.look().window is None
    stock.deliver("counts/2.csv", "n\n2\n")
    assert stock.look().window == STATIC


def tick(
    shop: World, instance: dg.DagsterInstance, cursor: str | None = None
) -> SensorExecutionData:
    definitions = build_definitions(shop.root, "dev")
    sensor = definitions.resolve_sensor_def(file_sensor_name("shop"))
    with dg.build_sensor_context(
        instance=instance, definitions=definitions, cursor=cursor
    ) as context:
        return sensor.evaluate_tick(context)


def test_the_sensor_asks_for_a_run_of_the_job_and_tells_what_came_too_late(
    shop: World, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        first = tick(shop, instance)
        (request,) = first.run_requests or []
        assert request.partition_key == "2013-01"
        assert request.tags[FILES_TAG] == "bronze.orders, bronze.items"
        again = tick(shop, instance, first.cursor)
        assert [one.run_key for one in again.run_requests or []] == [request.run_key]
        # Typed into the UI by somebody.
        assert tick(shop, instance, "no json").run_requests
        shop.run("2013-01")
        instance.report_runless_asset_event(
            dg.AssetMaterialization(["shop", "monitoring", "quarantine"], partition="2013-01")
        )
        shop.deliver("orders/2013-01.csv", "id\n1\n7\n")
        late = tick(shop, instance)
        assert not late.run_requests
        (told,) = read_alerts(shop.store, "shop.bronze.orders").alerts.values()
        assert told.raised.window == "2013-01"
        assert told.delivered == {"log"}
        assert "shop.bronze.orders 2013-01 changed too late" in str(late.skip_message)
        assert tick(shop, instance).skip_message == "No watched file is new or changed."
    known = slice_deliveries(shop.store, shop.ref("orders"))["2013-01"]
    assert known.too_late is not None
    assert len(read_alerts(shop.store, "shop.bronze.orders").alerts) == 1
    shop.ingest("orders", "2013-01")
    assert slice_deliveries(shop.store, shop.ref("orders"))["2013-01"].too_late is None


@dataclass
class Clock:
    """The sensor's clock, which stands still."""

    now: datetime

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that starts at the present, for Dagster dates runs by its own."""
    clock = Clock(utc_now())
    monkeypatch.setattr(automation_file_sensor, "utc_now", lambda: clock.now)
    return clock


def ended(
    shop: World, instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str
) -> None:
    """Leave a run of January that is over in the instance."""
    job = build_definitions(shop.root, "dev").resolve_job_def("shop_close")
    instance.create_run_for_job(job, status=status, tags={PARTITION_TAG: "2013-01", **tags})


def tries(
    shop: World,
    instance: dg.DagsterInstance,
    clock: Clock,
    then: Callable[[], None] = lambda: None,
) -> list[str]:
    """Look for two days; each run that is asked for fails at once. Return the minutes of tries.

    Dagster dates the ends of all runs near the first look, for its clock does not wait.
    """
    start, asked = clock.now, []
    for minutes in (0, 1, 4, 6, 7, 29, 31, 32, 90, 600, 2880):
        clock.now = start + timedelta(minutes=minutes)
        for request in tick(shop, instance).run_requests or []:
            assert request.partition_key == "2013-01"
            asked.append(f"{str(request.run_key).rpartition('|')[2]} at {minutes}")
            ended(shop, instance, dg.DagsterRunStatus.FAILURE, **request.tags)
            then()
    return asked


def test_a_run_that_ended_before_it_took_the_files_in_is_tried_three_times(
    shop: World, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        asked = tries(shop, instance, clock)
        assert asked == ["1 at 0", "2 at 6", "3 at 31"]
        assert str(tick(shop, instance).skip_message) == (
            "2013-01 failed 3 times with these files: mend the cause and launch shop_close for it"
        )
        shop.deliver("orders/2013-01.csv", "id\n1\n8\n")
        assert tick(shop, instance).run_requests


def test_a_reopened_window_that_failed_after_it_took_the_files_in_is_tried_three_times(
    shop: World, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        asked = tries(shop, instance, clock, then=lambda: shop.run("2013-01"))
        assert asked == ["1 at 0", "2 at 6", "3 at 31"]
        assert "2013-01 failed 3 times with these files" in str(tick(shop, instance).skip_message)


def test_until_it_is_asked_for_again_the_sensor_says_when_and_goes_on_with_other_windows(
    shop: World, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        (request,) = tick(shop, instance).run_requests or []
        shop.run("2013-01")
        ended(shop, instance, dg.DagsterRunStatus.FAILURE, **request.tags)
        told = str(tick(shop, instance).skip_message)
        assert told.startswith("2013-01 failed once and is asked for again at ")
        instance.report_runless_asset_event(
            dg.AssetMaterialization(["shop", "monitoring", "quality_results"], partition="2013-01")
        )
        shop.deliver("orders/2013-02.csv", "id\n2\n")
        shop.deliver("items/2013-02/a.csv", "id\n2\n")
        (other,) = tick(shop, instance).run_requests or []
        assert other.partition_key == "2013-02"
        clock.wait(minutes=6)
        (again,) = tick(shop, instance).run_requests or []
        assert again.partition_key == "2013-01"
        assert again.tags == request.tags


@pytest.mark.parametrize("settled", ["succeeded", "canceled", "refused"])
def test_a_window_that_was_settled_otherwise_is_not_asked_for_again(
    shop: World, tmp_path: Path, clock: Clock, settled: str
) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        (request,) = tick(shop, instance).run_requests or []
        shop.run("2013-01")
        ended(shop, instance, dg.DagsterRunStatus.FAILURE, **request.tags)
        if settled == "refused":
            shop.ingest("orders", "2013-01", refused="other columns")
        else:
            status = {
                "succeeded": dg.DagsterRunStatus.SUCCESS,
                "canceled": dg.DagsterRunStatus.CANCELED,
            }[settled]
            ended(shop, instance, status)
        clock.wait(hours=2)
        assert tick(shop, instance).skip_message == "No watched file is new or changed."


def test_the_sensor_waits_for_the_run_that_goes_on(shop: World, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        job = build_definitions(shop.root, "dev").resolve_job_def("shop_close")
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        told = tick(shop, instance)
        assert not told.run_requests
        assert told.skip_message == f"Run {run.run_id[:8]} of shop_close is not finished."


ANY = """\
spec_version: 1
name: any
windows: {every: month, first: 2013-01, last: 2013-12}
tables:
  bronze.orders:
    files: incoming/
    window_by: at
    event_time: at
    watch: true
    lateness: 40 days
"""


def test_a_file_of_any_name_reopens_the_windows_that_it_has_rows_of(tmp_path: Path) -> None:
    world = World(
        write_project(tmp_path / "project", {"any": ANY}),
        "any",
        datetime(2013, 4, 5, tzinfo=timezone.utc),
    )

    def run(window: str) -> None:
        table = world.use_case.tables[world.ref("orders")]
        held = Claim("slice", 1, "token", world.now, "run")
        landing = world.workspace.landing
        pairs = [
            (file, delivered(file, landing))
            for file in existing_files(landing, "incoming/", window)
        ]
        contract = contract_of(table.ref, {"id": "bigint", "at": "date"})
        shares = shares_of(table, pairs, window, agreed=contract, store=world.store, held=held)
        files = [share.delivered for share in shares.values()]
        record_ingested(world.store, table.ref, window, files, held)
        world.done |= {window}

    assert world.look().window is None
    world.deliver("incoming/a.csv", "id,at\n1,2013-01-05\n2,2013-02-05\n")
    for window in ("2013-01", "2013-02", "2013-03"):
        assert world.look().window == window
        run(window)
    assert world.look().window is None
    # March is run to find out what is in it, then February; January has been closed for too long.
    world.deliver("incoming/b.csv", "id,at\n3,2013-01-06\n4,2013-02-06\n")
    assert world.look().window == "2013-03"
    run("2013-03")
    asked = world.look()
    assert asked.window == "2013-02"
    assert [window for _, window, _ in asked.late] == ["2013-01"]
    run("2013-02")
    assert world.look().window is None
    world.deliver("incoming/again.csv", "id,at\n3,2013-01-06\n4,2013-02-06\n")
    assert world.look().window is None
    # A file that no run can read is asked for once, and again when it has gone.
    world.deliver("incoming/broken.csv", "")
    assert world.look().window == "2013-03"
    world.ingest("orders", "2013-03", refused="the file is empty")
    assert world.look().window is None
    (world.root / "landing/incoming/broken.csv").unlink()
    assert world.look().window == "2013-03"
