"""What `make demo` says, computed again from its files by pandas and scikit-learn.

Needs a finished `make demo` in this folder: `make test-demo`.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mlops_dagster.cli.demo_summary import DemoSummary, MonthSummary
from mlops_dagster.lifecycle.decision import decision_facts, policy_of
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.events import history
from mlops_dagster.monitoring.policy import decide
from mlops_dagster.registry.bundle import load_bundle
from mlops_dagster.registry.ledger import read_ledger
from mlops_dagster.registry.tracking import open_tracker
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.workspace import ResolvedModel, Workspace
from mlops_dagster.state.store import EventStore, open_environment_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster_tests.finished_demo.tables import REPOSITORY, STATE, SUMMARY, read_table

pytestmark = pytest.mark.demo
PREDICTIONS = "serving/departure_delay_predictions"
ONE_DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def summary() -> DemoSummary:
    return DemoSummary.model_validate_json(SUMMARY.read_bytes())


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load_workspace(REPOSITORY, "dev")


@pytest.fixture(scope="module")
def store(workspace: Workspace) -> EventStore:
    return open_environment_store(workspace.environment, workspace.state_folder)


@pytest.fixture(scope="module")
def model(workspace: Workspace) -> ResolvedModel:
    return workspace.use_cases["flight_delays"].models["departure_delay"]


@pytest.fixture(scope="module")
def labels() -> pd.Series:
    """Whether each flight left late, by its id, from the files as they were delivered."""
    files = sorted((REPOSITORY / "landing" / "flights").glob("2013-??.csv"))
    rows = pd.concat([pd.read_csv(file, na_values=["NA"]) for file in files], ignore_index=True)
    rows = rows[rows["dep_delay"].notna()]
    dates = pd.to_datetime(rows[["year", "month", "day"]]).dt.strftime("%Y%m%d")
    texts = zip(rows["carrier"], rows["flight"], rows["origin"], dates, strict=True)
    return pd.Series(
        (rows["dep_delay"] > 15).to_numpy(), index=["-".join(map(str, text)) for text in texts]
    )


def scored(month: MonthSummary, labels: pd.Series, columns: list[str]) -> pd.DataFrame:
    """Return a month's predictions of the champion in charge that have a label."""
    rows = read_table(PREDICTIONS, window=month.month, columns=columns)
    rows = rows[rows["model_version"] == month.champion_version]
    rows["label"] = rows["flight_id"].map(labels)
    rows = rows[rows["label"].notna()]
    return rows.assign(label=rows["label"].astype(int))


def replayed(summary: DemoSummary) -> Iterator[MonthSummary]:
    return (month for month in summary.months if month.champion_version is not None)


def test_rows_are_those_of_the_delivered_files(summary: DemoSummary) -> None:
    for month in summary.months:
        with Path(REPOSITORY / "landing" / "flights" / f"{month.month}.csv").open() as file:
            delivered = sum(1 for _ in csv.reader(file)) - 1
        assert month.rows == delivered
        assert month.rows == len(read_table("silver/schedule", window=month.month, columns=[]))


def test_quarantine_holds_what_is_counted(summary: DemoSummary) -> None:
    for month in summary.months:
        if month.quarantined:
            assert len(read_table("monitoring/quarantine", window=month.month)) == month.quarantined


def test_auc_and_calibration_are_those_of_pandas_and_scikit_learn(
    summary: DemoSummary, labels: pd.Series
) -> None:
    for month in replayed(summary):
        rows = scored(month, labels, ["flight_id", "score"])
        assert month.roc_auc == pytest.approx(roc_auc_score(rows["label"], rows["score"]), abs=1e-3)
        assert month.expected_calibration_error == pytest.approx(calibration_error(rows), abs=2e-3)
        for value, interval in (
            (month.roc_auc, month.roc_auc_interval),
            (month.expected_calibration_error, month.expected_calibration_error_interval),
        ):
            assert value is not None
            assert interval is not None
            assert interval[0] < value < interval[1]


def calibration_error(rows: pd.DataFrame) -> float:
    """15 bins of equal mass; the mean gap between what was said and what came true."""
    edges = np.unique(np.quantile(rows["score"], np.arange(1, 15) / 15, method="inverted_cdf"))
    bins = pd.Series(np.searchsorted(edges, rows["score"]), index=rows.index)
    gaps = (rows["score"] - rows["label"]).groupby(bins).sum().abs()
    return float(gaps.sum() / len(rows))


def test_drifted_columns_are_those_that_the_drift_table_warns_of(summary: DemoSummary) -> None:
    for month in replayed(summary):
        rows = read_table("monitoring/drift_metrics", window=month.month)
        whole = rows[rows["slice_key"].isna() & (rows["column_name"] != ":table")]
        warned = set(whole.loc[whole["severity"].isin(["warning", "critical"]), "column_name"])
        assert set(month.drifted_columns) <= warned


def test_each_decision_follows_from_the_recorded_reports_by_the_pure_function(
    summary: DemoSummary, workspace: Workspace, store: EventStore, model: ResolvedModel
) -> None:
    calendar = workspace.use_cases["flight_delays"].calendar
    assert calendar is not None
    recorded = history(store, model.stream).decisions
    for month in summary.months:
        place = Place(
            workspace=workspace,
            store=store,
            locations=Locations(workspace.environment, workspace.root),
            tracker=open_tracker(workspace.environment, workspace.state_folder),
            window=month.month,
            as_of=calendar.as_of_close(month.month),
            run_id="test",
        )
        decision = decide(decision_facts(place, model, calendar), policy_of(model))
        assert decision == recorded[month.month]
        assert (decision.kind.value, decision.reason) == (month.decision, month.reason)
    assert summary.retrainings == Counter(m.decision for m in summary.months)["retrain"]


def test_means_of_both_models_are_those_of_scikit_learn(
    summary: DemoSummary, labels: pd.Series, store: EventStore, model: ResolvedModel
) -> None:
    difference, first, champion = summary.difference, summary.first_model, summary.champion
    if difference is None or first is None or champion is None:
        pytest.skip("fewer than three months were replayed")
    ledger = read_ledger(store, model.stream)
    for version in (first, champion):
        attempt = ledger.by_version(version.version)
        assert attempt is not None
        assert attempt.registered is not None
        (folder,) = (
            path.parent
            for path in (STATE / "bundles").rglob("manifest.json")
            if attempt.cutoff_window in path.parts
        )
        loaded = load_bundle(folder, expected_digest=attempt.bundle_digest)
        values = []
        for month in summary.months:
            if month.month not in difference.months:
                continue
            assert month.month > attempt.cutoff_window
            names = ["flight_id", *(column.name for column in loaded.info.columns)]
            rows = scored(month, labels, names)
            values.append(roc_auc_score(rows["label"], loaded.predict(rows)["score"]))
        assert version.mean_roc_auc_after_promotion == pytest.approx(np.mean(values), abs=1e-3)
    gain = champion.mean_roc_auc_after_promotion - first.mean_roc_auc_after_promotion
    assert difference.value == pytest.approx(gain)
    assert difference.low <= difference.value <= difference.high


def test_runs_are_on_the_instance_and_succeeded(summary: DemoSummary) -> None:
    with dg.DagsterInstance.from_config(str(STATE / "dagster")) as instance:
        for month in summary.months:
            assert month.run_ids
            for run_id in month.run_ids:
                run = instance.get_run_by_id(run_id)
                assert run is not None
                assert run.status is dg.DagsterRunStatus.SUCCESS
                assert run.tags["dagster/partition"] == month.month
