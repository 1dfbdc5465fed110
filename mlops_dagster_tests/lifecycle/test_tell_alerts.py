"""Alerts are told once to each channel, whatever runs again, fails or is killed in between."""

import logging
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops_dagster import clock
from mlops_dagster.cli import main
from mlops_dagster.lifecycle.alerts import AlertsTold, channels_of, deliver, tell_alerts
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.alert_events import (
    SENDING_SECONDS,
    Told,
    alert_stream,
    begin_sending,
    read_alerts,
)
from mlops_dagster.monitoring.alerts import Alert
from mlops_dagster.registry.tracking import open_tracker
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.state.store import open_environment_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster_tests.assets.inline_project import CHURN
from mlops_dagster_tests.lifecycle.conftest import AlertingProject
from mlops_dagster_tests.monitoring.receiver import receiver

MODEL = "churn.leaves"
LOGGER = logging.getLogger("test.alerts")
AS_OF = datetime(2024, 2, 1, tzinfo=timezone.utc)


def place_of(root: Path, run_id: str = "run-1") -> Place:
    workspace = load_workspace(root, "dev")
    return Place(
        workspace=workspace,
        store=open_environment_store(workspace.environment, workspace.state_folder),
        locations=Locations(workspace.environment, root),
        tracker=open_tracker(workspace.environment, workspace.state_folder),
        window="2024-01",
        as_of=AS_OF,
        run_id=run_id,
    )


@pytest.fixture
def root(alerting_project: AlertingProject) -> Path:
    """A project with a log and two webhooks; nobody listens yet."""
    settings = {"CHAT": "timeout_seconds: 2", "PAGER": "at_least: critical"}
    return alerting_project({"churn": CHURN}, **settings)


def alert(text: str, severity: Severity = Severity.WARNING) -> Alert:
    return Alert(AlertKind.DRIFT, severity, MODEL, "2024-01", text)


def tell(place: Place, *alerts: Alert) -> AlertsTold:
    (model,) = place.workspace.use_cases["churn"].models.values()
    return tell_alerts(place, model, alerts, LOGGER)


def told_of(place: Place) -> list[Told]:
    return list(read_alerts(place.store, MODEL).alerts.values())


def test_a_window_that_is_processed_again_tells_nothing_new(
    root: Path, chat: list[dict[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    assert tell(place_of(root), alert("age drifted")) == AlertsTold(delivered=2, failed=0)
    assert tell(place_of(root, "run-2"), alert("age drifted")) == AlertsTold(0, 0)
    assert [body["message"] for body in chat] == ["age drifted"]
    assert [body["run_id"] for body in chat] == ["run-1"]
    assert len(caplog.records) == 1
    tell(place_of(root, "run-3"), alert("age and orders drifted"))
    assert [body["message"] for body in chat] == ["age drifted", "age and orders drifted"]


def test_a_channel_hears_only_what_is_grave_enough_for_it(
    root: Path, chat: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver(200) as pager:
        monkeypatch.setenv("PAGER", pager.address("/"))
        tell(place_of(root), alert("no rows", Severity.CRITICAL), alert("age drifted"))
    assert [body["message"] for body in chat] == ["no rows", "age drifted"]
    assert [body["message"] for body in pager.bodies] == ["no rows"]


def test_a_failed_delivery_fails_nothing_and_is_made_up_for_by_the_next_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = place_of(root)
    assert tell(place, alert("first"), alert("second")) == AlertsTold(delivered=2, failed=1)
    assert "was not told to webhook CHAT: no connection" in caplog.text
    first, second = told_of(place)
    assert first.problems == {"webhook CHAT": "no connection"}
    assert second.problems == {}
    assert first.waiting == second.waiting == ("webhook CHAT",)
    with receiver(200) as chat:
        monkeypatch.setenv("CHAT", chat.address("/canary"))
        assert tell(place_of(root, "run-2")) == AlertsTold(delivered=2, failed=0)
    assert [body["message"] for body in chat.bodies] == ["first", "second"]
    assert [one.waiting for one in told_of(place)] == [(), ()]


def test_the_address_is_in_no_event_and_no_log(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = place_of(root)
    with caplog.at_level(logging.DEBUG):
        tell(place, alert("first", Severity.CRITICAL))
    events = place.store.read(alert_stream(MODEL))
    assert len(events) == 7
    assert "canary" not in f"{events}{caplog.text}"
    files = [path for path in (root / ".mlops").rglob("*") if path.is_file()]
    assert [path for path in files if b"canary" in path.read_bytes()] == []


def test_of_two_runs_one_sends_and_a_killed_one_is_followed_by_another(
    root: Path, chat: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(root)
    monkeypatch.delenv("CHAT")
    tell(place, alert("first"))
    (told,) = told_of(place)
    channel, now = "webhook CHAT", clock.utc_now()
    assert begin_sending(place.store, told, channel=channel, now=now, run_id="killed")
    assert not begin_sending(place.store, told, channel=channel, now=now, run_id="other")
    channels = channels_of(place.workspace)
    assert deliver(place.store, MODEL, channels, run_id="b", logger=LOGGER) == AlertsTold(0, 0)
    later = now + timedelta(seconds=SENDING_SECONDS)
    assert begin_sending(place.store, told, channel=channel, now=later, run_id="next")


def test_a_channel_that_is_new_is_not_told_what_was_raised_before_it(
    root: Path, chat: list[dict[str, object]]
) -> None:
    environment = root / "environments" / "dev.yaml"
    with_channels = environment.read_text()
    environment.write_text(with_channels.partition("alerts:")[0])
    tell(place_of(root), alert("before"))
    environment.write_text(with_channels)
    tell(place_of(root), alert("after"))
    assert [body["message"] for body in chat] == ["after"]


def test_an_event_store_that_is_away_fails_nothing(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / ".mlops" / "dev" / "events.db").mkdir(parents=True)
    assert tell(place_of(root), alert("first")) == AlertsTold(0, 1)
    assert f"alerts of {MODEL} could not be recorded" in caplog.text


def test_the_command_lists_alerts_and_sends_what_is_waiting(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["alerts", "--root", str(root)]
    assert CliRunner().invoke(main, arguments).output == "no alerts yet\n"
    tell(place_of(root), alert("age drifted"))
    listed = CliRunner().invoke(main, arguments)
    line = "2024-02-01 00:00  warning drift churn.leaves 2024-01: age drifted\n"
    assert listed.output == f"{line}    webhook CHAT has not taken it: no connection\n"
    assert CliRunner().invoke(main, [*arguments, "--retry"]).exit_code == 1
    with receiver(200) as chat:
        monkeypatch.setenv("CHAT", chat.address("/canary"))
        sent = CliRunner().invoke(main, [*arguments, "--retry"])
    assert (sent.exit_code, sent.output) == (0, line)
    assert [body["message"] for body in chat.bodies] == ["age drifted"]
    assert "age drifted" not in CliRunner().invoke(main, [*arguments, "--last", "0"]).output
