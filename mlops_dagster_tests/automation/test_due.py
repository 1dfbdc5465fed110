"""Which window is next, and when the schedule looks."""

from datetime import datetime, timedelta, timezone

import pytest

from mlops_dagster.automation.due import held_up_by, next_due, tick_cron
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
    ("wait", "opens", "cron"),
    [
        ("12 hours", False, "0-59/10 * * * *"),
        ("12 hours", True, "0-59/10 * * * *"),
        ("95 minutes", False, "5-59/10 * * * *"),
        ("95 minutes", True, "0-59/10 * * * *"),
    ],
)
def test_the_schedule_looks_every_ten_minutes_and_at_the_instant_itself(
    wait: str, opens: bool, cron: str
) -> None:
    calendar = WindowCalendar(Grain.DAY, "2024-01-01", close_after=Duration.parse(wait))
    assert tick_cron(calendar, opens=opens) == cron


def days(close_after: str) -> WindowCalendar:
    return WindowCalendar(
        Grain.DAY, "2024-01-01", "Europe/Berlin", close_after=Duration.parse(close_after)
    )


@pytest.mark.parametrize(
    ("close_after", "waits_for"),
    [("0 hours", "2024-01-04"), ("1 hours", "2024-01-03"), ("30 hours", "2024-01-02")],
)
def test_a_forecast_waits_for_what_has_closed_by_its_opening(
    close_after: str, waits_for: str
) -> None:
    def missing(*closed: str) -> str | None:
        return held_up_by(
            days(close_after), "2024-01-05", opens=True, forecasts=True, opened=(), closed=closed
        )

    earlier = [w.key for w in days(close_after).between("2024-01-01", waits_for)]
    assert missing(*earlier[:-1]) == f"the close of {waits_for}"
    assert missing(*earlier) is None


def test_the_first_forecast_waits_for_nothing() -> None:
    assert (
        held_up_by(days("0 hours"), "2024-01-01", opens=True, forecasts=True, opened=(), closed=())
        is None
    )


@pytest.mark.parametrize(
    ("forecasts", "opened", "missing"),
    [(True, (), "the opening of 2024-01-02"), (True, ("2024-01-02",), None), (False, (), None)],
)
def test_a_close_waits_for_the_forecasts_of_its_window(
    forecasts: bool, opened: tuple[str, ...], missing: str | None
) -> None:
    found = held_up_by(
        days("0 hours"), "2024-01-02", opens=False, forecasts=forecasts, opened=opened, closed=()
    )
    assert found == missing
