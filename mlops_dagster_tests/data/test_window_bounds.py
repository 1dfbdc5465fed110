"""Bounds of windows against what Spark calls the instant of a row."""

from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.data.window_bounds import bounds_of
from mlops_dagster.errors import ContractViolation, SourceError
from mlops_dagster.windows import Grain, WindowCalendar

UTC = timezone.utc


def calendar(grain: Grain, zone: str = "UTC") -> WindowCalendar:
    first = {Grain.HOUR: "2024-01-01T00", Grain.DAY: "2024-01-01", Grain.MONTH: "2024-01"}[grain]
    return WindowCalendar(grain=grain, first=first, time_zone=zone)


def test_instants_are_held_against_instants() -> None:
    berlin = calendar(Grain.DAY, "Europe/Berlin")
    found = bounds_of(
        berlin, "2024-03-31", column="at", found="timestamp", agreed="timestamp", where="t"
    )
    assert found.start == datetime(2024, 3, 30, 23, tzinfo=UTC)
    assert found.end == datetime(2024, 3, 31, 22, tzinfo=UTC)


def test_local_times_are_held_against_the_zone_that_the_contract_means() -> None:
    berlin = calendar(Grain.DAY, "Europe/Berlin")
    local = bounds_of(
        berlin, "2024-03-31", column="at", found="timestamp_ntz", agreed="timestamp_ntz", where="t"
    )
    assert (local.start, local.end) == (datetime(2024, 3, 31), datetime(2024, 4, 1))
    utc = bounds_of(
        berlin, "2024-03-31", column="at", found="timestamp_ntz", agreed="timestamp", where="t"
    )
    assert (utc.start, utc.end) == (datetime(2024, 3, 30, 23), datetime(2024, 3, 31, 22))


@given(
    st.dates(date(2024, 1, 2), date(2025, 12, 30)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    st.sampled_from([Grain.DAY, Grain.MONTH]),
)
def test_each_date_lies_in_the_one_window_that_its_midnight_lies_in(
    day: date, zone: str, grain: Grain
) -> None:
    windows = calendar(grain, zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    own = windows.containing(midnight)
    assert own is not None
    key = own.key
    for other in {windows.shift(key, -1) or key, key, windows.shift(key, 1) or key}:
        found = bounds_of(windows, other, column="d", found="date", agreed="date", where="t")
        assert isinstance(found.start, date)
        assert (found.start <= day < found.end) == (other == key)


def test_a_date_lies_in_the_hour_of_its_midnight_alone() -> None:
    hours = calendar(Grain.HOUR)
    for key, inside in (
        ("2024-01-02T00", True),
        ("2024-01-02T01", False),
        ("2024-01-01T23", False),
    ):
        found = bounds_of(hours, key, column="d", found="date", agreed="date", where="t")
        assert (found.start <= date(2024, 1, 2) < found.end) is inside


def test_hours_of_local_times_are_refused_where_clocks_change() -> None:
    berlin = calendar(Grain.HOUR, "Europe/Berlin")
    with pytest.raises(SourceError, match=r"an hour exists twice .* write `time_zone: UTC`"):
        bounds_of(
            berlin,
            "2024-01-01T00",
            column="at",
            found="timestamp_ntz",
            agreed="timestamp_ntz",
            where="t",
        )


def test_a_column_that_is_no_time_is_refused() -> None:
    with pytest.raises(ContractViolation, match=r"t: column 'n' cannot say .* found bigint"):
        bounds_of(
            calendar(Grain.DAY),
            "2024-01-01",
            column="n",
            found="bigint",
            agreed="bigint",
            where="t",
        )
