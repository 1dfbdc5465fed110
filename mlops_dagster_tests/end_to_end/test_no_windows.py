"""A use case without windows by `mlops-dagster run`, twice, and a user's own assets on it."""

import io
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
from mlops_dagster.definitions import build_definitions
from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.resources.workspace import cached_workspace
from mlops_dagster_tests.assets.inline_project import CHURN, write_project
from mlops_dagster_tests.conftest import REMOTE_VARIABLE

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


@dataclass(frozen=True)
class Churn:
    """The project after its job, the user's assets and the job again ran; what was printed."""

    first: Outcome
    own: dg.ExecuteInProcessResult
    second: Outcome
    printed: str
    customers: pd.DataFrame


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
    assert isinstance(console.file, io.StringIO)
    assert first is not None
    assert second is not None
    return Churn(first, made, second, console.file.getvalue(), customers)


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
