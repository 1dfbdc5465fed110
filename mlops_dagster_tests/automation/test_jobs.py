"""Which tables each job of a use case builds."""

import pytest

from mlops_dagster.automation.jobs import close_keys, open_keys
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster_tests.energy_demand.make_world import World
from mlops_dagster_tests.energy_demand.write_project import write_energy_project


@pytest.fixture(scope="module")
def energy(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("energy")
    project = write_energy_project(folder, days=1, world=World(days=1, households=1))
    return load_workspace(project.root, project.environment)


def keys_of(energy: Workspace, *, opens: bool) -> list[str]:
    use_case = energy.use_cases["energy_demand"]
    keys = open_keys(energy, use_case) if opens else close_keys(energy, use_case)
    return [key.to_user_string() for key in keys]


def test_the_open_job_builds_static_tables_features_and_forecasts(energy: Workspace) -> None:
    assert keys_of(energy, opens=True) == [
        "project/shared/calendar",
        "energy_demand/features/household_days",
        "energy_demand/serving/daily_use_predictions",
        "energy_demand/serving/daily_peak_predictions",
    ]


def test_the_close_job_builds_facts_reports_and_decisions(energy: Workspace) -> None:
    keys = keys_of(energy, opens=False)
    assert keys[:2] == ["project/shared/calendar", "energy_demand/bronze/readings"]
    assert "energy_demand/features/household_days" not in keys
    assert keys[-1] == "energy_demand/monitoring/daily_peak_decision"
