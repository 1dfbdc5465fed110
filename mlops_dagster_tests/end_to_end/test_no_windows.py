"""A use case without windows in one job, and a user's own assets before and after it."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame

from mlops_dagster.automation.instance import prepare_instance
from mlops_dagster.definitions import build_definitions
from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.resources.workspace import cached_workspace
from mlops_dagster_tests.assets.inline_project import CHURN, write_project
from mlops_dagster_tests.conftest import REMOTE_VARIABLE

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


@dataclass(frozen=True)
class Churn:
    """The project after its job and the user's assets ran."""

    refreshed: dg.ExecuteInProcessResult
    own: dg.ExecuteInProcessResult
    customers: pd.DataFrame


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
    return Churn(refreshed, made, customers)


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
