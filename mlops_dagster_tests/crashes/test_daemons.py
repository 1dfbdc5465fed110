"""Two real daemons on one instance, both killed under the training they launched, then one more."""

import dagster as dg
import pytest

from mlops_dagster.assets.tags import REQUEST_TAG
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.crashes.conftest import DAYS
from mlops_dagster_tests.crashes.crashed_life import MODEL
from mlops_dagster_tests.crashes.outcome import Difference, Outcome, difference, outcome_of
from mlops_dagster_tests.crashes.servers import kill_group, start_daemon, wait_until
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project


def trainings(project: LiveProject) -> list[dg.DagsterRun]:
    request = f"{project.model(MODEL).stream}|{DAYS[2]}"
    return list(project.instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: request})))


def is_training(project: LiveProject) -> bool:
    return any(run.status is dg.DagsterRunStatus.STARTED for run in trainings(project))


def is_trained(project: LiveProject) -> bool:
    runs = trainings(project)
    return bool(project.ledger(MODEL).champions) and all(run.is_finished for run in runs)


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_daemons_started_twice_and_killed_train_once(
    undisturbed: Outcome,
    spark_address: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    root = write_small_project(tmp_path_factory.mktemp("daemons"), models=1).root
    with (root / "environments" / "dev.yaml").open("a", encoding="utf-8") as file:
        # The windows of this world closed long ago: schedules would go on through all of them.
        file.write("automation: {schedules: false}\n")
    with live_project(root) as project:
        for day in DAYS[:3]:
            assert project.open(day).success
            assert project.close(day).success
        daemons = [start_daemon(project.workspace) for _ in range(2)]
        try:
            wait_until(lambda: is_training(project), told="a training started", every_seconds=0.05)
            for daemon in daemons:
                kill_group(daemon)
            daemons = [start_daemon(project.workspace)]
            wait_until(lambda: is_trained(project), told="the training ended")
        finally:
            for daemon in daemons:
                kill_group(daemon)
        assert project.requested() == []
        assert project.open(DAYS[3]).success
        assert project.close(DAYS[3]).success
        found = difference(outcome_of(project), undisturbed)
    assert found == Difference()
    tell_trial(
        "killed process",
        "daemon",
        about="two real daemons with code servers and runs, under the training they launched",
        then="the next daemon has it finished; one version, one promotion",
        found=found,
    )
    tell_trial(
        "fault",
        "daemon started twice",
        about="two bare daemons on one instance",
        then="launched by both or one, trained and registered once",
        found=found,
    )
