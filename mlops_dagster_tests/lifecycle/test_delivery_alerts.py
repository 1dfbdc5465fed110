"""Deliveries that are refused or late are told once, briefly, and never with what is in them."""

import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.cli import main
from mlops_dagster.data.delivery_events import (
    DeliveryIngested,
    DeliveryLate,
    DeliverySetAside,
    delivery_stream,
)
from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.lifecycle.alerts import AlertsTold
from mlops_dagster.lifecycle.delivery_alerts import (
    LONGEST_TEXT,
    Teller,
    delivery_alert,
    tell_of_deliveries,
    wanted_kinds,
)
from mlops_dagster.monitoring.alerts import Alert
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.state.event import Event
from mlops_dagster.state.store import StoredEvent, open_environment_store
from mlops_dagster_tests.assets.inline_project import write_project
from mlops_dagster_tests.monitoring.receiver import closed_port, receiver

WINDOW, ORDERS = "2013-01", TableRef("shop", "bronze", "orders")
AS_OF = datetime(2013, 2, 1, tzinfo=timezone.utc)
LOGGER = logging.getLogger("test.deliveries")
SHOP = """\
spec_version: 1
name: shop
windows: {every: month, first: 2013-01}
tables:
  bronze.orders: {files: "orders/{window}/"}
alerts: [delivery_refused, late_data]
"""
CHANNELS = """\
alerts:
  channels: [log, {webhook: {address_variable: CHAT, tries: 1, timeout_seconds: 2}}]
"""


def file(name: str, digest: str = "") -> DeliveredFile:
    return DeliveredFile(path=f"orders/{name}", digest=digest or name, bytes=1, modified_ns=1)


def ingested(*files: DeliveredFile) -> DeliveryIngested:
    return DeliveryIngested(token="t", files=files)


def refused(*files: DeliveredFile, differences: tuple[str, ...] = ()) -> DeliverySetAside:
    return DeliverySetAside(
        token="t",
        files=files,
        reason="orders/a.csv:7: the file cannot be read as CSV, found 'canary;4711",
        problem="the file cannot be read as CSV",
        differences=differences,
    )


def late(*files: DeliveredFile) -> DeliveryLate:
    return DeliveryLate(files=files)


def alert_of(*events: Event, window: str = WINDOW, run_id: str = "run") -> Alert | None:
    stored = [
        StoredEvent(delivery_stream(ORDERS, window), seq, type(e).kind, e, AS_OF, AS_OF, "run")
        for seq, e in enumerate(events, start=1)
    ]
    return delivery_alert(ORDERS, window, stored, run_id=run_id)


A, B = file("a.csv"), file("b.csv")


SEE = "; see `mlops-dagster deliveries --table shop.bronze.orders`"


@pytest.mark.parametrize(
    ("events", "severity", "text"),
    [
        (
            [refused(A)],
            Severity.ERROR,
            f"refused whole: the file cannot be read as CSV (orders/a.csv){SEE}",
        ),
        (
            [refused(A, differences=("no 'id'", "column 'x' is new"))],
            Severity.ERROR,
            f"refused whole: the file cannot be read as CSV (no 'id', column 'x' is new){SEE}",
        ),
        (
            [ingested(A), late(B)],
            Severity.WARNING,
            f"came too late and is not taken in: orders/b.csv{SEE}",
        ),
        (
            [ingested(A), ingested(A, B)],
            Severity.INFO,
            "came late and is taken in now: orders/b.csv",
        ),
    ],
)
def test_what_is_refused_or_late_is_told_in_one_sentence(
    events: list[Event], severity: Severity, text: str
) -> None:
    alert = alert_of(*events)
    assert alert is not None
    assert (alert.severity, alert.text) == (severity, text)
    assert (alert.table, alert.model, alert.window) == ("shop.bronze.orders", "", WINDOW)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [ingested(A)],
        # What puts a refused delivery right is not late.
        [refused(A), ingested(B)],
        [ingested(A, B), ingested(A)],
        # A copy is nothing new.
        [ingested(A), ingested(A, file("c.csv", digest="a.csv"))],
    ],
)
def test_an_ordinary_delivery_is_not_told(events: list[Event]) -> None:
    assert alert_of(*events) is None


def test_new_files_of_a_whole_table_are_no_late_ones() -> None:
    assert alert_of(ingested(A), ingested(A, B), window=STATIC) is None


def test_what_another_run_recorded_it_has_told() -> None:
    assert alert_of(refused(A), run_id="other") is None


# No digits: those are in what the file is said to hold.
TEXTS = st.lists(st.text("ab/ ,.é<\n\t", max_size=300), max_size=50)


@given(TEXTS, TEXTS)
def test_a_text_is_one_line_of_bounded_length_and_quotes_no_content(
    names: list[str], differences: list[str]
) -> None:
    files = [file(name, digest=str(number)) for number, name in enumerate(names)]
    found = [
        alert_of(refused(*files, differences=tuple(differences))),
        alert_of(late(*files)),
        alert_of(ingested(A), ingested(A, *files)),
    ]
    for alert in found:
        if alert is not None:
            assert len(alert.text) <= LONGEST_TEXT
            assert "\n" not in alert.text
            assert "4711" not in alert.text


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a log and a webhook; nobody listens yet."""
    folder = write_project(tmp_path, {"shop": SHOP})
    with (folder / "environments" / "dev.yaml").open("a") as environment:
        environment.write(CHANNELS)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("CHAT", f"http://127.0.0.1:{closed_port()}/canary")
    return folder


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """What the chat was sent."""
    with receiver(200) as told:
        monkeypatch.setenv("CHAT", told.address("/canary"))
        yield told.bodies


def record_and_tell(root: Path, event: Event | None, run_id: str) -> AlertsTold:
    workspace = load_workspace(root, "dev")
    store = open_environment_store(workspace.environment, workspace.state_folder)
    if event is not None:
        stream = delivery_stream(ORDERS, WINDOW)
        store.append_next(stream, event, as_of=AS_OF, run_id=run_id)
    teller = Teller(workspace, store, run_id, LOGGER, patient=False)
    return tell_of_deliveries(teller, workspace.table(ORDERS), {WINDOW: AS_OF})


def test_a_delivery_is_told_once_however_often_it_is_refused(
    root: Path, chat: list[dict[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    assert record_and_tell(root, refused(A), "run-1") == AlertsTold(2, 0)
    assert record_and_tell(root, refused(A), "run-2") == AlertsTold(0, 0)
    # The same content under another name, and then another content under the same one.
    renamed = file("renamed.csv", digest="a.csv")
    assert record_and_tell(root, refused(renamed), "run-3") == AlertsTold(0, 0)
    assert record_and_tell(root, refused(file("a.csv", digest="new")), "run-4") == AlertsTold(2, 0)
    assert len(chat) == 2
    (first, _) = chat
    assert first["table"] == "shop.bronze.orders"
    assert first["model"] == ""
    assert first["kind"] == "delivery_refused"
    assert str(first["text"]).startswith("error: delivery_refused shop.bronze.orders 2013-01: ")
    assert "alert delivery_refused (error) shop.bronze.orders 2013-01: refused" in caplog.text
    assert "4711" not in f"{chat}{caplog.text}"


def test_a_channel_that_fails_fails_nothing_and_is_told_by_the_next_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert record_and_tell(root, late(A), "run-1") == AlertsTold(1, 1)
    assert "canary" not in caplog.text
    listed = CliRunner().invoke(main, ["alerts", "--root", str(root)]).output
    assert "warning late_data shop.bronze.orders 2013-01: came too late" in listed
    assert "webhook CHAT has not taken it: no connection" in listed
    with receiver(200) as told:
        monkeypatch.setenv("CHAT", told.address("/"))
        assert record_and_tell(root, None, "run-2") == AlertsTold(1, 0)
    assert [body["kind"] for body in told.bodies] == ["late_data"]


def test_an_event_store_that_is_away_fails_nothing(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / ".mlops" / "dev" / "events.db").mkdir(parents=True)
    assert record_and_tell(root, None, "run") == AlertsTold(0, 1)
    assert "deliveries of shop.bronze.orders could not be read" in caplog.text


def test_only_those_who_asked_are_told(root: Path, chat: list[dict[str, object]]) -> None:
    path = root / "use_cases" / "shop" / "use_case.yaml"
    path.write_text(SHOP.replace("delivery_refused, ", ""))
    assert wanted_kinds(load_workspace(root, "dev"), ORDERS) == {AlertKind.LATE_DATA}
    assert record_and_tell(root, refused(A), "run-1") == AlertsTold(0, 0)
    path.write_text(SHOP.partition("alerts:")[0])
    assert record_and_tell(root, late(A), "run-2") == AlertsTold(0, 0)
    assert chat == []
