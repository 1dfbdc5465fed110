"""After kill -9 at a named point the same command again ends as an undisturbed run does."""

from collections.abc import Sequence

import pytest

from mlops_dagster.crash_points import CrashPoint
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.crashes.conftest import DAYS
from mlops_dagster_tests.crashes.crashed_life import MODEL, live_through
from mlops_dagster_tests.crashes.outcome import Difference, Outcome, difference, outcome_of
from mlops_dagster_tests.crashes.plan import ELSEWHERE, LIVES, PLAN, Crash
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import live_project

STREAM = f"energy_demand.{MODEL}"


def check(disturbed: Outcome, undisturbed: Outcome) -> Difference:
    """Return the difference after the facts that no comparison with another life shows."""
    found = difference(disturbed, undisturbed)
    assert found == Difference()
    # Of each slice all effective commits gave readers the same rows.
    assert {len(digests) for digests in disturbed.effective.values()} == {1}
    shown = disturbed.snapshot
    assert shown.versions == {STREAM: (("1", DAYS[2]),)}
    assert shown.mlflow_versions == {STREAM: ("1",)}
    assert shown.champions == {STREAM: "1"}
    assert disturbed.contracts.keys() == undisturbed.contracts.keys() > set()
    return found


def killed_life(
    tmp_path_factory: pytest.TempPathFactory, name: str, plan: Sequence[Crash]
) -> Outcome:
    root = write_small_project(tmp_path_factory.mktemp(name), models=1).root
    with live_project(root) as project:
        live_through(project, DAYS, plan)
        return outcome_of(project)


def tell(plan: Sequence[Crash], found: Difference) -> None:
    for crash in plan:
        tell_trial(
            "killed run",
            crash.point.value,
            about=f"{crash.job} of day {crash.day}" + (f", {crash.about}" if crash.about else ""),
            then="the same again" if crash.job == "sensor" else "the same job again",
            found=found,
        )


@pytest.mark.long
def test_runs_killed_at_the_riskiest_points_end_as_undisturbed_ones(
    undisturbed: Outcome,
    spark_address: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    plan = [crash for crash in PLAN if crash.always]
    disturbed = killed_life(tmp_path_factory, "riskiest", plan)
    tell(plan, check(disturbed, undisturbed))
    assert disturbed.orphans > undisturbed.orphans == 0, "a killed run left no commit behind"


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("plan", LIVES.values(), ids=LIVES)
def test_runs_killed_at_every_point_end_as_undisturbed_ones(
    plan: tuple[Crash, ...],
    undisturbed: Outcome,
    spark_address: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    tell(plan, check(killed_life(tmp_path_factory, "every_point", plan), undisturbed))


def test_every_point_is_in_the_plan() -> None:
    assert {crash.point for crash in PLAN} == set(CrashPoint) - ELSEWHERE
    assert sorted(map(repr, PLAN)) == sorted(repr(one) for life in LIVES.values() for one in life)
