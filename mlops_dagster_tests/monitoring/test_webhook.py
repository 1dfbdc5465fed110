"""Alerts to a real web server: what it gets, what is tried again, and that nobody sees where."""

import logging
import traceback
from datetime import datetime, timezone

import pytest

from mlops_dagster.monitoring.alert_events import Told, raised
from mlops_dagster.monitoring.alerts import Alert
from mlops_dagster.monitoring.channels import LogChannel
from mlops_dagster.monitoring.webhook import WebhookChannel
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.environment import Webhook
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster_tests.monitoring.receiver import closed_port, receiver

CANARY = "/services/T00/canary-3f9a"
ALERT = Alert(AlertKind.DRIFT, Severity.WARNING, "u.m", "2013-06", "a & b <!channel> drifted")
AS_OF = datetime(2013, 7, 1, 4, tzinfo=timezone.utc)
TOLD = Told(raised(ALERT, ["webhook ALERT_WEBHOOK"]), AS_OF, "run-1")


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy stands between this process and loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def channel(tries: int = 2, timeout: float = 5) -> WebhookChannel:
    return WebhookChannel(Webhook(tries=tries, timeout_seconds=timeout), "prod")


def test_a_receiver_gets_the_documented_message(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(200) as told:
        monkeypatch.setenv("ALERT_WEBHOOK", told.address(CANARY))
        assert channel().send(TOLD) is None
    assert told.paths == [CANARY]
    assert told.bodies == [
        {
            "version": 1,
            "id": TOLD.raised.alert,
            "kind": "drift",
            "severity": "warning",
            "environment": "prod",
            "model": "u.m",
            "table": "",
            "window": "2013-06",
            "windows": ["2013-06"],
            "message": "a & b <!channel> drifted",
            "text": "warning: drift u.m 2013-06: a &amp; b &lt;!channel&gt; drifted",
            "as_of": "2013-07-01T04:00:00Z",
            "run_id": "run-1",
        }
    ]


def test_a_server_that_recovers_is_told_at_the_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(500, 200) as told:
        monkeypatch.setenv("ALERT_WEBHOOK", told.address(CANARY))
        assert channel().send(TOLD) is None
    assert len(told.bodies) == 2


def test_tries_are_bounded_and_a_refusal_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiver(503) as busy, receiver(404) as gone:
        monkeypatch.setenv("ALERT_WEBHOOK", busy.address(CANARY))
        assert channel(tries=3).send(TOLD) == "it answers with status 503"
        monkeypatch.setenv("ALERT_WEBHOOK", gone.address(CANARY))
        assert channel(tries=3).send(TOLD) == "it answers with status 404"
    assert (len(busy.bodies), len(gone.bodies)) == (3, 1)


def test_a_redirect_to_another_host_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(200) as other, receiver(307, location=other.address(CANARY)) as told:
        monkeypatch.setenv("ALERT_WEBHOOK", told.address("/"))
        problem = channel().send(TOLD)
    assert problem == (
        "it answers with status 307, a redirect, which is not followed; "
        "set ALERT_WEBHOOK to the final address"
    )
    assert other.bodies == []


def test_no_way_of_failing_shows_the_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = []
    with caplog.at_level(logging.DEBUG), receiver(0) as silent, receiver(500) as broken:
        for address in (
            silent.address(CANARY),
            broken.address(CANARY),
            f"http://127.0.0.1:{closed_port()}{CANARY}",
            f"https://127.0.0.1:{broken.port}{CANARY}",
            f"http://[::1{CANARY}",
            f"http://127.0.0.1:99999{CANARY}",
            f"ftp://127.0.0.1{CANARY}",
            CANARY,
        ):
            monkeypatch.setenv("ALERT_WEBHOOK", address)
            try:
                said.append(channel(timeout=0.2).send(TOLD))
            except Exception:
                pytest.fail(traceback.format_exc())
    assert said == [
        "no answer within 0.2 seconds",
        "it answers with status 500",
        "no connection",
        "its certificate is not trusted",
        "the variable ALERT_WEBHOOK holds no http or https address",
        "the variable ALERT_WEBHOOK holds no usable address",
        "the variable ALERT_WEBHOOK holds no http or https address",
        "the variable ALERT_WEBHOOK holds no http or https address",
    ]
    assert "canary" not in caplog.text
    assert "canary" not in f"{channel()!r}"


def test_other_threads_keep_the_logs_of_their_requests(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import requests

    with caplog.at_level(logging.DEBUG), receiver(200) as told:
        monkeypatch.setenv("ALERT_WEBHOOK", told.address(CANARY))
        assert channel().send(TOLD) is None
        assert caplog.text == ""
        requests.post(told.address("/mine"), json={}, timeout=5)
    assert "/mine" in caplog.text


def test_a_variable_that_is_not_set_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALERT_WEBHOOK", raising=False)
    assert channel().send(TOLD) == "the variable ALERT_WEBHOOK is not set"


def test_the_log_channel_writes_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert LogChannel().send(TOLD) is None
    assert [record.getMessage() for record in caplog.records] == [
        "alert drift (warning) u.m 2013-06: a & b <!channel> drifted"
    ]
