"""A Spark server or a Python worker killed under a run: the run goes on and nothing is lost."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import dagster as dg
import pytest

from mlops_dagster.automation.jobs import close_job_name, open_job_name
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.server import stop_server
from mlops_dagster_tests.crashes.conftest import DAYS
from mlops_dagster_tests.crashes.crashed_life import MODEL
from mlops_dagster_tests.crashes.kills import Moment, server_killed, worker_killed
from mlops_dagster_tests.crashes.outcome import Difference, Outcome, difference, outcome_of
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project

KILLS = {
    (1, "close"): ("bronze/readings", Moment.STAGED),
    (2, "open"): ("features/household_days", Moment.COMMITTED),
    (3, "close"): ("bronze/readings", Moment.COMMITTED),
    (3, "train"): (f"model/{MODEL}_training_set", Moment.STAGED),
    (4, "close"): ("monitoring/drift_metrics", Moment.COMMITTED),
}
WORKER_KILLED = (4, "open")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[LiveProject]:
    """A project with a Spark server of its own, which nobody else feels dying."""
    root = write_small_project(tmp_path / "killed", models=1, own_server=True).root
    # The undisturbed life scores in its own process; this one needs workers to lose.
    with (root / "environments" / "dev.yaml").open("a", encoding="utf-8") as file:
        file.write("scoring: {client_rows: 0}\n")
    with live_project(root) as project:
        yield project
        stop_server(EngineFiles.of(project.workspace.state_folder), force=True)


def blow(project: LiveProject, day: int, kind: str) -> AbstractContextManager[None]:
    """Return what happens to the engine during a run."""
    files = EngineFiles.of(project.workspace.state_folder)
    if (day, kind) == WORKER_KILLED:
        return worker_killed(files)
    if (day, kind) in KILLS:
        table, moment = KILLS[day, kind]
        warehouse = project.workspace.state_folder / "warehouse"
        return server_killed(files, warehouse / project.use_case.name / table, moment)
    return nullcontext()


def retried(result: dg.ExecuteInProcessResult) -> list[str]:
    return [str(e.step_key) for e in result.all_events if e.is_step_up_for_retry]


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_killed_servers_and_workers_cost_a_retry_and_nothing_else(
    undisturbed: Outcome, project: LiveProject
) -> None:
    use_case = project.use_case.name
    jobs: dict[str, Callable[[], str | None]] = {
        "open": lambda: open_job_name(use_case),
        "close": lambda: close_job_name(use_case),
        "train": lambda: next(iter(project.requested()), None),
    }
    for number, day in enumerate(DAYS, start=1):
        for kind, asked in jobs.items():
            job = asked()
            if job is None:
                continue
            with blow(project, number, kind):
                result = project.run(job, day)
            assert result.success, f"{job} of {day}"
            struck = (number, kind) in (*KILLS, WORKER_KILLED)
            assert bool(retried(result)) == struck, retried(result)
    assert project.requested() == []
    outcome = outcome_of(project)
    found = difference(outcome, undisturbed)
    assert found == Difference()
    assert outcome.orphans > 0
    for (number, kind), (table, moment) in KILLS.items():
        tell_trial(
            "killed process",
            "Spark server",
            about=f"{kind} of day {number}, {table.replace('/', '.')}: {moment.value}",
            then="the step is tried again with a new server, the run succeeds",
            found=found,
        )
    tell_trial(
        "killed process",
        "Python worker of Spark",
        about=f"{WORKER_KILLED[1]} of day {WORKER_KILLED[0]}, while it predicts",
        then="the step is tried again, the run succeeds",
        found=found,
    )
