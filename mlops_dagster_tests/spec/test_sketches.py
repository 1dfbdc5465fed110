"""The two examples of the design load with the values they write, and with the defaults."""

from pathlib import Path

import pytest

from mlops_dagster.spec.environment import (
    CatalogTables,
    DatabricksEngine,
    LocalEngine,
    PathTables,
    StateDatabase,
    TrackingServer,
)
from mlops_dagster.spec.loader import find_problems, load_workspace
from mlops_dagster.spec.models import (
    Calibration,
    HistGradientBoosting,
    RetrainPolicy,
    RetrainReason,
    Ridge,
    Task,
)
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedTable, Workspace
from mlops_dagster.windows import Duration, Grain

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load_workspace(GOLDEN, "dev")


def model(workspace: Workspace, name: str) -> ResolvedModel:
    use_case, _, own = name.partition(".")
    return workspace.use_cases[use_case].models[own]


def table(workspace: Workspace, name: str) -> ResolvedTable:
    return workspace.table(TableRef.parse(name))


@pytest.mark.parametrize("environment", ["dev", "serverless"])
def test_the_examples_have_no_mistake(environment: str) -> None:
    assert find_problems(GOLDEN, environment) == ()


def test_windows_are_those_written(workspace: Workspace) -> None:
    flights = workspace.use_cases["flight_delays"].calendar
    energy = workspace.use_cases["energy_demand"].calendar
    assert flights is not None
    assert energy is not None
    assert (flights.grain, flights.first, flights.last) == (Grain.MONTH, "2013-01", "2013-12")
    assert (flights.time_zone, str(flights.close_after)) == ("America/New_York", "12 hours")
    assert (energy.grain, energy.first, energy.last) == (Grain.DAY, "2024-01-01", None)
    assert (energy.time_zone, str(energy.close_after)) == ("Europe/Berlin", "0 hours")


def test_tables_stand_after_what_they_read(workspace: Workspace) -> None:
    for use_case in workspace.use_cases.values():
        built = set(workspace.shared_tables)
        for ref, one in use_case.tables.items():
            assert {read.ref for read in one.inputs.values()} <= built
            built.add(ref)


def test_a_table_has_windows_if_one_of_its_files_has(workspace: Workspace) -> None:
    static = {str(ref) for ref, one in workspace.tables.items() if not one.windowed}
    assert static == {
        "project.shared.calendar",
        "flight_delays.bronze.planes",
        "flight_delays.bronze.airlines",
        "flight_delays.bronze.airports",
    }


def test_times_and_kinds_are_resolved(workspace: Workspace) -> None:
    schedule = table(workspace, "flight_delays.silver.schedule")
    history = table(workspace, "flight_delays.features.carrier_history")
    days = table(workspace, "energy_demand.features.household_days")
    assert (schedule.kind, schedule.event_time, schedule.known_at) == (
        "sql",
        "scheduled_departure",
        "published_at",
    )
    assert (history.event_time, history.known_at) == ("hour", "hour")
    assert history.spec.valid_for == Duration.parse("2 days")
    assert days.kind == "hook"
    assert days.hook is not None
    assert days.hook.parameters == ("readings", "calendar")


def test_look_backs_are_those_written(workspace: Workspace) -> None:
    flights = table(workspace, "flight_delays.features.route_history").inputs["departures"]
    energy = table(workspace, "energy_demand.features.household_days").inputs
    assert (str(flights.back), flights.until_start) == ("28 days", False)
    assert (str(energy["readings"].back), energy["readings"].until_start) == ("15 days", True)
    assert (energy["calendar"].back, energy["calendar"].until_start) == (None, False)
    assert energy["calendar"].ref == TableRef.shared("calendar")


def test_what_a_forecast_needs_is_built_at_open(workspace: Workspace) -> None:
    assert workspace.use_cases["flight_delays"].open_tables == frozenset()
    assert workspace.use_cases["energy_demand"].open_tables == {
        TableRef.parse("energy_demand.features.household_days")
    }


def test_rules_have_names_and_final_consequences(workspace: Workspace) -> None:
    rules = table(workspace, "flight_delays.silver.schedule").rules
    assert [(rule.name, rule.about, rule.on_fail) for rule in rules] == [
        ("row_count_between_20000_and_40000", "data_set", OnFail.STOP),
        ("carrier_is_not_null", "rows", OnFail.QUARANTINE),
        ("distance_above_0", "rows", OnFail.QUARANTINE),
        ("destination_name_is_not_null", "rows", OnFail.RECORD),
        ("tail_number_is_not_null", "rows", OnFail.RECORD),
    ]
    warn, fail = rules[3].warn_if, rules[3].fail_if
    assert warn is not None
    assert fail is not None
    assert [warn.kind, fail.kind] == ["rate", "rate"]
    assert [warn.value, fail.value] == pytest.approx([0.01, 0.1])
    critical = table(workspace, "energy_demand.bronze.readings").rules[2]
    assert (critical.about, critical.on_fail) == ("rows", OnFail.STOP)


def test_the_flights_model_is_as_written(workspace: Workspace) -> None:
    delay = model(workspace, "flight_delays.departure_delay")
    assert (delay.spec.task, delay.stream) == (Task.BINARY, "flight_delays.departure_delay")
    assert str(delay.spec.rows.ahead) == "4 hours"
    assert str(delay.label) == "flight_delays.silver.departures"
    assert str(delay.spec.label.within) == "2 days"
    assert str(delay.spec.train.history) == "12 windows"
    assert str(delay.spec.train.at_least) == "3 windows"
    assert delay.spec.train.calibrate is Calibration.ISOTONIC
    assert (delay.spec.train.holdout.by, delay.spec.train.holdout.every) == ("day", 5)
    assert delay.spec.train.seed == 7
    assert delay.spec.train.estimator == HistGradientBoosting(
        family="hist_gradient_boosting", learning_rate=0.06, max_iter=400
    )
    assert {ref.name: chosen and len(chosen) for ref, chosen in delay.features.items()} == {
        "schedule": 9,
        "weather": 6,
        "carrier_history": None,
        "route_history": None,
    }


def test_gates_are_read_in_both_forms(workspace: Workspace) -> None:
    gates = model(workspace, "flight_delays.departure_delay").gates
    assert [gate.text for gate in gates] == [
        "roc_auc >= 0.65",
        "expected_calibration_error <= 0.05",
        "roc_auc of every origin >= 0.6",
        "roc_auc better than the champion's by more than 0",
    ]
    assert [gate.metrics for gate in gates] == [
        ("roc_auc",),
        ("expected_calibration_error",),
        ("roc_auc",),
        ("roc_auc",),
    ]
    assert (gates[2].at_least, gates[2].slice) == (0.6, "origin")
    assert (gates[3].against_champion, gates[3].better_by) == (True, 0.0)


def test_a_merge_key_takes_over_what_is_not_written_anew(workspace: Workspace) -> None:
    use = model(workspace, "energy_demand.daily_use")
    peak = model(workspace, "energy_demand.daily_peak")
    assert use.spec.train.estimator == HistGradientBoosting(
        family="hist_gradient_boosting", max_iter=200
    )
    assert peak.spec.train.estimator == Ridge(family="ridge", alpha=1.0)
    without = {"estimator"}
    assert peak.spec.train.model_dump(exclude=without) == use.spec.train.model_dump(exclude=without)
    assert peak.features == use.features
    assert str(peak.spec.train.holdout.last) == "7 windows"


def test_a_gate_may_name_a_hook(workspace: Workspace) -> None:
    (hook,) = model(workspace, "energy_demand.daily_peak").metric_hooks
    assert (hook.name, hook.option("lower_is_better")) == ("peak_cost", True)
    assert model(workspace, "energy_demand.daily_use").metric_hooks == ()


def test_retraining_is_as_written_or_by_default(workspace: Workspace) -> None:
    assert model(workspace, "energy_demand.daily_peak").spec.retrain == "never"
    both = [RetrainReason.DRIFT, RetrainReason.QUALITY]
    default = model(workspace, "flight_delays.departure_delay").spec.retrain
    assert default == RetrainPolicy()
    assert isinstance(default, RetrainPolicy)
    assert (default.when, default.confirm.count, default.confirm.windows) == (both, 2, 3)
    assert (str(default.wait), default.at_most.count, default.at_most.windows) == (
        "2 windows",
        4,
        12,
    )
    written = model(workspace, "energy_demand.daily_use").spec.retrain
    assert isinstance(written, RetrainPolicy)
    assert (written.confirm.count, written.confirm.windows) == (3, 5)
    assert (str(written.wait), written.at_most.count) == ("14 windows", 6)


def test_a_local_environment_is_as_written(workspace: Workspace) -> None:
    environment = workspace.environment
    assert isinstance(environment.engine, LocalEngine)
    assert environment.engine.memory.megabytes == 2048
    assert environment.tables == PathTables(kind="paths", warehouse=".mlops/dev/warehouse")
    assert (environment.tracking, environment.state) == ("sqlite", "sqlite")
    assert (environment.use_cases, environment.production) == (None, False)
    assert workspace.landing == GOLDEN / "landing"
    assert workspace.state_folder == GOLDEN / ".mlops" / "dev"


def test_an_environment_selects_use_cases_and_names_only_variables() -> None:
    workspace = load_workspace(GOLDEN, "serverless")
    environment = workspace.environment
    assert list(workspace.use_cases) == ["energy_demand"]
    assert isinstance(environment.engine, DatabricksEngine)
    assert environment.engine.cluster_id is None
    assert isinstance(environment.tables, CatalogTables)
    assert environment.tables.schema_template == "{use_case}_{layer}"
    assert environment.tracking == TrackingServer(address_variable="MLFLOW_TRACKING_URI")
    assert environment.state == StateDatabase(address_variable="STATE_DATABASE")
    assert (environment.automation.schedules, environment.automation.sensors) == (True, False)


def test_a_workspace_is_loaded_alike_every_time(workspace: Workspace) -> None:
    again = load_workspace(GOLDEN, "dev")
    assert list(again.tables) == list(workspace.tables)
    assert {ref: one.code_version for ref, one in again.tables.items()} == {
        ref: one.code_version for ref, one in workspace.tables.items()
    }
