from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.features.maturity import (
    final_maturity,
    first_maturity,
    is_final,
    windows_to_evaluate,
)
from mlops_dagster.windows import Duration, DurationUnit, Grain, WindowCalendar

calendars = st.builds(
    lambda grain, time_zone, hours: WindowCalendar(
        grain[0], grain[1], time_zone, close_after=Duration(hours, DurationUnit.HOUR)
    ),
    # Over a change of clocks, so that a day may have 23 hours.
    st.sampled_from(
        [(Grain.DAY, "2024-03-25"), (Grain.MONTH, "2024-01"), (Grain.HOUR, "2024-03-31T00")]
    ),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    st.integers(0, 60),
)
delays = st.builds(
    Duration, st.integers(0, 70), st.sampled_from([DurationUnit.HOUR, DurationUnit.DAY])
)


def matured_at(calendar: WindowCalendar, event_time: datetime, within: Duration) -> datetime:
    """When one row matures, by the definition alone."""
    if not within.is_windows:
        return event_time + within.elapsed
    window = calendar.containing(event_time)
    assert window is not None
    key = calendar.shift(window.key, within.count)
    assert key is not None
    return calendar.window(key).end


@given(calendars, delays, st.integers(0, 12), st.integers(0, 12))
def test_a_window_is_evaluated_when_a_row_of_it_matured_since_the_last_close(
    calendar: WindowCalendar, within: Duration, position: int, offset: int
) -> None:
    closing = calendar.shift(calendar.first, position)
    assert closing is not None
    evaluated = windows_to_evaluate(calendar, closing, within=within)
    assert evaluated[-1] == closing
    assert list(evaluated) == sorted(set(evaluated))
    before = calendar.shift(closing, -1)
    past = calendar.shift(closing, -offset)
    if before is None or past in (None, closing):
        return
    window = calendar.window(past)
    previous, now = calendar.as_of_close(before), calendar.as_of_close(closing)
    tick = timedelta(microseconds=1)
    # Rows can have any event time of the window; these are the extreme ones for either bound.
    candidates = {
        window.start,
        window.end - tick,
        previous - within.elapsed + tick,
        now - within.elapsed,
    }
    matured = any(
        previous < matured_at(calendar, moment, within) <= now
        for moment in candidates
        if window.holds(moment)
    )
    assert (past in evaluated) == matured


@given(calendars, st.integers(0, 4), st.integers(0, 8), st.integers(0, 8))
def test_delays_in_windows_mature_whole_windows_at_once(
    calendar: WindowCalendar, count: int, position: int, offset: int
) -> None:
    within = Duration(count, DurationUnit.WINDOW)
    closing = calendar.shift(calendar.first, position)
    past = calendar.shift(calendar.first, position - offset)
    if closing is None or past is None or past == closing:
        return
    before = calendar.shift(closing, -1)
    assert before is not None
    matured = matured_at(calendar, calendar.window(past).start, within)
    expected = calendar.as_of_close(before) < matured <= calendar.as_of_close(closing)
    assert (past in windows_to_evaluate(calendar, closing, within=within)) == expected


def test_flights_of_a_month_are_evaluated_again_a_month_later_for_their_last_two_days() -> None:
    calendar = WindowCalendar(
        Grain.MONTH, "2013-01", "America/New_York", "2013-12", Duration.parse("12 hours")
    )
    within = Duration.parse("2 days")
    assert windows_to_evaluate(calendar, "2013-04", within=within) == ("2013-03", "2013-04")
    assert windows_to_evaluate(calendar, "2013-01", within=within) == ("2013-01",)


def test_a_window_is_final_when_its_last_row_is_mature() -> None:
    calendar = WindowCalendar(Grain.DAY, "2024-03-01", close_after=Duration.parse("6 hours"))
    within = Duration.parse("1 day")
    end = datetime(2024, 3, 3, tzinfo=timezone.utc)
    assert not is_final(calendar, "2024-03-01", within=within, as_of=end - timedelta(seconds=1))
    assert is_final(calendar, "2024-03-01", within=within, as_of=end)


def test_maturity_in_windows_does_not_end_with_the_calendar() -> None:
    calendar = WindowCalendar(Grain.MONTH, "2013-01", last="2013-12")
    within = Duration.parse("2 windows")
    march = datetime(2014, 3, 1, tzinfo=timezone.utc)
    assert final_maturity(calendar, "2013-12", within) == march
    assert first_maturity(calendar, "2013-12", within) == march


def test_a_row_at_the_start_of_a_day_matures_with_the_close_of_the_day_before() -> None:
    calendar = WindowCalendar(Grain.DAY, "2024-01-01", "Europe/Berlin")
    evaluated = windows_to_evaluate(calendar, "2024-02-01", within=Duration.parse("3 days"))
    assert evaluated == ("2024-01-29", "2024-01-30", "2024-02-01")
