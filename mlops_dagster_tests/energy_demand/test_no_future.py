from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.data.leaks import Leak, find_leaks
from mlops_dagster.errors import SpecError
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster_tests.energy_demand.make_world import World, day_keys
from mlops_dagster_tests.energy_demand.running import HOUSEHOLD_DAYS, Running, running
from mlops_dagster_tests.energy_demand.write_project import write_energy_project

WORLD = World(days=3, households=6, missing=0.0, wrong=0.0)
DAYS = day_keys(WORLD.days)


@pytest.fixture(scope="module")
def energy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """Three days of readings."""
    folder = tmp_path_factory.mktemp("energy")
    made = running(spark, write_energy_project(folder, days=WORLD.days, world=WORLD))
    made.build_calendar()
    for day in DAYS:
        made.close(day)
    return made


def leaks_of(energy: Running, workspace: Workspace) -> tuple[Leak, ...]:
    start = energy.calendar.as_of_open(DAYS[2])
    return find_leaks(
        energy.session,
        workspace=workspace,
        table=workspace.table(HOUSEHOLD_DAYS),
        window=DAYS[2],
        instants=[start, start + timedelta(hours=12)],
        store=energy.store,
        locations=energy.locations,
    )


def changed(folder: Path, *, at: str) -> Workspace:
    """Return the project with features that look at the asked day too, predicting so."""
    project = write_energy_project(folder, days=1, world=WORLD)
    use_case = project.root / "use_cases" / "energy_demand"
    changes = {
        "hooks.py": [("F.sequence(F.lit(1),", "F.sequence(F.lit(0),")],
        "use_case.yaml": [("until: start", "until: end"), ("{at: open}", f"{{at: {at}}}")],
    }
    for name, replacements in changes.items():
        text = (use_case / name).read_text("utf-8")
        for before, after in replacements:
            assert before in text
            text = text.replace(before, after)
        (use_case / name).write_text(text, "utf-8")
    return load_workspace(project.root, project.environment)


def test_the_feature_table_shows_no_future(energy: Running) -> None:
    assert leaks_of(energy, energy.workspace) == ()


def test_a_mean_with_the_asked_day_in_it_is_found(energy: Running, tmp_path: Path) -> None:
    leaks = leaks_of(energy, changed(tmp_path, at="close"))
    found = {column for leak in leaks for column in leak.columns}
    assert {"kwh_mean_7", "kwh_mean_14"} <= found <= {"kwh_mean_7", "kwh_mean_14", "peak_max_7"}
    assert {dict(leak.key)["household"] for leak in leaks} <= {f"h{n:03}" for n in range(6)}


def test_a_forecast_from_its_own_window_is_refused_at_load(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"household_days .* which reads its own window"):
        changed(tmp_path, at="open")
