"""Windows as Dagster partitions: the same keys, and offsets that reach exactly their windows."""

from datetime import timedelta

import dagster as dg
import pytest

from mlops_dagster.assets.partitions import (
    champion_mapping,
    input_mapping,
    look_back,
    partitions_of,
)
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedInput
from mlops_dagster.windows import Duration, Grain, WindowCalendar

ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe")
SPANS = {
    Grain.MONTH: ("2013-01", "2014-12"),
    Grain.WEEK: ("2013-01-07", "2013-12-30"),
    Grain.DAY: ("2013-01-01", "2013-12-31"),
    Grain.HOUR: ("2013-03-09T00", "2013-03-12T00"),
}


def upstream(
    mapping: dg.TimeWindowPartitionMapping, calendar: WindowCalendar, key: str
) -> list[str]:
    partitions = partitions_of(calendar)
    assert partitions is not None
    subset = partitions.subset_with_partition_keys([key])
    result = mapping.get_upstream_mapped_partitions_result_for_partitions(
        subset, partitions, partitions
    )
    return sorted(result.partitions_subset.get_partition_keys())


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("grain", list(Grain))
def test_dagster_lists_the_windows_of_the_calendar(grain: Grain, zone: str) -> None:
    first, last = SPANS[grain]
    calendar = WindowCalendar(grain, first, zone, last)
    partitions = partitions_of(calendar)
    assert partitions is not None
    assert partitions.get_partition_keys() == [w.key for w in calendar.between(first, last)]


def test_a_use_case_without_windows_has_no_partitions() -> None:
    assert partitions_of(None) is None


@pytest.mark.parametrize(
    ("back", "until_start", "expected"),
    [
        (None, False, ["2013-05"]),
        ("28 days", False, ["2013-04", "2013-05"]),
        ("3 windows", False, ["2013-02", "2013-03", "2013-04", "2013-05"]),
        ("3 windows", True, ["2013-02", "2013-03", "2013-04"]),
    ],
)
def test_a_look_back_reads_the_windows_it_touches(
    back: str | None, until_start: bool, expected: list[str]
) -> None:
    calendar = WindowCalendar(Grain.MONTH, "2013-01", "America/New_York", "2013-12")
    duration = None if back is None else Duration.parse(back)
    read = ResolvedInput("rows", TableRef("u", "silver", "rows"), duration, until_start)
    assert upstream(input_mapping(calendar, read), calendar, "2013-05") == expected


def test_every_window_that_a_look_back_touches_is_mapped() -> None:
    calendar = WindowCalendar(Grain.DAY, "2013-01-01", "America/New_York", "2013-12-31")
    back = Duration.parse("72 hours")
    mapping = input_mapping(calendar, ResolvedInput("r", TableRef("u", "silver", "r"), back, False))
    for window in calendar.between("2013-01-10", "2013-12-31"):
        reach = calendar.containing(window.start - timedelta(hours=72))
        assert reach is not None
        assert reach.key in upstream(mapping, calendar, window.key)


def test_a_look_back_before_the_first_window_is_cut_there() -> None:
    calendar = WindowCalendar(Grain.MONTH, "2013-01", "UTC", "2013-12")
    assert upstream(look_back(first=-11, last=0), calendar, "2013-02") == ["2013-01", "2013-02"]


def test_the_champion_of_a_window_is_never_its_own() -> None:
    calendar = WindowCalendar(Grain.MONTH, "2013-01", "UTC", "2013-12")
    assert upstream(champion_mapping(calendar), calendar, "2013-04") == [
        "2013-01",
        "2013-02",
        "2013-03",
    ]
