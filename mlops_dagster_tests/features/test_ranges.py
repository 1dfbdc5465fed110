from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.features.ranges import Span, history_windows, later_label_range, view_range
from mlops_dagster.windows import Duration, Grain, WindowCalendar

MONTHS = WindowCalendar(Grain.MONTH, "2013-01", "America/New_York", "2013-12")
DAYS = WindowCalendar(Grain.DAY, "2013-01-10", "Europe/Berlin", "2013-03-20")


def test_history_ends_with_the_cutoff_and_is_clipped_at_the_start() -> None:
    three = Duration.parse("3 windows")
    assert history_windows(MONTHS, "2013-06", three) == ("2013-04", "2013-05", "2013-06")
    assert history_windows(MONTHS, "2013-02", three) == ("2013-01", "2013-02")
    assert len(history_windows(MONTHS, "2013-12", None)) == 12


@given(
    st.integers(0, 11),
    st.integers(0, 11),
    st.integers(0, 48),
    st.one_of(st.none(), st.integers(0, 24 * 60)),
)
def test_a_view_is_read_for_every_moment_from_which_a_value_may_come(
    one: int, other: int, ahead_hours: int, valid_hours: int | None
) -> None:
    first, last = sorted((one, other))
    keys = [MONTHS.shift("2013-01", n) or "" for n in (first, last)]
    span = Span(MONTHS.window(keys[0]), MONTHS.window(keys[1]))
    ahead = timedelta(hours=ahead_hours)
    valid_for = None if valid_hours is None else timedelta(hours=valid_hours)
    found = view_range(DAYS, span, ahead=ahead, valid_for=valid_for)
    needed = {
        window.key
        for window in DAYS.between("2013-01-10", "2013-03-20")
        if window.start < span.last.end
        and (valid_for is None or window.end > span.first.start - ahead - valid_for)
    }
    read = set() if found is None else {window.key for window in DAYS.between(*found)}
    assert needed == read


@pytest.mark.parametrize("valid_for", [None, timedelta(hours=6)])
def test_a_view_of_the_same_calendar_ends_with_the_rows(valid_for: timedelta | None) -> None:
    span = Span(MONTHS.window("2013-04"), MONTHS.window("2013-05"))
    found = view_range(MONTHS, span, ahead=timedelta(hours=4), valid_for=valid_for)
    assert found == ("2013-01" if valid_for is None else "2013-03", "2013-05")


@given(st.integers(0, 11), st.integers(0, 11), st.integers(0, 24 * 90))
def test_labels_after_their_rows_are_read_from_the_first_row_until_the_last_is_mature(
    one: int, other: int, within_hours: int
) -> None:
    first, last = sorted((one, other))
    keys = [MONTHS.shift("2013-01", n) or "" for n in (first, last)]
    span = Span(MONTHS.window(keys[0]), MONTHS.window(keys[1]))
    until = span.last.end + timedelta(hours=within_hours)
    found = later_label_range(DAYS, span, until=until)
    needed = {
        window.key
        for window in DAYS.between("2013-01-10", "2013-03-20")
        if window.start <= until and window.end > span.first.start
    }
    read = set() if found is None else {window.key for window in DAYS.between(*found)}
    assert needed == read
