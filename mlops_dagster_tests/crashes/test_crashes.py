"""After kill -9 at a named point the same command again ends as an undisturbed run does."""

from collections.abc import Sequence

import pytest

from mlops_dagster.crash_points import CrashPoint
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.crashes.crashed_life import MODEL, live_through
from mlops_dagster_tests.crashes.plan import PLAN, Crash
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import Snapshot, live_project
from mlops_dagster_tests.energy_demand.make_world import day_keys

DAYS = day_keys(4)
STREAM = f"energy_demand.{MODEL}"


def life(root_folder: pytest.TempPathFactory, name: str, plan: Sequence[Crash]) -> Snapshot:
    """Return what four days come to with the crashes of a plan."""
    root = write_small_project(root_folder.mktemp(name), models=1).root
    with live_project(root) as project:
        live_through(project, DAYS, plan)
        return project.snapshot()


@pytest.fixture(scope="module")
def undisturbed(spark_address: str, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        return life(tmp_path_factory, "undisturbed", ())


def check(disturbed: Snapshot, undisturbed: Snapshot) -> None:
    """Same rows, decisions and model; no duplicate version, decision or champion."""
    assert disturbed.digests == undisturbed.digests
    assert disturbed.decisions == undisturbed.decisions
    assert disturbed.versions == undisturbed.versions == {STREAM: (("1", DAYS[2]),)}
    assert disturbed.bundles == undisturbed.bundles
    assert disturbed.mlflow_versions == undisturbed.mlflow_versions == {STREAM: ("1",)}
    assert disturbed.champions == undisturbed.champions == {STREAM: "1"}
    assert disturbed.materialized == undisturbed.materialized


def test_runs_killed_at_the_riskiest_points_end_as_undisturbed_ones(
    undisturbed: Snapshot,
    spark_address: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    plan = [crash for crash in PLAN if crash.always]
    check(life(tmp_path_factory, "riskiest", plan), undisturbed)


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_runs_killed_at_every_point_end_as_undisturbed_ones(
    undisturbed: Snapshot,
    spark_address: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    check(life(tmp_path_factory, "every_point", PLAN), undisturbed)


def test_every_point_is_in_the_plan() -> None:
    # Those of single rows have a life of their own: data/test_killed_releases.py.
    of_rows = {CrashPoint.ROWS_DECIDED, CrashPoint.ROWS_SETTLED}
    assert {crash.point for crash in PLAN} == set(CrashPoint) - of_rows
