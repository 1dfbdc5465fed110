"""A training that is finished and not logged yet, in a project on disk."""

from datetime import datetime, timezone
from pathlib import Path

import pytest

from mlops_dagster.lifecycle.kept import KeptTraining, Measured
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.registry.tracking import MlflowTracker
from mlops_dagster.resources.workspace import cached_workspace
from mlops_dagster.spec.models import Task
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.state.store import open_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster_tests.energy_demand.make_world import World
from mlops_dagster_tests.energy_demand.write_project import write_energy_project
from mlops_dagster_tests.registry.worlds import RECIPES, Recipe, saved, trained

CUTOFF = "2024-01"
AS_OF = datetime(2024, 2, 1, tzinfo=timezone.utc)
RECIPE: Recipe = next(recipe for recipe in RECIPES if recipe.task is Task.BINARY)
TRAINING_SET = SlicePublished(
    token="t", batch="t", digest="d", rows=300, delta_version=1, bytes=1, code_version="1"
)


@pytest.fixture(scope="module")
def project_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    return write_energy_project(folder, days=1, world=World(days=1, households=1)).root


@pytest.fixture
def place(project_root: Path, tmp_path: Path) -> Place:
    """A place with an event store of its own and MLflow in SQLite."""
    return place_with(project_root, tmp_path, MlflowTracker(f"sqlite:///{tmp_path}/mlflow.db"))


def place_with(project_root: Path, folder: Path, tracker: MlflowTracker) -> Place:
    """Return a place whose event store is in a folder."""
    workspace = cached_workspace(project_root, "dev")
    return Place(
        workspace=workspace,
        store=open_store(folder / "events.db"),
        locations=Locations(workspace.environment, workspace.root),
        tracker=tracker,
        window=CUTOFF,
        as_of=AS_OF,
        run_id="run",
    )


def finished_training(folder: Path) -> KeptTraining:
    """Return a training whose bundle lies in a folder."""
    found = trained(RECIPE)
    bundle = saved(folder, RECIPE, cutoff_window=CUTOFF)
    measured = Measured(
        bundle_digest=bundle.digest,
        fit_rows=found.fit_rows,
        seed=found.seed,
        evaluation=found.evaluation,
        compared_with=None,
        comparison=None,
        importances=found.importances,
    )
    return KeptTraining(bundle, measured)
