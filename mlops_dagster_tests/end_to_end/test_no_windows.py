"""A use case without windows by `mlops-dagster run`, twice, and a user's own assets on it."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame
from rich.console import Console

from mlops_dagster.automation.instance import prepare_instance
from mlops_dagster.automation.outcome import Outcome
from mlops_dagster.cli.run import run_use_case
from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.definitions import build_definitions
from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.registry.ledger import read_ledger
from mlops_dagster.registry.tracking import open_tracker
from mlops_dagster.resources.workspace import cached_workspace, event_store
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.fence import SlicePublished, slice_stream
from mlops_dagster_tests.assets.inline_project import CHURN, write_project
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.end_to_end.live_project import metadata_of

pytestmark = pytest.mark.long

ROWS = 600
GATES = "[roc_auc >= 0.6, {metric: roc_auc, against: champion, better_by: 0}]"
CUSTOMERS = dg.AssetKey(["churn", "bronze", "customers"])
SEEN: dict[str, object] = {}


@dg.asset(
    key=["churn", "gold", "by_age"],
    ins={"customers": dg.AssetIn(key=CUSTOMERS, input_manager_key="delta")},
    io_manager_key="delta",
)
def by_age(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers by decade of age, made by pandas."""
    decade = (customers["age"] // 10 * 10).rename("decade")
    return customers.groupby(decade).size().rename("customers").reset_index()


@dg.asset(
    key=["churn", "gold", "report"],
    ins={
        "by_age": dg.AssetIn(key=["churn", "gold", "by_age"], input_manager_key="delta"),
        "customers": dg.AssetIn(key=CUSTOMERS, input_manager_key="delta"),
        "model": dg.AssetIn(key=["churn", "model", "leaves"], input_manager_key="model"),
    },
)
def report(by_age: DataFrame, customers: pa.Table, model: LoadedModel) -> None:
    """What a user's asset gets to see."""
    SEEN["decades"] = by_age.count()
    SEEN["customers"] = customers.num_rows
    SEEN["scores"] = model.predict(customers.to_pandas())["score"].to_numpy()


# What somebody chose in the launchpad: less data, gates that do not count, a table written anew.
CHOSEN = {
    "ops": {
        "churn__model__leaves": {
            "config": {"max_rows": 300, "ignore_gates": True, "seed": 7, "reason": "a quick look"}
        },
        "churn__bronze__customers": {"config": {"force": True}},
    }
}


@dataclass(frozen=True)
class Churn:
    """The project after its job, own assets, the job again and an experiment; what was printed."""

    first: Outcome
    own: dg.ExecuteInProcessResult
    second: Outcome
    printed: str
    customers: pd.DataFrame
    experiment: dg.ExecuteInProcessResult
    tags: Mapping[str, str]
    root: Path


@pytest.fixture(scope="module")
def churn(spark_address: str, tmp_path_factory: pytest.TempPathFactory) -> Churn:
    root = write_project(
        tmp_path_factory.mktemp("churn"),
        {"churn": CHURN.replace("[roc_auc >= 0.6]", GATES)},
        engine=f"{{kind: remote, address_variable: {REMOTE_VARIABLE}}}",
    )
    customers = _customers()
    customers.to_csv(root / "landing" / "customers.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        workspace = cached_workspace(root, "dev")
        home: Path = prepare_instance(workspace)
        console = Console(file=io.StringIO(), width=100)
        first = run_use_case(console, workspace, "churn")
        own = dg.Definitions(
            assets=[by_age, report], jobs=[dg.define_asset_job("own", [by_age, report])]
        )
        definitions = build_definitions(root, "dev", merge=[own])
        with dg.DagsterInstance.from_config(str(home)) as instance:
            made = definitions.resolve_job_def("own").execute_in_process(
                instance=instance, raise_on_error=False
            )
        second = run_use_case(console, workspace, "churn")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            experiment = definitions.resolve_job_def("churn_refresh").execute_in_process(
                instance=instance, raise_on_error=False, run_config=CHOSEN
            )
            run = instance.get_run_by_id(experiment.run_id)
    assert isinstance(console.file, io.StringIO)
    assert first is not None
    assert second is not None
    assert run is not None
    printed = console.file.getvalue()
    return Churn(first, made, second, printed, customers, experiment, run.tags, root)


def _customers() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    age, orders = rng.integers(18, 80, ROWS), rng.integers(0, 30, ROWS)
    leaves = rng.random(ROWS) < 1 / (1 + np.exp(0.3 * (orders - 12)))
    return pd.DataFrame({"customer": np.arange(ROWS), "age": age, "orders": orders, "left": leaves})


def test_one_job_reads_trains_promotes_and_scores(churn: Churn) -> None:
    (table,), (model,) = churn.first.tables, churn.first.models
    assert (table.name, table.rows, table.quarantined, table.changed) == (
        "bronze.customers",
        ROWS,
        0,
        True,
    )
    assert (model.version, model.state, model.new) == ("1", "champion", True)
    assert [gate.outcome for gate in model.gates] == ["pass", "not_applicable"]


def test_metrics_come_with_intervals(churn: Churn) -> None:
    (model,) = churn.first.models
    auc = model.figure("roc_auc")
    assert auc is not None
    assert auc.low is not None
    assert auc.high is not None
    assert 0.6 < auc.low < auc.value < auc.high
    assert model.holdout_rows is not None
    assert 0 < model.holdout_rows < ROWS
    assert f"roc_auc {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]" in churn.printed


def test_every_customer_is_scored(churn: Churn) -> None:
    (model,) = churn.first.models
    assert (model.scored, model.scored_by, model.scores_changed) == (ROWS, "1", True)


def test_a_second_run_gives_the_same_and_meets_no_champion_but_itself(churn: Churn) -> None:
    (table,), (model,) = churn.second.tables, churn.second.models
    assert not churn.second.changed
    assert not table.changed
    assert (model.version, model.state, model.new, model.champion) == ("1", "champion", False, "1")
    assert [gate.outcome for gate in model.gates] == ["pass", "not_applicable"]
    assert (model.scored, model.scored_by, model.scores_changed) == (ROWS, "1", False)
    assert churn.printed.endswith("s; nothing changed.\n")


def test_own_assets_read_tables_and_models_and_write_tables(churn: Churn) -> None:
    assert churn.own.success
    assert SEEN["customers"] == ROWS
    assert SEEN["decades"] == (churn.customers["age"] // 10).nunique()
    scores = SEEN["scores"]
    assert isinstance(scores, np.ndarray)
    few, many = churn.customers["orders"] < 5, churn.customers["orders"] > 20
    assert scores[few].mean() > scores[many].mean()


def test_a_run_that_overrides_data_and_gates_is_marked_and_its_model_registered(
    churn: Churn,
) -> None:
    assert churn.experiment.success
    words = "at most 300 rows, gates ignored"
    assert churn.tags["mlops_dagster/experimental"] == words
    shown = metadata_of(churn.experiment, "churn", "model", "leaves")
    assert shown["experimental"] == f"never promoted: {words}"
    assert (shown["seed"], shown["reason"]) == (7, "a quick look")
    assert int(str(shown["fit_rows"])) + int(str(shown["holdout_rows"])) == 300
    ledger = read_ledger(event_store(cached_workspace(churn.root, "dev")), "churn.leaves")
    attempt = ledger.latest_experiment(STATIC)
    assert attempt is not None
    assert attempt.trained is not None
    assert attempt.trained.experimental == ("at most 300 rows", "gates ignored")
    assert (attempt.trained.seed, attempt.trained.reason) == (7, "a quick look")
    assert attempt.version == "2"


def test_an_experiment_is_never_promoted_and_the_champion_stays(churn: Churn) -> None:
    made = [event.asset_key for event in churn.experiment.get_asset_materialization_events()]
    assert dg.AssetKey(["churn", "model", "leaves"]) in made
    assert dg.AssetKey(["churn", "model", "leaves_champion"]) not in made
    workspace = cached_workspace(churn.root, "dev")
    ledger = read_ledger(event_store(workspace), "churn.leaves")
    assert [attempt.version for attempt in ledger.champions] == ["1"]
    tracker = open_tracker(workspace.environment, workspace.state_folder)
    assert tracker.alias_version("churn.leaves") == "1"


def test_a_forced_run_writes_a_table_that_has_not_changed(churn: Churn) -> None:
    forced = metadata_of(churn.experiment, "churn", "bronze", "customers")
    assert (forced["written"], forced["forced"]) == (True, True)
    store = event_store(cached_workspace(churn.root, "dev"))
    customers = TableRef("churn", "bronze", "customers")
    judged = [stored.event for stored in store.read(batch_stream(customers, STATIC))]
    assert [e.forced for e in judged if isinstance(e, BatchJudged)] == [False, False, True]
    told = [stored.event for stored in store.read(slice_stream(customers, STATIC))]
    first, last = (event for event in told if isinstance(event, SlicePublished))
    assert forced["digest"] == last.digest == first.digest
    assert last.delta_version > first.delta_version
