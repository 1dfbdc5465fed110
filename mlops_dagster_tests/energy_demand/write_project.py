"""Puts a complete energy_demand project on disk, landing files included."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mlops_dagster_tests.energy_demand.make_world import World, day_keys, write_world

_PROJECT = Path(__file__).parent / "project"
_SCHEMA = 'schema: "{use_case}'
_LOCAL_ENGINE = "engine: {kind: local, memory: 1 GB}"


@dataclass(frozen=True)
class EnergyProject:
    """A project on disk.

    Attributes:
        root: Its folder.
        environment: The environment to load: `dev` (tables are folders) or `catalog` (names).
        windows: Keys of the days that have landing files.
        world: What the landing files were made from.
    """

    root: Path
    environment: str
    windows: tuple[str, ...]
    world: World


def write_energy_project(
    folder: Path,
    *,
    days: int,
    tables: Literal["paths", "catalog"] = "paths",
    world: World | None = None,
    remote_variable: str | None = None,
    schema_prefix: str = "",
) -> EnergyProject:
    """Write the project into a folder and return what is there.

    Args:
        folder: An empty or missing folder.
        days: Days from 2024-01-01 on that have readings.
        tables: Whether tables lie in folders or have names in a catalog.
        world: How households behave; its `days` gives way to the argument.
        remote_variable: Use the Spark server whose address this environment variable holds, instead
            of starting one.
        schema_prefix: Starts the names of schemas in the catalog, where several tests share one.
    """
    shutil.copytree(
        _PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    if remote_variable is not None:
        remote = f"engine: {{kind: remote, address_variable: {remote_variable}}}"
        for path in (folder / "environments").glob("*.yaml"):
            path.write_text(path.read_text("utf-8").replace(_LOCAL_ENGINE, remote), "utf-8")
    catalog = folder / "environments" / "catalog.yaml"
    template = catalog.read_text("utf-8").replace(_SCHEMA, f'schema: "{schema_prefix}{{use_case}}')
    catalog.write_text(template, "utf-8")
    made = replace(world or World(days), days=days)
    write_world(folder / "landing", made)
    environment = "dev" if tables == "paths" else "catalog"
    return EnergyProject(folder, environment, day_keys(days), made)
