"""The calendar against clocks that are read minute by minute and windows that are counted."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster.windows import Duration, DurationUnit, Grain, Window, WindowCalendar
from mlops_dagster_tests.windows.slow_calendar import windows_from

# Midnights that are skipped (São Paulo, Cairo, Beirut), half-hour changes (Lord Howe), a half-hour
# offset (Kolkata), clocks that went back across midnight (St. John's until 2011).
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "America/St_Johns",
)
UNITS = {
    DurationUnit.MINUTE: timedelta(minutes=1),
    DurationUnit.HOUR: timedelta(hours=1),
    DurationUnit.DAY: timedelta(days=1),
    DurationUnit.WEEK: timedelta(weeks=1),
}
spans = st.one_of(
    st.builds(Duration, st.integers(0, 5000), st.just(DurationUnit.MINUTE)),
    st.builds(Duration, st.integers(0, 500), st.just(DurationUnit.HOUR)),
    st.builds(Duration, st.integers(0, 40), st.just(DurationUnit.DAY)),
    st.builds(Duration, st.integers(0, 8), st.just(DurationUnit.WEEK)),
)
seldom = settings(max_examples=60, deadline=None)


@dataclass(frozen=True)
class World:
    """A calendar and its windows, counted one by one; it ends with the last of them."""

    calendar: WindowCalendar
    windows: list[Window]

    @property
    def instants(self) -> st.SearchStrategy[datetime]:
        """Instants before, in and after the windows, often exactly at a border."""
        start, end = self.windows[0].start, self.windows[-1].end
        minutes = int((end - start) / timedelta(minutes=1))
        anywhere = st.integers(-3000, minutes + 3000).map(lambda m: start + timedelta(minutes=m))
        borders = st.sampled_from([w.start for w in self.windows] + [end])
        beside = st.sampled_from([timedelta(0), timedelta(microseconds=1), -timedelta(seconds=1)])
        return st.one_of(anywhere, st.builds(lambda at, by: at + by, borders, beside))


@st.composite
def worlds(draw: st.DrawFn, *, close_after: bool = False) -> World:
    grain = draw(st.sampled_from(Grain))
    zone = draw(st.sampled_from(ZONES))
    day = draw(st.dates(date(2005, 1, 1), date(2026, 12, 1)))
    count = draw(st.integers(1, 30 if grain is Grain.DAY else 14))
    windows = list(islice(windows_from(day, grain, zone), count))
    wait = draw(spans) if close_after else Duration(0, DurationUnit.HOUR)
    calendar = WindowCalendar(grain, windows[0].key, zone, windows[-1].key, wait)
    return World(calendar, windows)


def elapsed(span: Duration) -> timedelta:
    return span.count * UNITS[span.unit]


@seldom
@given(worlds())
def test_windows_begin_and_end_as_the_clock_says(world: World) -> None:
    assert [world.calendar.window(w.key) for w in world.windows] == world.windows
    first, last = world.windows[0].key, world.windows[-1].key
    assert list(world.calendar.between(first, last)) == world.windows


@seldom
@given(worlds())
def test_windows_tile_time(world: World) -> None:
    found = [world.calendar.window(w.key) for w in world.windows]
    assert all(one.end == following.start for one, following in pairwise(found))
    assert all(one.start < one.end for one in found)


@seldom
@given(st.data(), worlds())
def test_the_window_of_an_instant_holds_it(data: st.DataObject, world: World) -> None:
    instant = data.draw(world.instants)
    found = world.calendar.containing(instant)
    assert found == next((w for w in world.windows if w.start <= instant < w.end), None)
    assert found is None or found.holds(instant)


@seldom
@given(worlds())
def test_index_counts_and_shift_steps(world: World) -> None:
    calendar, keys = world.calendar, [w.key for w in world.windows]
    assert [calendar.index(key) for key in keys] == list(range(len(keys)))
    for number, key in enumerate(keys):
        for steps in range(-number - 1, len(keys) - number + 1):
            there = number + steps
            expected = keys[there] if 0 <= there < len(keys) else None
            assert calendar.shift(key, steps) == expected


@seldom
@given(st.data(), worlds(close_after=True))
def test_opened_and_closed_windows_are_the_newest_of_them(
    data: st.DataObject, world: World
) -> None:
    calendar, wait = world.calendar, elapsed(world.calendar.close_after)
    shift = data.draw(st.sampled_from([timedelta(0), wait]))
    instant = data.draw(world.instants) + shift
    opened = closed = None
    for window in world.windows:
        if window.start <= instant:
            opened = window
        if window.end + wait <= instant:
            closed = window
    assert calendar.opened_by(instant) == opened
    assert calendar.closed_by(instant) == closed


@seldom
@given(worlds(close_after=True))
def test_a_window_is_processed_as_of_its_end_and_the_wait(world: World) -> None:
    for window in world.windows:
        closes = world.calendar.as_of_close(window.key)
        assert closes == window.end + elapsed(world.calendar.close_after)
        assert world.calendar.as_of_open(window.key) == window.start
        newest = world.calendar.closed_by(closes)
        assert newest is not None
        assert newest.key >= window.key


@seldom
@given(st.data(), worlds(), spans, st.booleans())
def test_a_look_back_reads_every_window_it_touches(
    data: st.DataObject, world: World, back: Duration, until_start: bool
) -> None:
    built = data.draw(st.sampled_from(world.windows))
    reads_from = built.start - elapsed(back)
    reads_until = built.start if until_start else built.end
    touched = [w.key for w in world.windows if w.end > reads_from and w.start < reads_until]
    found = world.calendar.reading_range(built.key, back, until_start)
    assert found == ((touched[0], touched[-1]) if touched else None)


@seldom
@given(st.data(), worlds(), st.integers(0, 20), st.booleans())
def test_a_look_back_of_windows_counts_them(
    data: st.DataObject, world: World, count: int, until_start: bool
) -> None:
    number = data.draw(st.integers(0, len(world.windows) - 1))
    key = world.windows[number].key
    back = Duration(count, DurationUnit.WINDOW)
    read = world.windows[max(number - count, 0) : number + (not until_start)]
    found = world.calendar.reading_range(key, back, until_start)
    assert found == ((read[0].key, read[-1].key) if read else None)
    assert world.calendar.steps_back(key, back) == count == world.calendar.longest_steps(back)


def test_without_a_look_back_only_the_own_window_is_read() -> None:
    calendar = WindowCalendar(Grain.DAY, "2024-01-01")
    assert calendar.reading_range("2024-01-05", None, False) == ("2024-01-05", "2024-01-05")
    assert calendar.reading_range("2024-01-05", None, True) is None


@seldom
@given(st.sampled_from(Grain), st.sampled_from(ZONES), spans, st.integers(2005, 2025))
def test_no_look_back_is_longer_than_the_longest(
    grain: Grain, zone: str, span: Duration, year: int
) -> None:
    count = {Grain.HOUR: 700, Grain.DAY: 110, Grain.WEEK: 40, Grain.MONTH: 30}[grain]
    windows = list(islice(windows_from(date(year, 1, 5), grain, zone), count))
    calendar = WindowCalendar(grain, windows[0].key, zone)
    steps = [
        # Window `number` looks back over those between the reached instant and its start.
        sum(windows[number].start - elapsed(span) < w.end for w in windows[:number])
        for number in range(count * 3 // 5, count)
        if windows[0].start <= windows[number].start - elapsed(span)
    ]
    assert all(found <= calendar.longest_steps(span) for found in steps)


@pytest.mark.parametrize(
    ("grain", "zone", "span", "longest"),
    [
        (Grain.HOUR, "Europe/Berlin", "90 minutes", 2),
        (Grain.DAY, "UTC", "28 days", 28),
        (Grain.DAY, "Asia/Kolkata", "28 days", 28),
        # A day of 23 hours among them lets the look-back reach into one more.
        (Grain.DAY, "Europe/Berlin", "28 days", 29),
        (Grain.DAY, "Europe/Berlin", "100 days", 101),
        (Grain.WEEK, "America/New_York", "14 days", 3),
        (Grain.WEEK, "UTC", "15 days", 3),
        (Grain.MONTH, "UTC", "28 days", 1),
        (Grain.MONTH, "UTC", "29 days", 2),
        # No clock goes forward in February, so 28 days never reach January from March.
        (Grain.MONTH, "America/New_York", "28 days", 1),
        (Grain.MONTH, "UTC", "59 days", 2),
        (Grain.MONTH, "Europe/Berlin", "59 days", 3),
        (Grain.MONTH, "UTC", "0 days", 0),
        (Grain.DAY, "UTC", "12 windows", 12),
    ],
)
def test_the_longest_look_back_is_no_longer_than_needed(
    grain: Grain, zone: str, span: str, longest: int
) -> None:
    first = {Grain.HOUR: "2013-01-01T00", Grain.WEEK: "2012-12-31", Grain.MONTH: "2013-01"}
    calendar = WindowCalendar(grain, first.get(grain, "2013-01-01"), zone)
    assert calendar.longest_steps(Duration.parse(span)) == longest


@pytest.mark.parametrize(
    ("zone", "key", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", 23),
        ("Europe/Berlin", "2024-10-27", 25),
        ("America/New_York", "2013-03-10", 23),
        ("America/New_York", "2013-11-03", 25),
        ("Australia/Lord_Howe", "2024-10-06", 23.5),
        ("Australia/Lord_Howe", "2024-04-07", 24.5),
        # Clocks change at midnight: the day begins at one o'clock.
        ("America/Sao_Paulo", "2017-10-15", 23),
        ("Asia/Beirut", "2024-03-31", 23),
        ("Africa/Cairo", "2024-04-26", 23),
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("America/St_Johns", "2010-11-06", 24),
        ("America/St_Johns", "2010-11-07", 25),
    ],
)
def test_days_have_the_hours_of_their_clock(zone: str, key: str, hours: float) -> None:
    window = WindowCalendar(Grain.DAY, "2010-01-01", zone).window(key)
    assert window.end - window.start == timedelta(hours=hours)


def test_a_day_that_the_calendar_skips_is_an_empty_window() -> None:
    calendar = WindowCalendar(Grain.DAY, "2011-12-01", "Pacific/Apia")
    before, skipped, after = calendar.between("2011-12-29", "2011-12-31")
    assert before.end == skipped.start == skipped.end == after.start
    assert calendar.containing(skipped.start) == after
    assert calendar.closed_by(skipped.end) == skipped


def test_hours_are_utc_hours_whatever_the_clock_does() -> None:
    calendar = WindowCalendar(Grain.HOUR, "2024-10-01T00", "Europe/Berlin")
    doubled = calendar.between("2024-10-27T00", "2024-10-27T01")
    assert [w.start.isoformat() for w in doubled] == [
        "2024-10-27T00:00:00+00:00",
        "2024-10-27T01:00:00+00:00",
    ]
    assert all(w.end - w.start == timedelta(hours=1) for w in doubled)


def test_an_evening_shown_twice_belongs_to_one_window() -> None:
    # At 00:01 of 7 November clocks went back to 23:01 of the 6th, which had already ended.
    calendar = WindowCalendar(Grain.DAY, "2010-11-01", "America/St_Johns")
    again = datetime(2010, 11, 7, 3, 0, tzinfo=timezone.utc)
    found = calendar.containing(again)
    assert found is not None
    assert (found.key, found.holds(again)) == ("2010-11-07", True)


def test_a_calendar_without_an_end_goes_on() -> None:
    calendar = WindowCalendar(Grain.MONTH, "2013-01")
    assert calendar.window("2199-12").end == datetime(2200, 1, 1, tzinfo=timezone.utc)
    assert calendar.shift("2013-01", 12 * 50) == "2063-01"
    assert calendar.shift("2013-01", -1) is None


@pytest.mark.parametrize(
    ("grain", "key", "message"),
    [
        (Grain.MONTH, "2013-1", "'2013-1' is not a month window such as '2013-04'"),
        (Grain.MONTH, "2013-13", "'2013-13' is not a month window such as '2013-04'"),
        (Grain.MONTH, "2013-04-01", "'2013-04-01' is not a month window such as '2013-04'"),
        (Grain.MONTH, "2013-04 ", "'2013-04 ' is not a month window such as '2013-04'"),
        (Grain.MONTH, "२०१३-०४", "'२०१३-०४' is not a month window such as '2013-04'"),
        (Grain.DAY, "2023-02-29", "'2023-02-29' is not a day window such as '2013-04-15'"),
        (Grain.DAY, "", "'' is not a day window such as '2013-04-15'"),
        (
            Grain.HOUR,
            "2013-04-15T24",
            "'2013-04-15T24' is not an hour window such as '2013-04-15T05'",
        ),
        (Grain.HOUR, "2013-04-15 05", "such as '2013-04-15T05'"),
        (Grain.WEEK, "2013-04-16", "week '2013-04-16' is named by its Monday: '2013-04-15'"),
        (Grain.WEEK, "2013-W16", "'2013-W16' is not a week window such as '2013-04-15'"),
    ],
)
def test_a_key_that_is_no_window_is_refused(grain: Grain, key: str, message: str) -> None:
    first = {Grain.HOUR: "2013-01-01T00", Grain.WEEK: "2012-12-31", Grain.MONTH: "2013-01"}
    calendar = WindowCalendar(grain, first.get(grain, "2013-01-01"))
    with pytest.raises(ValueError, match=re.escape(message)):
        calendar.window(key)


@pytest.mark.parametrize("key", ["2012-12", "2014-01"])
def test_a_key_outside_the_calendar_is_refused(key: str) -> None:
    calendar = WindowCalendar(Grain.MONTH, "2013-01", last="2013-12")
    with pytest.raises(ValueError, match=rf"^window {key} lies outside 2013-01\.\.2013-12$"):
        calendar.window(key)


def test_a_calendar_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^last window 2012-12 lies before first window 2013-01$"):
        WindowCalendar(Grain.MONTH, "2013-01", last="2012-12")


@seldom
@given(
    st.sampled_from(ZONES),
    st.dates(date(2005, 2, 1), date(2026, 12, 1)),
    st.integers(0, 23),
    st.integers(1, 4),
)
def test_weeks_before_an_hour_the_clock_shows_the_same(
    zone: str, day: date, hour: int, weeks: int
) -> None:
    calendar = WindowCalendar(Grain.HOUR, "2005-01-01T00", zone)
    window = calendar.window(f"{day.isoformat()}T{hour:02}")
    found = calendar.weeks_before(window.key, weeks)
    assert found is not None
    start = calendar.window(found).start

    def clock(instant: datetime) -> datetime:
        return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    wanted = clock(window.start) - timedelta(weeks=weeks)
    minutes = [start + timedelta(minutes=minute) for minute in range(60)]
    # Clocks that went forward skipped it: then it is the hour after.
    skipped = all(clock(start + timedelta(minutes=m)) != wanted for m in range(-180, 240, 5))
    assert skipped or wanted in map(clock, minutes)


def test_weeks_before_a_day_is_its_weekday_and_there_is_none_before_the_first() -> None:
    calendar = WindowCalendar(Grain.DAY, "2013-03-01", "America/New_York")
    assert calendar.weeks_before("2013-03-29", 4) == "2013-03-01"
    assert calendar.weeks_before("2013-03-29", 5) is None
    months = WindowCalendar(Grain.MONTH, "2013-03")
    with pytest.raises(ValueError, match="windows of a month have no weekday"):
        months.weeks_before("2013-04", 1)
