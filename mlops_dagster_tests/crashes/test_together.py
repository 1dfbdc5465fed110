"""Two runs on one window, a back-fill beside the live run, one training twice: one counts."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlops_dagster.automation.jobs import close_job_name, open_job_name, train_job_name
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.crashes.conftest import DAYS
from mlops_dagster_tests.crashes.crashed_life import MODEL
from mlops_dagster_tests.crashes.outcome import Difference, Outcome, difference, outcome_of
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import live_project

# What the one that is not needed any more says.
_OVERTAKEN = (
    "a newer run took over this slice; nothing was published by this one",
    "Another writer committed to the same files of a Delta table first",
)


def together(root: Path, *runs: tuple[str, str]) -> None:
    """Run jobs at the same time in processes of their own; who fails was overtaken."""
    command = [sys.executable, "-m", "mlops_dagster_tests.crashes.run_job", str(root)]
    running = [
        subprocess.Popen(
            [*command, job, window], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for job, window in runs
    ]
    for process in running:
        told, log = process.communicate()
        if process.returncode != 0:
            assert any(words in told for words in _OVERTAKEN), told + log[-3000:]


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_runs_beside_each_other_end_as_one_after_the_other(
    undisturbed: Outcome,
    spark_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    root = write_small_project(tmp_path / "together", models=1).root
    first, second, third, fourth = DAYS
    with live_project(root) as project:
        use_case = project.use_case.name
        opens, closes = open_job_name(use_case), close_job_name(use_case)
        trains = train_job_name(project.model(MODEL))

        assert project.open(first).success
        together(root, (closes, first), (closes, first))
        assert project.close(first).success
        assert project.open(second).success
        together(root, (closes, second), (closes, first))
        assert project.close(first).success
        assert project.close(second).success
        assert project.open(third).success
        assert project.close(third).success
        assert project.requested() == [trains]
        together(root, (trains, third), (trains, third))
        assert project.requested() == []
        assert project.train(MODEL, third).success
        together(root, (opens, fourth), (closes, third))
        assert project.open(fourth).success
        assert project.close(third).success
        assert project.close(fourth).success
        found = difference(outcome_of(project), undisturbed)
    assert found == Difference()
    for what, about in {
        "two runs on one window": "close of day 1, twice at once",
        "back-fill beside the live run": "close of day 1 beside that of day 2",
        "one training launched twice": "training of day 3, twice at once",
        "forecast beside a back-fill": "open of day 4 beside close of day 3",
    }.items():
        tell_trial(
            "fault",
            what,
            about=about,
            then="one counts; the other says `SupersededWrite`, or finds it done",
            found=found,
        )
