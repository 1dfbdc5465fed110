"""The tables of docs/reliability.md are made from the committed results, which cover everything."""

import pytest

from benchmarks.reliability import PAGE, read_results, with_tables
from mlops_dagster.crash_points import CrashPoint
from mlops_dagster_tests.crashes.plan import ELSEWHERE

FAULTS = {
    "MLflow down before training",
    "MLflow down during training",
    "MLflow down after training",
    "event store locked",
    "disk full",
    "memory short",
    "port taken",
    "jars not to be had",
    "two runs on one window",
    "back-fill beside the live run",
    "clock moved",
    "daemon started twice",
    "server heap exhausted by one query",
}


def test_the_page_shows_the_committed_results() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_tables(page, read_results())


def test_a_run_was_killed_at_every_point() -> None:
    told = {trial.what for trial in read_results().trials if trial.kind == "killed run"}
    assert told == {point.value for point in set(CrashPoint) - ELSEWHERE}


def test_every_other_process_was_killed() -> None:
    told = {trial.what for trial in read_results().trials if trial.kind == "killed process"}
    assert told == {"Spark server", "Python worker of Spark", "daemon"}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_was_tried(fault: str) -> None:
    assert fault in {trial.what for trial in read_results().trials if trial.kind == "fault"}


def test_nothing_was_lost_duplicated_or_changed() -> None:
    for trial in read_results().trials:
        assert (trial.lost, trial.duplicated, trial.changed) == (0, 0, 0), trial
