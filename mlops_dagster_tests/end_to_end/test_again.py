"""What a project does not do twice: finished windows run again, after a later training as well."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from pyspark.sql import SparkSession
from rich.console import Console

from mlops_dagster.automation.outcome import Outcome
from mlops_dagster.cli.run import run_use_case
from mlops_dagster.features.training_set import build_training_set
from mlops_dagster.registry.tracking import DIGEST_TAG
from mlops_dagster_tests.end_to_end.conftest import DAYS, Lived
from mlops_dagster_tests.end_to_end.energy import WORLD
from mlops_dagster_tests.end_to_end.live_project import LiveProject, Snapshot, metadata_of
from mlops_dagster_tests.energy_demand.make_world import Reading, readings_of, write_readings

pytestmark = pytest.mark.long

USE, PEAK = "energy_demand.daily_use", "energy_demand.daily_peak"
FIRST_CUTOFF, SCORED, SECOND_CUTOFF = DAYS[2], DAYS[3], DAYS[4]


@dataclass(frozen=True)
class Repeated:
    """A project before and after finished windows ran again.

    Attributes:
        project: The project.
        before: After a second training of both models, at a later cutoff.
        after: After the first training and a forecast day that lie before it ran again.
        scored_by: What the second run of that day said of its forecasts, by model.
        events: Decisions and ledgers in full before and after: how many events there are.
        told: What the verb `run` said of the second training and of the second close.
    """

    project: LiveProject
    before: Snapshot
    after: Snapshot
    scored_by: Mapping[str, Mapping[str, object]]
    events: tuple[Mapping[str, int], Mapping[str, int]]
    told: tuple[tuple[Outcome, str], tuple[Outcome, str]]


@pytest.fixture(scope="module")
def repeated(lived: Lived) -> Repeated:
    project = lived.project
    for model in ("daily_use", "daily_peak"):
        assert project.train(model, SECOND_CUTOFF).success
    before, counted = project.snapshot(), events_of(project)
    trained = run_again(project, FIRST_CUTOFF, only="train")
    opened = project.open(SCORED)
    assert opened.success
    closed = run_again(project, SCORED, only="close")
    scored_by = {
        model: metadata_of(opened, "energy_demand", "serving", f"{model}_predictions")
        for model in ("daily_use", "daily_peak")
    }
    events = counted, events_of(project)
    return Repeated(project, before, project.snapshot(), scored_by, events, (trained, closed))


def run_again(project: LiveProject, window: str, *, only: str) -> tuple[Outcome, str]:
    """Run a stage of a window by the verb `run`; return what came of it and what was printed."""
    console = Console(file=io.StringIO(), width=100)
    outcome = run_use_case(console, project.workspace, "energy_demand", window=window, only=only)
    assert outcome is not None
    assert isinstance(console.file, io.StringIO)
    return outcome, console.file.getvalue()


def events_of(project: LiveProject) -> Mapping[str, int]:
    """How many events each stream of decisions, reports and versions holds."""
    names = [
        stream
        for prefix in ("decision/", "monitor/", "model/")
        for stream in project.store.streams(prefix)
    ]
    return {name: project.store.last_seq(name) for name in names}


def mlflow_runs(project: LiveProject, model: str, bundle_digest: str) -> list[Run]:
    """The runs of a bundle in MLflow."""
    client = MlflowClient(tracking_uri=project.tracker.uri)
    experiment = client.get_experiment_by_name(model)
    assert experiment is not None
    wanted = f"tags.`{DIGEST_TAG}` = '{bundle_digest}'"
    return list(client.search_runs([experiment.experiment_id], wanted))


def test_a_training_by_hand_is_a_second_version_and_takes_charge_of_later_windows(
    repeated: Repeated,
) -> None:
    assert repeated.before.versions[PEAK] == (("1", FIRST_CUTOFF), ("2", SECOND_CUTOFF))
    assert repeated.before.champions[PEAK] == "2"
    champion = "energy_demand/model/daily_peak_champion"
    assert repeated.before.materialized[champion] == {FIRST_CUTOFF, SECOND_CUTOFF}


def test_a_challenger_that_is_not_better_is_tried_and_stays_without_a_version(
    repeated: Repeated,
) -> None:
    attempt = repeated.project.ledger("daily_use").latest(SECOND_CUTOFF)
    assert attempt is not None
    assert attempt.rejected is not None
    assert attempt.version is None
    # In MLflow it is a run like the others, with what its gates said.
    runs = mlflow_runs(repeated.project, USE, attempt.bundle_digest)
    assert [run.data.tags["mlops_dagster.gates"] for run in runs] == ["inconclusive"]
    assert repeated.before.champions[USE] == "1"
    champion = "energy_demand/model/daily_use_champion"
    assert repeated.before.materialized[champion] == {FIRST_CUTOFF}


def test_running_finished_windows_again_changes_no_digest(repeated: Repeated) -> None:
    assert repeated.after.digests == repeated.before.digests


def test_running_finished_windows_again_adds_no_version_decision_or_report(
    repeated: Repeated,
) -> None:
    assert repeated.after == repeated.before
    assert repeated.events[1] == repeated.events[0]


def test_the_verb_run_says_that_nothing_changed(repeated: Repeated) -> None:
    (trained, said_of_training), (closed, said_of_close) = repeated.told
    assert not trained.changed
    assert not closed.changed
    assert [model.state for model in trained.models] == ["champion", "champion"]
    assert f"energy_demand {FIRST_CUTOFF}: done in" in said_of_training
    assert "version 1, champion (unchanged)" in said_of_training
    assert "s; nothing changed." in said_of_training
    assert {table.name for table in closed.tables} >= {"bronze.readings"}
    assert "not trained in this run, champion 2" in said_of_close
    assert "s; nothing changed." in said_of_close


def test_running_finished_windows_again_asks_for_no_training(repeated: Repeated) -> None:
    assert repeated.project.requested() == []


@pytest.mark.parametrize("model", ["daily_use", "daily_peak"])
def test_a_back_fill_is_scored_by_the_champion_that_the_day_had(
    repeated: Repeated, lived: Lived, model: str
) -> None:
    assert repeated.scored_by[model]["model_version"] == "1"
    assert repeated.scored_by[model]["champion_cutoff"] == FIRST_CUTOFF
    stream = f"slice/energy_demand.serving.{model}_predictions/{SCORED}/1"
    assert repeated.after.digests[stream] == lived.after.digests[stream]


def test_a_back_fill_decides_as_the_day_did(repeated: Repeated, lived: Lived) -> None:
    for model in (USE, PEAK):
        earlier = lived.after.decisions[model]
        assert repeated.after.decisions[model][: len(earlier)] == earlier


@pytest.fixture(scope="module")
def late(repeated: Repeated) -> Snapshot:
    """After a household's second day was told only when the first training was over."""
    project = repeated.project
    day = DAYS[1]
    readings = readings_of(WORLD, 1)
    told_late = Reading("h999", readings[0].day, 11.0, 1.0)
    landing = project.workspace.landing
    write_readings(landing, day, readings)
    with (landing / "readings" / f"{day}.csv").open("a", encoding="utf-8") as file:
        known_at = project.calendar.as_of_close(DAYS[5]).isoformat()
        file.write(f"{told_late.household},{told_late.day},{known_at},11.0,1.0\n")
    assert project.close(day).success
    return project.snapshot()


def test_a_reading_that_came_after_its_day_was_closed_is_kept_in_quarantine(
    late: Snapshot, repeated: Repeated
) -> None:
    stream = f"slice/energy_demand.bronze.readings/{DAYS[1]}"
    assert late.digests[stream] == repeated.after.digests[stream]
    batch = repeated.project.batch("bronze.readings", DAYS[1])
    assert batch.rows_in == 1 + len(readings_of(WORLD, 1))
    assert batch.failed_rules["known_at_not_after_as_of"] == 1
    assert batch.rows_in == batch.valid + batch.quarantined + batch.dropped


def test_a_reading_that_came_late_leaves_training_sets_as_they_were(
    late: Snapshot, repeated: Repeated, spark: SparkSession
) -> None:
    project = repeated.project
    stream = f"slice/energy_demand.model.daily_use_training_set/{FIRST_CUTOFF}"
    assert late.digests[stream] == repeated.after.digests[stream]
    built = build_training_set(
        spark,
        workspace=project.workspace,
        model=project.model("daily_use"),
        cutoff=FIRST_CUTOFF,
        as_of=project.calendar.as_of_close(FIRST_CUTOFF),
        store=project.store,
        locations=project.locations,
        run_id="again",
    )
    assert built.published.digest == late.digests[stream]
