"""Failed windows are asked for again with waits and an end, whatever order runs ended in."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.automation.launches import MAXIMUM_TRIES
from mlops_dagster.automation.tries import (
    WAITS,
    EndedRun,
    Outcome,
    Wanted,
    next_try,
    unfinished,
)

NOW = datetime(2013, 3, 1, 12, tzinfo=timezone.utc)
FILES = Wanted("2013-01", "bronze.orders:1-a", ("bronze.orders",))


def run(outcome: Outcome, wanted: Wanted | None = None, window: str = "2013-01") -> EndedRun:
    return EndedRun(window, outcome, NOW, wanted)


@pytest.mark.parametrize(
    ("newest_first", "again"),
    [
        ([run(Outcome.FAILED, FILES)], (FILES,)),
        # Somebody tried by hand, in vain.
        ([run(Outcome.FAILED), run(Outcome.FAILED, FILES)], (FILES,)),
        ([run(Outcome.SUCCEEDED), run(Outcome.FAILED, FILES)], ()),
        ([run(Outcome.CANCELED), run(Outcome.FAILED, FILES)], ()),
        ([run(Outcome.FAILED), run(Outcome.SUCCEEDED, FILES)], ()),
        # Asked for by a schedule, which asks again itself.
        ([run(Outcome.FAILED)], ()),
        ([run(Outcome.SUCCEEDED, window="2013-02"), run(Outcome.FAILED, FILES)], (FILES,)),
    ],
)
def test_a_window_is_unfinished_when_its_last_runs_failed_one_of_them_for_files(
    newest_first: list[EndedRun], again: tuple[Wanted, ...]
) -> None:
    assert unfinished(newest_first, refused=()) == again
    assert unfinished(newest_first, refused={"2013-01"}) == ()


def test_the_newest_files_count_and_windows_come_in_order() -> None:
    newer = Wanted("2013-01", "bronze.orders:2-b", ("bronze.orders",))
    later = Wanted("2013-02", "bronze.orders:1-c", ("bronze.orders",))
    runs = [
        run(Outcome.FAILED, later, "2013-02"),
        run(Outcome.FAILED, newer),
        run(Outcome.FAILED, FILES),
    ]
    assert unfinished(runs, refused=()) == (newer, later)


@given(st.integers(0, 10), st.integers(0, 10_000))
def test_a_window_is_asked_for_at_most_three_times_and_never_before_its_wait(
    failures: int, minutes: int
) -> None:
    last = NOW - timedelta(minutes=minutes)
    due = next_try(failures, last, now=NOW)
    if failures >= MAXIMUM_TRIES:
        assert due is None
    elif failures == 0:
        assert due == NOW
    else:
        assert due == last + WAITS[failures - 1]


def test_each_wait_is_longer_and_there_is_one_between_any_two_tries() -> None:
    assert list(WAITS) == sorted(set(WAITS))
    assert len(WAITS) == MAXIMUM_TRIES - 1
