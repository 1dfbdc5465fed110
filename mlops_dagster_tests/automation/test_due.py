"""Which window is next, and when the schedule looks."""

from datetime import datetime, timedelta, timezone

import pytest

from mlops_dagster.automation.due import next_due, tick_cron
from mlops_dagster.windows import Duration, Grain, WindowCalendar

MONTHS = WindowCalendar(
    Grain.MONTH, "2013-01", "America/New_York", "2013-12", Duration.parse("12 hours")
)


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=timezone.utc)


def test_the_first_window_is_due_once_it_has_closed() -> None:
    # Midnight in New York is 05:00 UTC; twelve hours later the window is closed.
    closing = utc(2013, 2, 1, 17)
    before = closing - timedelta(seconds=1)
    assert next_due(MONTHS, done=(), now=before, opens=False) is None
    assert next_due(MONTHS, done=(), now=closing, opens=False) == "2013-01"


def test_windows_come_strictly_in_order_whatever_the_time() -> None:
    now = utc(2026, 1, 1)
    assert next_due(MONTHS, done=(), now=now, opens=False) == "2013-01"
    assert next_due(MONTHS, done=("2013-01", "2013-02"), now=now, opens=False) == "2013-03"


def test_nothing_is_due_when_the_last_window_is_done() -> None:
    done = [window.key for window in MONTHS.between("2013-01", "2013-12")]
    assert next_due(MONTHS, done=done, now=utc(2026, 1, 1), opens=False) is None


def test_the_open_job_is_due_when_its_window_starts() -> None:
    start = MONTHS.window("2013-03").start
    done = ("2013-01", "2013-02")
    assert next_due(MONTHS, done=done, now=start - timedelta(seconds=1), opens=True) is None
    assert next_due(MONTHS, done=done, now=start, opens=True) == "2013-03"


@pytest.mark.parametrize(
    ("grain", "first", "wait", "opens", "cron"),
    [
        (Grain.MONTH, "2013-01", "12 hours", False, "0 12 1 * *"),
        (Grain.MONTH, "2013-01", "12 hours", True, "0 0 1 * *"),
        (Grain.MONTH, "2013-01", "60 days", False, "0 0 * * *"),
        (Grain.WEEK, "2024-01-01", "30 hours", False, "0 6 * * 2"),
        (Grain.DAY, "2024-01-01", "90 minutes", False, "30 1 * * *"),
        (Grain.HOUR, "2024-01-01T00", "10 minutes", False, "10 * * * *"),
    ],
)
def test_the_schedule_looks_at_the_closing_instants(
    grain: Grain, first: str, wait: str, opens: bool, cron: str
) -> None:
    calendar = WindowCalendar(grain, first, close_after=Duration.parse(wait))
    assert tick_cron(calendar, opens=opens) == cron
