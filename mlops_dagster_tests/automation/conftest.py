"""The energy_demand project on disk, nothing run yet."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mlops_dagster.definitions import build_definitions
from mlops_dagster.resources.workspace import cached_workspace
from mlops_dagster_tests.automation.asked import Asked
from mlops_dagster_tests.energy_demand.make_world import World
from mlops_dagster_tests.energy_demand.write_project import write_energy_project


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    """The project, nothing run yet."""
    project = write_energy_project(tmp_path, days=1, world=World(days=1, households=1))
    definitions = build_definitions(project.root, project.environment)
    workspace = cached_workspace(project.root, project.environment)
    # Schedules open their instance by reference, which one in memory does not have.
    home = tmp_path / "instance"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        yield Asked(definitions, workspace, instance)
