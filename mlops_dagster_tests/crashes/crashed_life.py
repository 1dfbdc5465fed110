"""Four days of one model in which runs are killed at named points and started again."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from mlops_dagster.automation.jobs import close_job_name, open_job_name, train_job_name
from mlops_dagster.crash_points import CrashPoint
from mlops_dagster_tests.crashes.killed import run_killed
from mlops_dagster_tests.crashes.plan import Crash, Job
from mlops_dagster_tests.crashes.run_job import SENSOR
from mlops_dagster_tests.end_to_end.live_project import LiveProject, metadata_of

MODEL = "daily_use"
_BEFORE_A_FIT = {CrashPoint.TRAINING_REQUESTED, CrashPoint.SLICE_COMMITTED}


def live_through(project: LiveProject, days: Sequence[str], plan: Sequence[Crash]) -> None:
    """Run the jobs of some days; each is killed as planned, then run to its end.

    Raises:
        AssertionError: A point was not reached, or a run after it failed.
    """
    use_case = project.use_case.name
    train = train_job_name(project.model(MODEL))
    for number, day in enumerate(days, start=1):

        def crashes(kind: Job, number: int = number) -> list[Crash]:
            return [crash for crash in plan if (crash.day, crash.job) == (number, kind)]

        jobs: dict[Job, str] = {"open": open_job_name(use_case), "close": close_job_name(use_case)}
        for kind, job in jobs.items():
            _killed_then_done(project, job, day, crashes(kind))
        requested = project.requested()
        assert requested in ([], [train])
        for crash in crashes("sensor"):
            _kill(project.workspace.root, crash, SENSOR)
            assert project.requested() == requested == [train]
        if requested:
            trained = _killed_then_done(project, train, day, crashes("train"))
            killed = {crash.point for crash in (*crashes("sensor"), *crashes("train"))}
            fitted_now = metadata_of(trained, use_case, "model", MODEL)["fitted_now"]
            assert fitted_now == (killed <= _BEFORE_A_FIT), "a finished training was fitted again"
            assert project.requested() == []


def _killed_then_done(
    project: LiveProject, job: str, window: str, crashes: Sequence[Crash]
) -> dg.ExecuteInProcessResult:
    for crash in crashes:
        _kill(project.workspace.root, crash, job, window)
    result = project.run(job, window)
    assert result.success
    return result


def _kill(root: Path, crash: Crash, *command: str) -> None:
    module = "mlops_dagster_tests.crashes.run_job"
    run_killed(module, str(root), *command, root=root, point=crash.point, about=crash.about)
