"""The energy_demand project cut down to a first training after three windows."""

from pathlib import Path

from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.energy_demand.make_world import World
from mlops_dagster_tests.energy_demand.write_project import EnergyProject, write_energy_project

# The first day has no features and the third is held out, so the second alone must give the 50
# labelled rows that a training needs.
WORLD = World(days=7, households=60, missing=0.02, wrong=0.02)
_SMALLER = {
    "at_least: 28 windows": "at_least: 3 windows",
    "holdout: {last: 7 windows}": "holdout: {last: 1 window}",
    "max_iter: 200": "max_iter: 20",
}


def write_small_project(
    folder: Path,
    *,
    models: int = 2,
    schema_prefix: str | None = None,
    own_server: bool = False,
) -> EnergyProject:
    """Write the project; with one model, `daily_use` alone; with a prefix, by names in schemas.

    It uses the Spark server that all tests share, or with `own_server` starts one of its own.
    """
    project = write_energy_project(
        folder,
        days=WORLD.days,
        tables="paths" if schema_prefix is None else "catalog",
        world=WORLD,
        remote_variable=None if own_server else REMOTE_VARIABLE,
        schema_prefix=schema_prefix or "",
    )
    environment = project.root / "environments" / "dev.yaml"
    with environment.open("a", encoding="utf-8") as file:
        file.write("detectors: [alibi_ks, alibi_classifier]\n")
    path = project.root / "use_cases" / "energy_demand" / "use_case.yaml"
    text = path.read_text("utf-8")
    for before, after in _SMALLER.items():
        assert before in text
        text = text.replace(before, after)
    if models == 1:
        start, end = text.index("  daily_peak:"), text.index("alerts:")
        text = text[:start] + text[end:]
    path.write_text(text, "utf-8")
    return project
