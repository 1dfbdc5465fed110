"""A use case without windows in one job, and a user's own assets before and after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame

from mlops_dagster.automation.instance import prepare_instance
from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.definitions import build_definitions
from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.registry.ledger import read_ledger
from mlops_dagster.registry.tracking import open_tracker
from mlops_dagster.resources.workspace import cached_workspace, event_store
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster_tests.assets.inline_project import CHURN, write_project
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.end_to_end.live_project import metadata_of

ROWS = 600
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
    """The project after its job and the user's assets ran, and after an experiment."""

    refreshed: dg.ExecuteInProcessResult
    own: dg.ExecuteInProcessResult
    customers: pd.DataFrame
    experiment: dg.ExecuteInProcessResult
    tags: Mapping[str, str]
    root: Path


@pytest.fixture(scope="module")
def churn(spark_address: str, tmp_path_factory: pytest.TempPathFactory) -> Churn:
    root = write_project(
        tmp_path_factory.mktemp("churn"),
        {"churn": CHURN},
        engine=f"{{kind: remote, address_variable: {REMOTE_VARIABLE}}}",
    )
    customers = _customers()
    customers.to_csv(root / "landing" / "customers.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        home: Path = prepare_instance(cached_workspace(root, "dev"))
        own = dg.Definitions(
            assets=[by_age, report], jobs=[dg.define_asset_job("own", [by_age, report])]
        )
        definitions = build_definitions(root, "dev", merge=[own])
        with dg.DagsterInstance.from_config(str(home)) as instance:
            refreshed = definitions.resolve_job_def("churn_refresh").execute_in_process(
                instance=instance, raise_on_error=False
            )
            made = definitions.resolve_job_def("own").execute_in_process(
                instance=instance, raise_on_error=False
            )
            experiment = definitions.resolve_job_def("churn_refresh").execute_in_process(
                instance=instance, raise_on_error=False, run_config=CHOSEN
            )
            run = instance.get_run_by_id(experiment.run_id)
    assert run is not None
    return Churn(refreshed, made, customers, experiment, run.tags, root)


def _customers() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    age, orders = rng.integers(18, 80, ROWS), rng.integers(0, 30, ROWS)
    leaves = rng.random(ROWS) < 1 / (1 + np.exp(0.3 * (orders - 12)))
    return pd.DataFrame({"customer": np.arange(ROWS), "age": age, "orders": orders, "left": leaves})


def test_one_job_reads_trains_promotes_and_scores(churn: Churn) -> None:
    assert churn.refreshed.success
    made = {
        event.asset_key.path[-1]
        for event in churn.refreshed.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert {"customers", "leaves", "leaves_champion", "leaves_predictions"} <= made


def test_every_customer_is_scored(churn: Churn) -> None:
    (scored,) = [
        event.materialization.metadata["scored"].value
        for event in churn.refreshed.get_asset_materialization_events()
        if event.asset_key is not None and event.asset_key.path[-1] == "leaves_predictions"
    ]
    assert scored == ROWS


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
    first, forced = (
        metadata_of(result, "churn", "bronze", "customers")
        for result in (churn.refreshed, churn.experiment)
    )
    assert (forced["written"], forced["forced"]) == (True, True)
    assert forced["digest"] == first["digest"]
    assert int(str(forced["delta_version"])) > int(str(first["delta_version"]))
    assert "forced" not in first
    store = event_store(cached_workspace(churn.root, "dev"))
    customers = TableRef("churn", "bronze", "customers")
    judged = [stored.event for stored in store.read(batch_stream(customers, STATIC))]
    assert [event.forced for event in judged if isinstance(event, BatchJudged)] == [False, True]
