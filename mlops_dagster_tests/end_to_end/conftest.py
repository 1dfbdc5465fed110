"""One life of the energy_demand project, which many tests read: five days, two models."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_dagster_tests.conftest import REMOTE_VARIABLE, folder_of_all_processes
from mlops_dagster_tests.end_to_end.energy import WORLD, write_small_project
from mlops_dagster_tests.end_to_end.live_project import LiveProject, Snapshot, live_project
from mlops_dagster_tests.energy_demand.make_world import day_keys

DAYS = day_keys(WORLD.days)


@dataclass(frozen=True)
class Lived:
    """A project after its first five days.

    Attributes:
        project: The project; later tests go on with it, so facts of these days are in the others.
        ran: The jobs and windows that ran, in their order.
        after: What it had come to then.
        stray: Files that appeared in the working folder meanwhile.
    """

    project: LiveProject
    ran: tuple[tuple[str, str], ...]
    after: Snapshot
    stray: tuple[str, ...]


@pytest.fixture(scope="package")
def remote(spark_address: str) -> Iterator[None]:
    """The variable that names the shared Spark server to projects with a remote engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        yield


@pytest.fixture(scope="package")
def lived(remote: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Five days through the real jobs and the real sensor: three to learn from, two forecast."""
    # Fails when a second process lives it too: FILES_OF_ONE_LIFE then lacks a file.
    (folder_of_all_processes(tmp_path_factory) / "one_life").mkdir()
    root = write_small_project(tmp_path_factory.mktemp("lived")).root
    working_folder = tmp_path_factory.mktemp("working_folder")
    with live_project(root) as project:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(working_folder)
            ran = project.replay(DAYS[:5])
        yield Lived(project, tuple(ran), project.snapshot(), _names(working_folder))


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(path.name for path in folder.iterdir())
