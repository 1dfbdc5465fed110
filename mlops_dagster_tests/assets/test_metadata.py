"""What the UI shows beside an asset: columns, lineage, links, numbers, pictures."""

import re
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from mlops_dagster.assets.checks import check_result
from mlops_dagster.assets.links import LOCAL_MLFLOW, mlflow_metadata
from mlops_dagster.assets.metadata import Metadata, column_lineage, column_schema, rounded
from mlops_dagster.assets.model_metadata import candidate_metadata
from mlops_dagster.assets.monitoring_metadata import (
    decision_metadata,
    drift_metadata,
    quality_metadata,
)
from mlops_dagster.data.builtin import RuleFacts
from mlops_dagster.data.verdict import Counts, judge
from mlops_dagster.lifecycle.attempt import Logged
from mlops_dagster.lifecycle.monitoring import WindowCompared
from mlops_dagster.lifecycle.training import Candidate
from mlops_dagster.monitoring.baseline import profile_pandas
from mlops_dagster.monitoring.decision import Decision, DecisionKind
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.events import MonitorHistory
from mlops_dagster.monitoring.quality_report import QualityReport
from mlops_dagster.registry.tracking import RegisteredVersion
from mlops_dagster.rules.limits import parse_limit
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster.training.gate_report import GateOutcome, GateReport, GateResult
from mlops_dagster_tests.assets.graph_shape import EXAMPLES_ROOT
from mlops_dagster_tests.charts.pictures import words
from mlops_dagster_tests.faults.conftest import TRAINING_SET, finished_training
from mlops_dagster_tests.monitoring.test_quality import binary, expectation, measured
from mlops_dagster_tests.monitoring.worlds import FEATURES, baseline_of, rows

# More columns than this are cut off in Dagster's pages.
WIDEST = 5
REGISTERED = RegisteredVersion("flight_delays.departure_delay", "3", "abc123", "models:/m-1")


@pytest.fixture(scope="module")
def flagship() -> Workspace:
    return load_workspace(EXAMPLES_ROOT, "dev")


def value(metadata: Metadata, key: str) -> object:
    return metadata[key].value


def pictures(metadata: Metadata) -> dict[str, list[str]]:
    """Return the words of each picture by its key; each is one that is shown in place."""
    found = {}
    for key, shown in metadata.items():
        if isinstance(shown, dg.MarkdownMetadataValue):
            assert shown.value is not None
            assert len(shown.value) < 1000
            found[key] = words(shown.value)
    return found


def test_every_sql_table_of_the_flagship_tells_where_each_column_comes_from(
    flagship: Workspace,
) -> None:
    for ref, table in flagship.use_cases["flight_delays"].tables.items():
        if table.sql is None:
            continue
        shown = column_lineage(table, table.sql.column_lineage)
        assert isinstance(shown, dg.TableColumnLineageMetadataValue), ref
        assert table.contract is not None
        assert set(shown.value.deps_by_column) == set(table.contract.types), ref
        read = {dep.asset_key for deps in shown.value.deps_by_column.values() for dep in deps}
        assert read <= {
            dg.AssetKey([i.ref.owner, i.ref.layer, i.ref.name]) for i in table.inputs.values()
        }
        assert read


def test_columns_are_shown_with_what_they_are_to_the_table(flagship: Workspace) -> None:
    table = flagship.table(TableRef.parse("flight_delays.silver.schedule"))
    assert table.contract is not None
    shown = column_schema(table, table.contract)
    assert isinstance(shown, dg.TableSchemaMetadataValue)
    told = {column.name: column.description for column in shown.schema.columns}
    assert str(told["flight_id"]).startswith("key; from bronze.flights.")
    assert str(told["scheduled_departure"]).startswith("event time: when it happened; from ")
    assert str(told["published_at"]).startswith("known at: when it became known; from ")
    assert told["carrier"] == "from bronze.flights.carrier"


@pytest.mark.parametrize(
    ("number", "shown"), [(0.7264180291, 0.72642), (336776.0, 336780.0), (0.0, 0.0), (-1e-9, -1e-9)]
)
def test_numbers_have_five_significant_digits(number: float, shown: float) -> None:
    assert rounded(number) == shown


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("sqlite:////project/.mlops/dev/mlflow.db", LOCAL_MLFLOW),
        ("https://mlflow.example.com/", "https://mlflow.example.com"),
        ("http://user:secret@tracking:5000/prefix", "http://tracking:5000/prefix"),
    ],
)
def test_a_version_links_to_its_run_and_never_shows_a_password(address: str, server: str) -> None:
    shown = mlflow_metadata(address, "abc123", REGISTERED)
    assert value(shown, "mlflow_run") == f"{server}/#/runs/abc123"
    assert (
        value(shown, "mlflow_version")
        == f"{server}/#/models/flight_delays.departure_delay/versions/3"
    )
    assert ("mlflow_server" in shown) is (server == LOCAL_MLFLOW)


def test_a_store_without_a_web_address_gives_names_only() -> None:
    shown = mlflow_metadata("databricks", "abc123", REGISTERED)
    assert set(shown) == {"version", "mlflow_run_id"}


@pytest.mark.parametrize("kept_out", [True, False])
def test_a_training_shows_its_gates_figures_and_run_whether_or_not_it_became_a_version(
    tmp_path: Path, kept_out: bool
) -> None:
    training = finished_training(tmp_path / "bundle")
    result = GateResult(
        text="roc_auc >= 0.99",
        metrics=("roc_auc",),
        outcome=GateOutcome.FAIL if kept_out else GateOutcome.PASS,
        explanation="0.8 is below 0.99." if kept_out else "0.995 is at least 0.99.",
        rows=training.measured.evaluation.rows,
    )
    logged = Logged("abc123", None if kept_out else REGISTERED)
    candidate = Candidate(
        training, TRAINING_SET, None, GateReport(gates=(result,)), logged, fitted_now=True
    )
    shown = candidate_metadata(candidate, "sqlite:///mlflow.db", reason="drift")
    assert value(shown, "mlflow_run") == f"{LOCAL_MLFLOW}/#/runs/abc123"
    assert ("version" in shown) is ("mlflow_version" in shown) is not kept_out
    assert value(shown, "gates") == result.outcome.value
    assert ("0.8 is below" in str(value(shown, "gates_say"))) is kept_out
    assert value(shown, "reason") == "drift"
    evaluation = training.measured.evaluation
    metrics = shown["metrics"]
    assert isinstance(metrics, dg.TableMetadataValue)
    assert [record.data["metric"] for record in metrics.records] == list(evaluation.values)
    for name, measured_value in evaluation.values.items():
        assert measured_value is not None
        assert value(shown, name) == rounded(measured_value)
    assert value(shown, "fit_rows") == training.measured.fit_rows
    assert value(shown, "bundle_digest") == training.bundle.digest


def test_drift_shows_the_columns_that_changed_most_first() -> None:
    before, now = rows(0, days=30, per_day=100), rows(1, days=30, per_day=100)
    now["x2"] += 1
    baseline = baseline_of(before)
    profile = profile_pandas(now, baseline.grid)
    report = drift_report(baseline, profile, window="2013-04", model_version="1")
    shown = pictures(drift_metadata(WindowCompared(baseline, profile, report)))
    assert list(shown) == [f"most_drifted_{place}" for place in (1, 2, 3, 4)]
    assert any(word.startswith("x2: ") for word in shown["most_drifted_1"])
    table = drift_metadata(WindowCompared(baseline, profile, report))["columns"]
    assert isinstance(table, dg.TableMetadataValue)
    worst = table.records[0].data
    assert worst["column"] == "x2"
    assert re.fullmatch(r"PSI \d\.\d{3}, KS \d\.\d{3}", str(worst["distance"]))
    assert worst["missing"] == "0.00%"
    assert len(worst) <= WIDEST


def test_drift_without_any_value_has_no_pictures() -> None:
    before = rows(0, days=30, per_day=100)
    baseline = baseline_of(before)
    nothing = pd.DataFrame(np.nan, index=range(1000), columns=[name for name, _ in FEATURES])
    profile = profile_pandas(nothing, baseline.grid)
    report = drift_report(baseline, profile, window="2013-04", model_version="1")
    assert not pictures(drift_metadata(WindowCompared(baseline, profile, report)))


def quality_of(window: str, *, signal: float) -> QualityReport:
    frame = binary(1, signal=signal)
    return measured(frame, expectation(binary(0, signal=1.5))).model_copy(update={"window": window})


def test_quality_is_shown_over_the_windows_with_the_calibration_of_the_newest() -> None:
    reports = tuple(quality_of(f"2013-0{month}", signal=1.5) for month in (4, 5, 6))
    history = MonitorHistory(quality={r.window: r.summary for r in reversed(reports)})
    shown = quality_metadata(reports[-1:], history)
    told = pictures(shown)
    assert set(told) == {
        "over_windows_1",
        "over_windows_2",
        "calibration",
    }
    assert told["over_windows_1"][-2:] == ["2013-04", "2013-06"]
    assert told["calibration"][0] == "came true, 2013-06"
    table = shown["metrics"]
    assert isinstance(table, dg.TableMetadataValue)
    measured_metric = next(m for m in reports[-1].overall if m.metric == "roc_auc")
    shown_metric = next(r.data for r in table.records if r.data["metric"] == "roc_auc")
    assert shown_metric["value"] == (
        f"{measured_metric.value:.4f} [{measured_metric.low:.4f}, {measured_metric.high:.4f}]"
    )
    assert len(shown_metric) <= WIDEST


def test_a_summary_holds_the_worst_value_that_is_accepted() -> None:
    figures = {f.metric: f for f in quality_of("2013-04", signal=1.5).summary.figures}
    rank, error = figures["roc_auc"], figures["expected_calibration_error"]
    assert rank.expected is not None
    assert error.expected is not None
    assert rank.accepted == pytest.approx(rank.expected - 0.02)
    assert error.accepted == pytest.approx(error.expected + 0.02)


def test_a_decision_stands_beside_those_before_it() -> None:
    decisions = {
        f"2013-0{month}": Decision(
            window=f"2013-0{month}", kind=DecisionKind.HOLD, reason=f"reason {month}", champion="1"
        )
        for month in (3, 1, 2)
    }
    shown = decision_metadata(decisions["2013-03"], MonitorHistory(decisions=decisions))
    assert pictures(shown)["decisions_over_windows"][-2:] == ["2013-01", "2013-03"]
    table = shown["decisions"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["reason"] for record in table.records] == [
        "reason 3",
        "reason 2",
        "reason 1",
    ]


@pytest.mark.parametrize(
    ("failed", "passed", "severity"),
    [
        (5, True, None),
        (50, False, dg.AssetCheckSeverity.WARN),
        (500, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_between_warn_if_and_fail_if_a_check_warns(
    failed: int, passed: bool, severity: dg.AssetCheckSeverity | None
) -> None:
    rule = RuleFacts(
        "named",
        "name is not null",
        on_fail=OnFail.RECORD,
        warn_if=parse_limit("> 1 %"),
        fail_if=parse_limit("> 10 %"),
    )
    counts = Counts(1000, 1000, 0, 0, {"named": failed}, {}, {})
    (result,) = judge((rule,), counts).results
    shown = check_result(dg.AssetKey("table"), result)
    assert shown.passed is passed
    if severity is not None:
        assert shown.severity is severity
