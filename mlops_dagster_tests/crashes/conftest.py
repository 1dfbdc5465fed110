"""What four days come to when nothing goes wrong; every disturbed life is compared with it."""

import pytest

from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.crashes.crashed_life import live_through
from mlops_dagster_tests.crashes.outcome import Outcome, outcome_of
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import live_project
from mlops_dagster_tests.energy_demand.make_world import day_keys

DAYS = day_keys(4)


@pytest.fixture(scope="package")
def undisturbed(spark_address: str, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Four days of a project with one model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        root = write_small_project(tmp_path_factory.mktemp("undisturbed"), models=1).root
        with live_project(root) as project:
            live_through(project, DAYS, ())
            return outcome_of(project)
