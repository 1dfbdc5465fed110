"""Deliveries that are refused or late are told once, whoever recorded them and was killed then."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops_dagster.cli import main
from mlops_dagster.lifecycle import delivery_alerts
from mlops_dagster.lifecycle.alerts import AlertsTold, DatedAlerts
from mlops_dagster.lifecycle.delivery_alerts import Teller, tell_of_deliveries
from mlops_dagster.monitoring.alert_events import Told, read_alerts
from mlops_dagster.monitoring.delivery_alerts import delivery_alerts as alerts_of
from mlops_dagster.monitoring.delivery_occurrences import Occurrence, has_untold
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.store import open_environment_store
from mlops_dagster_tests.lifecycle.conftest import AlertingProject
from mlops_dagster_tests.monitoring.deliveries import (
    AS_OF,
    FEBRUARY,
    JANUARY,
    MARCH,
    ORDERS,
    Deliveries,
    file,
)
from mlops_dagster_tests.monitoring.receiver import receiver

LOGGER = logging.getLogger("test.deliveries")
SHOP = """\
spec_version: 1
name: shop
windows: {every: month, first: 2013-01}
tables:
  bronze.orders: {files: "orders/{window}/"}
alerts: [delivery_refused, late_data]
"""
ANY_NAME = SHOP.replace(
    '{files: "orders/{window}/"}',
    "{files: orders/, window_by: at, event_time: at, watch: true, lateness: 40 days}",
)
A, B = file("a.csv"), file("b.csv")


@pytest.fixture
def root(alerting_project: AlertingProject) -> Path:
    """A project with a log and a webhook; nobody listens yet."""
    return alerting_project({"shop": SHOP}, CHAT="timeout_seconds: 2")


def deliveries(root: Path, run_id: str = "run-1") -> Deliveries:
    """Return what records deliveries of the project's orders as a run does."""
    workspace = load_workspace(root, "dev")
    store = open_environment_store(workspace.environment, workspace.state_folder)
    return Deliveries(store, tell=bool(workspace.alerts_about(ORDERS)), run_id=run_id)


def tell(root: Path, run_id: str = "run-1") -> AlertsTold:
    workspace = load_workspace(root, "dev")
    teller = Teller(workspace, deliveries(root).store, run_id, LOGGER, patient=False)
    return tell_of_deliveries(teller, workspace.table(ORDERS))


def told_of(root: Path) -> list[Told]:
    return list(read_alerts(deliveries(root).store, str(ORDERS)).alerts.values())


def test_a_delivery_is_told_once_however_often_it_is_refused(
    root: Path, chat: list[dict[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    shop = deliveries(root)
    shop.refuse(A)
    assert tell(root) == AlertsTold(2, 0)
    shop.refuse(A)
    assert tell(root, "run-2") == AlertsTold(0, 0)
    # The same content under another name, and then another content under the same one.
    shop.refuse(file("renamed.csv", digest="a.csv"))
    assert tell(root, "run-3") == AlertsTold(0, 0)
    shop.refuse(file("a.csv", digest="new"))
    assert tell(root, "run-4") == AlertsTold(2, 0)
    (first, _) = chat
    assert first["table"] == "shop.bronze.orders"
    assert first["model"] == ""
    assert first["kind"] == "delivery_refused"
    assert str(first["text"]).startswith("error: delivery_refused shop.bronze.orders 2013-01: ")
    assert "alert delivery_refused (error) shop.bronze.orders 2013-01: refused" in caplog.text
    assert "4711" not in f"{chat}{caplog.text}"


def test_what_killed_runs_recorded_and_did_not_tell_is_told_by_the_next_of_any_window(
    root: Path, chat: list[dict[str, object]]
) -> None:
    killed = deliveries(root, "killed")
    killed.refuse(A)
    killed.refuse(file("other.csv"))
    killed.ingest(B)
    killed.ingest(B, file("late.csv"))
    killed.come_too_late(B, window=FEBRUARY)
    deliveries(root, "next").ingest(A, window=MARCH)
    assert tell(root, "next") == AlertsTold(8, 0)
    assert sorted((body["kind"], body["window"]) for body in chat) == [
        ("delivery_refused", JANUARY),
        ("delivery_refused", JANUARY),
        ("late_data", JANUARY),
        ("late_data", FEBRUARY),
    ]
    assert tell(root, "another") == AlertsTold(0, 0)


class Killed(BaseException):
    """What ends a process between two lines."""


@pytest.mark.parametrize("line", ["tell_about", "delivery_alerts"])
def test_a_run_that_ends_while_it_tells_is_followed_by_one_that_tells(
    root: Path, chat: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    def ends(*_: object, **__: object) -> None:
        raise Killed

    deliveries(root).refuse(A)
    with monkeypatch.context() as patched:
        patched.setattr(delivery_alerts, line, ends)
        with pytest.raises(Killed):
            tell(root)
    assert told_of(root) == []
    assert tell(root, "run-2") == AlertsTold(2, 0)
    assert [body["run_id"] for body in chat] == ["run-2"]


def test_a_file_that_reopens_several_windows_is_one_alert_that_names_them(
    alerting_project: AlertingProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = alerting_project({"shop": ANY_NAME})
    monkeypatch.setattr(delivery_alerts, "utc_now", lambda: AS_OF + timedelta(days=2))
    months, b, c = (JANUARY, FEBRUARY, MARCH), file("b.csv"), file("c.csv")
    shop = deliveries(root)
    shop.index(A, *months)
    for window in months:
        shop.ingest(A, window=window)
    # The run of the newest window finds out what is in the new files; April has not closed yet.
    shop.index(b, *months, "2013-04")
    shop.index(c, FEBRUARY)
    shop.ingest(A, b, window=MARCH)
    tell(root)
    (told,) = told_of(root)
    # January has been closed for longer than its files may be late.
    assert told.raised.text == ("came late and re-opens 2 windows (2013-02, 2013-03): orders/b.csv")
    assert told.raised.windows == (FEBRUARY, MARCH)
    shop.ingest(A, b, c, window=FEBRUARY)
    shop.come_too_late(A, b, window=JANUARY)
    tell(root, "run-2")
    (_, warned, other) = told_of(root)
    assert warned.raised.text.startswith("came too late and is not taken in: orders/a.csv, ")
    assert other.raised.text == "came late and is taken in now: orders/c.csv"
    # Somebody runs January by hand: that was not told yet.
    shop.ingest(A, b, window=JANUARY)
    tell(root, "run-3")
    assert told_of(root)[-1].raised.window == JANUARY
    assert len(told_of(root)) == 4


def test_two_tellers_at_once_raise_each_alert_once(
    root: Path, chat: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deliveries(root)
    shop.refuse(A)
    shop.refuse(B)
    others: list[AlertsTold] = []

    def interrupts(table: TableRef, found: Sequence[Occurrence]) -> DatedAlerts:
        # Another run tells between this one's look and what it appends.
        if not others:
            others.append(AlertsTold(0, 0))
            others.append(tell(root, "other"))
        return alerts_of(table, found)

    monkeypatch.setattr(delivery_alerts, "delivery_alerts", interrupts)
    assert tell(root) == AlertsTold(0, 0)
    assert others[-1] == AlertsTold(4, 0)
    assert len(chat) == 2


def test_a_look_finds_what_nobody_tried_to_tell_and_leaves_what_failed_to_the_next_run(
    root: Path, chat: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deliveries(root)
    wanted = load_workspace(root, "dev").alerts_about(ORDERS)

    def is_due() -> bool:
        return has_untold(shop.store, ORDERS, wanted, now=AS_OF)

    assert not is_due()
    shop.refuse(A)
    assert is_due()
    monkeypatch.delenv("CHAT")
    assert tell(root) == AlertsTold(1, 1)
    assert not is_due()
    (told,) = told_of(root)
    # As after a kill between raising and sending.
    assert replace(told, problems={}).is_untried(AS_OF)


def test_a_channel_that_fails_fails_nothing_and_is_told_by_the_next_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deliveries(root).come_too_late(A)
    with caplog.at_level(logging.DEBUG):
        assert tell(root) == AlertsTold(1, 1)
    assert "canary" not in caplog.text
    listed = CliRunner().invoke(main, ["alerts", "--root", str(root)]).output
    assert "warning late_data shop.bronze.orders 2013-01: came too late" in listed
    assert "webhook CHAT has not taken it: no connection" in listed
    with receiver(200) as told:
        monkeypatch.setenv("CHAT", told.address("/"))
        assert tell(root, "run-2") == AlertsTold(1, 0)
    assert [body["kind"] for body in told.bodies] == ["late_data"]


def test_the_command_tells_what_was_recorded_and_not_told(
    root: Path, chat: list[dict[str, object]]
) -> None:
    deliveries(root, "killed").refuse(A)
    arguments = ["alerts", "--root", str(root)]
    assert CliRunner().invoke(main, arguments).output == "no alerts yet\n"
    retried = CliRunner().invoke(main, [*arguments, "--retry"])
    assert retried.exit_code == 0
    assert "error delivery_refused shop.bronze.orders 2013-01: refused whole" in retried.output
    assert [body["kind"] for body in chat] == ["delivery_refused"]


def test_an_event_store_that_is_away_fails_nothing(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / ".mlops" / "dev" / "events.db").mkdir(parents=True)
    assert tell(root) == AlertsTold(0, 1)
    assert "deliveries of shop.bronze.orders could not be read" in caplog.text


def test_only_those_who_asked_are_told(root: Path, chat: list[dict[str, object]]) -> None:
    path = root / "use_cases" / "shop" / "use_case.yaml"
    path.write_text(SHOP.replace("delivery_refused, ", ""))
    deliveries(root).refuse(A)
    assert tell(root) == AlertsTold(0, 0)
    path.write_text(SHOP.partition("alerts:")[0])
    deliveries(root).come_too_late(A)
    assert tell(root, "run-2") == AlertsTold(0, 0)
    assert chat == []
