"""Schedules: the next window in line, one at a time, in one order."""

from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from mlops_dagster.automation.progress import closing_keys, done_windows, opening_keys
from mlops_dagster_tests.automation.asked import Asked

# Midnight of the fourth of January in Berlin: three days have closed, the fourth opens.
FOURTH = datetime(2024, 1, 3, 23, tzinfo=timezone.utc)
CLOSE = "energy_demand_close"


def windows(data: ScheduleExecutionData) -> list[str | None]:
    return [request.partition_key for request in data.run_requests or []]


def test_windows_are_opened_and_closed_by_turns_from_the_first_one(asked: Asked) -> None:
    order = []
    opening, closing = opening_keys(asked.use_case), closing_keys(asked.use_case)
    while True:
        opened = windows(asked.tick_schedule(FOURTH, opens=True))
        closed = windows(asked.tick_schedule(FOURTH))
        assert len(opened) + len(closed) <= 1, "both at once would race"
        if not opened and not closed:
            break
        for window in opened:
            order.append(f"open {window}")
            asked.materialize(opening, str(window))
        for window in closed:
            order.append(f"close {window}")
            asked.materialize(closing, str(window))
    assert order == [
        *("open 2024-01-01", "close 2024-01-01"),
        *("open 2024-01-02", "close 2024-01-02"),
        *("open 2024-01-03", "close 2024-01-03"),
        "open 2024-01-04",
    ]


def test_a_held_up_window_says_what_it_waits_for(asked: Asked) -> None:
    assert asked.tick_schedule(FOURTH).skip_message == (
        "2024-01-01 waits for the opening of 2024-01-01."
    )


def test_nothing_is_asked_for_before_its_instant(asked: Asked) -> None:
    early = FOURTH - timedelta(seconds=1)
    opening, closing = opening_keys(asked.use_case), closing_keys(asked.use_case)
    asked.materialize(opening, "2024-01-01", "2024-01-02", "2024-01-03")
    asked.materialize(closing, "2024-01-01", "2024-01-02")
    done = "Every window that is due is done."
    assert asked.tick_schedule(early).skip_message == done
    assert asked.tick_schedule(early, opens=True).skip_message == done
    assert windows(asked.tick_schedule(FOURTH)) == ["2024-01-03"]


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ],
)
def test_no_window_starts_while_a_run_is_unfinished(
    asked: Asked, status: dg.DagsterRunStatus
) -> None:
    asked.materialize(opening_keys(asked.use_case), "2024-01-01")
    run = asked.run(CLOSE, "2024-01-01", status)
    data = asked.tick_schedule(FOURTH)
    assert data.skip_message == f"Run {run.run_id[:8]} of {CLOSE} is not finished."


def test_a_run_that_a_lost_daemon_never_launched_holds_nothing_up(asked: Asked) -> None:
    asked.materialize(opening_keys(asked.use_case), "2024-01-01")
    asked.run(CLOSE, "2024-01-01", dg.DagsterRunStatus.NOT_STARTED)
    assert windows(asked.tick_schedule(FOURTH)) == ["2024-01-01"]


def test_a_failed_window_is_tried_three_times_and_then_named(asked: Asked) -> None:
    asked.materialize(opening_keys(asked.use_case), "2024-01-01")
    for _ in range(3):
        assert windows(asked.tick_schedule(FOURTH)) == ["2024-01-01"]
        asked.run(CLOSE, "2024-01-01", dg.DagsterRunStatus.FAILURE)
    data = asked.tick_schedule(FOURTH)
    assert windows(data) == []
    assert "2024-01-01 failed 3 times: mend the cause" in str(data.skip_message)


def test_failures_of_other_windows_do_not_count(asked: Asked) -> None:
    asked.materialize(opening_keys(asked.use_case), "2024-01-01", "2024-01-02")
    asked.materialize(closing_keys(asked.use_case), "2024-01-01")
    for _ in range(3):
        asked.run(CLOSE, "2024-01-01", dg.DagsterRunStatus.FAILURE)
    assert windows(asked.tick_schedule(FOURTH)) == ["2024-01-02"]


def test_a_window_is_done_when_every_model_is_decided_and_the_rules_results_are_kept(
    asked: Asked,
) -> None:
    first, second, results = closing_keys(asked.use_case)
    assert results.path[-1] == "quality_results"
    asked.materialize((first, second, results), "2024-01-01")
    asked.materialize((second, results), "2024-01-02")
    asked.materialize((first, second), "2024-01-03")
    assert done_windows(asked.instance, closing_keys(asked.use_case)) == {"2024-01-01"}


def test_a_model_added_later_does_not_send_the_use_case_back(asked: Asked) -> None:
    first, added, _ = closing_keys(asked.use_case)
    asked.materialize((first,), "2024-01-01", "2024-01-02")
    assert done_windows(asked.instance, (first, added)) == {"2024-01-01", "2024-01-02"}
