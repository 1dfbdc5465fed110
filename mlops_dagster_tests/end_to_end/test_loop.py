import math

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from mlops_dagster.assets.keys import monitoring_key
from mlops_dagster.automation.history import window_history
from mlops_dagster.cli import main
from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.monitoring.decision import DecisionKind
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.tables.measure import measure
from mlops_dagster_tests.end_to_end.conftest import DAYS, Lived
from mlops_dagster_tests.end_to_end.energy import WORLD
from mlops_dagster_tests.energy_demand.make_world import Reading, readings_of

pytestmark = pytest.mark.long

MODELS = ("daily_use", "daily_peak")


def sound(number: int) -> dict[str, Reading]:
    """The readings of a day that no rule sends to quarantine, by household."""
    return {r.household: r for r in readings_of(WORLD, number) if r.kwh >= 0}


def rows_of(lived: Lived, spark: SparkSession, table: TableRef, window: str) -> pd.DataFrame:
    frame = lived.project.locations.of(table).read(spark)
    return rows_to_client(frame.where(frame["window"] == window), what=str(table))


def test_each_day_is_opened_closed_and_trained_on_as_decided(lived: Lived) -> None:
    expected = []
    for day in DAYS[:5]:
        expected += [("energy_demand_open", day), ("energy_demand_close", day)]
        if day == DAYS[2]:
            expected += [(f"energy_demand_{model}_train", day) for model in MODELS]
    assert list(lived.ran) == expected
    assert lived.project.requested() == []


@pytest.mark.parametrize("model", MODELS)
def test_the_first_model_is_trained_when_three_windows_are_in(lived: Lived, model: str) -> None:
    decisions = lived.after.decisions[f"energy_demand.{model}"]
    assert [d.window for d in decisions] == list(DAYS[:5])
    hold, first = DecisionKind.HOLD, DecisionKind.TRAIN_FIRST
    assert [d.kind for d in decisions] == [hold, hold, first, hold, hold]
    assert [d.champion for d in decisions] == [None, None, None, "1", "1"]
    assert decisions[2].reason == "no champion and 3 windows are in, at least 3 are needed"


def test_a_model_that_is_never_retrained_holds_for_that_reason(lived: Lived) -> None:
    reasons = {d.reason for d in lived.after.decisions["energy_demand.daily_peak"][3:]}
    assert reasons == {"the policy of this model is never to retrain"}


@pytest.mark.parametrize("model", MODELS)
def test_only_the_trained_window_shows_a_training_set_a_model_and_a_champion(
    lived: Lived, model: str
) -> None:
    for name in (f"{model}_training_set", model, f"{model}_champion"):
        assert lived.after.materialized[f"energy_demand/model/{name}"] == {DAYS[2]}


@pytest.mark.parametrize("model", MODELS)
def test_mlflow_has_one_version_and_its_alias_shows_the_champion_of_the_ledger(
    lived: Lived, model: str
) -> None:
    stream = f"energy_demand.{model}"
    assert lived.after.versions[stream] == (("1", DAYS[2]),)
    assert lived.after.mlflow_versions[stream] == ("1",)
    assert lived.after.champions[stream] == "1"


@pytest.mark.parametrize("model", MODELS)
def test_only_windows_after_the_cutoff_are_scored_and_by_its_model(
    lived: Lived, model: str
) -> None:
    prefix = f"slice/energy_demand.serving.{model}_predictions/"
    scored = {name.removeprefix(prefix) for name in lived.after.digests if name.startswith(prefix)}
    assert scored == {f"{day}/1" for day in DAYS[3:5]}


def test_a_forecast_is_made_at_midnight_for_every_household_read_the_day_before(
    lived: Lived, spark: SparkSession
) -> None:
    project = lived.project
    table = project.model("daily_use").derived("serving", "predictions")
    rows = rows_of(lived, spark, table, DAYS[3])
    assert sorted(rows["household"]) == sorted(sound(2))
    midnight = project.calendar.as_of_open(DAYS[3])
    assert {at.to_pydatetime().timestamp() for at in rows["scored_at"]} == {midnight.timestamp()}
    assert set(rows["model_version"]) == {"1"}
    assert rows["prediction"].between(0, 60).all()


@pytest.mark.parametrize(("model", "column"), [("daily_use", "kwh"), ("daily_peak", "peak_kw")])
def test_quality_at_close_is_that_of_the_forecasts_against_the_readings(
    lived: Lived, spark: SparkSession, model: str, column: str
) -> None:
    project = lived.project
    resolved = project.model(model)
    rows = rows_of(lived, spark, resolved.derived("serving", "predictions"), DAYS[3])
    truth = {household: getattr(r, column) for household, r in sound(3).items()}
    pairs = [
        (truth[household], predicted)
        for household, predicted in zip(rows["household"], rows["prediction"], strict=True)
        if household in truth
    ]
    shown = window_history(
        instance=project.instance,
        store=project.store,
        use_case=project.use_case,
        model=resolved,
        calendar=project.calendar,
        window=DAYS[3],
    )
    figure = shown.figure("mean_absolute_error")
    assert figure is not None
    expected = math.fsum(abs(actual - predicted) for actual, predicted in pairs) / len(pairs)
    assert figure.value == pytest.approx(expected)
    summary = project.told(model).quality[DAYS[3]]
    assert summary.labelled_rows == len(pairs)
    assert summary.final


def test_alibi_detect_advises_beside_the_drift_report_and_decides_nothing(lived: Lived) -> None:
    key = monitoring_key(lived.project.model("daily_use"), "drift")
    told = lived.project.instance.get_latest_materialization_event(key)
    assert told is not None
    assert told.asset_materialization is not None
    metadata = told.asset_materialization.metadata
    assert "non-production use; advisory" in str(metadata["alibi_detect_licence"].value)
    advice = metadata["alibi_detect_advice"]
    assert isinstance(advice, dg.TableMetadataValue)
    detectors = {row.data["detector"] for row in advice.records}
    assert detectors == {"KSDrift", "ClassifierDrift"}
    verdict = lived.project.told("daily_use").drift[DAYS[4]].verdict
    assert metadata["verdict"].value == verdict
    assert "alibi" not in verdict


def test_the_metric_of_a_hook_is_a_gate_and_a_figure(lived: Lived) -> None:
    project = lived.project
    attempt = project.ledger("daily_peak").latest(DAYS[2])
    assert attempt is not None
    assert attempt.evaluated is not None
    assert attempt.evaluated.outcome == "pass"
    cost = attempt.evaluated.metrics["peak_cost"]
    assert cost is not None
    assert 0 < cost <= 40


def test_every_delivered_reading_is_valid_or_in_quarantine(lived: Lived) -> None:
    for number, day in enumerate(DAYS[:5]):
        batch = lived.project.batch("bronze.readings", day)
        # Counted in the file, to which other tests of the same project add late rows.
        file = lived.project.workspace.landing / "readings" / f"{day}.csv"
        delivered = len(file.read_text().splitlines()) - 1
        assert batch.rows_in == delivered
        assert batch.valid == len(sound(number))
        assert batch.quarantined == delivered - len(sound(number))
        assert not batch.refused
    assert any(lived.project.batch("bronze.readings", day).quarantined for day in DAYS[:5])


def test_published_digests_are_those_of_the_rows_that_readers_see(
    lived: Lived, spark: SparkSession
) -> None:
    project = lived.project
    for table in (project.ref("bronze.readings"), project.ref("features.household_days")):
        stream = f"slice/{table}/{DAYS[3]}"
        version = project.published()[stream].delta_version
        rows = project.locations.of(table).read(spark, version)
        found = measure(rows.where(rows["window"] == DAYS[3]).drop("window"))
        assert found.digest == lived.after.digests[stream]


def test_the_command_check_finds_no_leak_in_what_was_built(lived: Lived) -> None:
    root = str(lived.project.workspace.root)
    done = CliRunner().invoke(main, ["check", "--leaks", "--root", root])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "energy_demand.features.household_days 2024-01-05: no leak, 3 instants" in done.stdout
    assert done.stdout.endswith("1 table tested; rows that were not known yet: in none\n")


def test_nothing_is_left_in_the_working_folder(lived: Lived) -> None:
    assert lived.stray == ()
