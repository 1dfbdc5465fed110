"""Durations: written and read back, and what is none."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.windows import Duration, DurationUnit


@given(st.integers(0, 5000), st.sampled_from(DurationUnit))
def test_a_duration_is_read_back_as_it_was_written(count: int, unit: DurationUnit) -> None:
    duration = Duration(count, unit)
    assert Duration.parse(str(duration)) == duration


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1 hour", "1 hour"),
        ("1 hours", "1 hour"),
        ("2 hour", "2 hours"),
        ("0 days", "0 days"),
        ("007 weeks", "7 weeks"),
        ("12 windows", "12 windows"),
    ],
)
def test_a_duration_is_shown_in_one_way(text: str, shown: str) -> None:
    assert str(Duration.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "hours",
        "4hours",
        "4  hours",
        " 4 hours",
        "4 hours ",
        "4 hours\n",
        "-4 hours",
        "+4 hours",
        "4.5 hours",
        "4 Hours",
        "4 months",
        "4 h",
        "4 days 2 hours",
        "1000000 days",
        "P4D",
        "four hours",
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a duration such as '4 hours' "):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["36526 days", "999999 hours", "5218 weeks"])
def test_more_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a duration of at most 100 years$"):
        Duration.parse(text)


def test_digits_of_other_scripts_are_no_count() -> None:
    with pytest.raises(ValueError, match=r"^a duration such as '4 hours' "):
        Duration.parse("٤ hours")


@pytest.mark.parametrize(
    ("text", "elapsed"),
    [
        ("90 minutes", timedelta(minutes=90)),
        ("4 hours", timedelta(hours=4)),
        ("28 days", timedelta(hours=28 * 24)),
        ("2 weeks", timedelta(days=14)),
        ("0 hours", timedelta(0)),
    ],
)
def test_a_duration_of_time_has_a_fixed_length(text: str, elapsed: timedelta) -> None:
    assert Duration.parse(text).elapsed == elapsed
    assert not Duration.parse(text).is_windows


def test_windows_have_no_fixed_length() -> None:
    duration = Duration.parse("12 windows")
    assert duration.is_windows
    with pytest.raises(ValueError, match=r"^'12 windows' has no fixed length; use the calendar"):
        _ = duration.elapsed
