"""The example by its one command, and what it says, computed again by pandas and scikit-learn."""

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

from mlops_dagster.cli import main
from mlops_dagster.spec.models import Task
from mlops_dagster.training.intervals import Bootstrap, metric_difference, value_groups
from mlops_dagster.training.outcome import Outcome
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.finished_demo.tables import read_delta

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "use_cases" / "customer_churn"
PAGE = REPOSITORY / "docs" / "churn.md"
MODELS = ("churn", "churn_boosted")
ENVIRONMENT = f"""
spec_version: 1
name: dev
engine: {{kind: remote, address_variable: {REMOTE_VARIABLE}}}
landing: landing
tables: {{kind: paths, warehouse: warehouse}}
"""
PARTS = 1_000_000


@dataclass(frozen=True)
class Ran:
    """The example after `mlops-dagster run customer_churn`: what was printed, and its tables."""

    printed: str
    tables: Path
    delivered: pd.DataFrame

    def table(self, name: str) -> pd.DataFrame:
        """Return a stored table by customer."""
        return read_delta(self.tables / name).sort_values("customer_id", ignore_index=True)

    def printed_figure(self, model: str, metric: str) -> list[float]:
        """Return value, low and high of a metric as printed for a model."""
        _, _, after = self.printed.partition(f"\n{model} (")
        return figures(after, metric)

    def held_out(self, model: str) -> pd.DataFrame:
        """Return the held-out customers with their label, group and stored score."""
        rows = self.table(f"model/{model}_training_set")
        scores = self.table(f"serving/{model}_predictions")[["customer_id", "score"]]
        return rows[rows["split"] == "holdout"].merge(scores, on="customer_id")


def figures(text: str, metric: str) -> list[float]:
    """Return the first `metric 0.8 [0.7, 0.9]` of a text as numbers."""
    found = re.search(rf"{metric} ([\d.]+) \[([\d.]+), ([\d.]+)\]", text)
    assert found is not None, (metric, text)
    return [float(number) for number in found.groups()]


@pytest.fixture(scope="module")
def ran(spark_address: str, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    root = tmp_path_factory.mktemp("churn")
    shutil.copy(REPOSITORY / "project.yaml", root)
    shutil.copytree(EXAMPLE, root / "use_cases" / "customer_churn")
    (root / "environments").mkdir()
    (root / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        patch.setenv("COLUMNS", "120")
        done = CliRunner().invoke(main, ["run", "customer_churn", "--root", str(root)])
    assert done.exit_code == 0, done.output
    delivered = pd.read_csv(EXAMPLE / "data" / "telco_customer_churn.csv")
    return Ran(done.output, root / "warehouse" / "customer_churn", delivered)


def test_every_customer_of_the_file_is_there_under_the_number_of_the_row(ran: Ran) -> None:
    stored = ran.table("bronze/customers")
    assert stored["customer_id"].tolist() == list(range(1, 7044))
    pd.testing.assert_frame_equal(
        stored.drop(columns="customer_id"), ran.delivered, check_dtype=False
    )
    assert re.search(r"bronze\.customers +7,043 +0 +written", ran.printed)


def test_customers_without_a_bill_are_kept_and_have_paid_nothing(ran: Ran) -> None:
    new = ran.table("silver/customers")["total_charge"].isna()
    assert new.tolist() == (ran.delivered["tenure"] == 0).tolist()
    assert int(new.sum()) == 11
    paid = ran.table("features/tenure")["paid_so_far"]
    assert paid.tolist() == ran.delivered["total_charges"].fillna(0).tolist()
    assert "11 billed_before" in ran.printed


def test_copies_are_kept_and_flagged_as_pandas_finds_them(ran: Ran) -> None:
    stored = ran.table("silver/customers")
    looks = ran.delivered.drop(columns="churn").duplicated()
    assert stored["is_copy"].tolist() == looks.tolist()
    assert stored["is_exact_copy"].tolist() == ran.delivered.duplicated().tolist()
    assert (int(stored["is_copy"].sum()), int(stored["is_exact_copy"].sum())) == (40, 22)
    assert "40 no_copy_of_an_earlier_row" in ran.printed
    assert "22 no_copy_with_its_label" in ran.printed


@pytest.mark.parametrize("model", MODELS)
def test_customers_who_look_the_same_are_on_one_side(ran: Ran, model: str) -> None:
    rows = ran.table(f"model/{model}_training_set")
    columns = [name for name in ran.delivered.columns if name != "churn"]
    looks = ran.delivered.groupby(columns, dropna=False).ngroup()
    assert (rows.groupby(looks)["split"].nunique() == 1).all()
    assert looks.nunique() == rows["holdout_group"].nunique() == 7003
    sides = [
        int(hashlib.sha256(group.encode()).hexdigest()[:15], 16) % PARTS < 0.2 * PARTS
        for group in rows["holdout_group"]
    ]
    assert (rows["split"] == "holdout").tolist() == sides
    # Five standard deviations of a binomial.
    assert abs(sum(sides) - 0.2 * 7043) < 5 * (0.2 * 0.8 * 7043) ** 0.5


def test_both_models_are_measured_on_the_same_customers(ran: Ran) -> None:
    one, other = (ran.held_out(model)["customer_id"].tolist() for model in MODELS)
    assert one == other


@pytest.mark.parametrize("model", MODELS)
def test_the_printed_auc_is_that_of_the_stored_scores(ran: Ran, model: str) -> None:
    held_out = ran.held_out(model)
    again = roc_auc_score(held_out["label"].astype(bool), held_out["score"])
    value, low, high = ran.printed_figure(model, "roc_auc")
    assert value == round(again, 3)
    assert low < again < high
    # Known of this data; far above would be a leak.
    assert 0.83 < again < 0.87
    assert f"on {len(held_out):,} held-out rows" in ran.printed


@pytest.mark.parametrize("model", MODELS)
def test_every_customer_is_scored_once(ran: Ran, model: str) -> None:
    scored = ran.table(f"serving/{model}_predictions")
    assert scored["customer_id"].tolist() == list(range(1, 7044))
    assert {str(version) for version in scored["model_version"]} == {"1"}
    assert scored["score"].between(0, 1).all()
    assert ran.printed.count("7,043 rows scored by version 1") == len(MODELS)


def test_equal_customers_have_equal_scores(ran: Ran) -> None:
    scored = ran.table("serving/churn_predictions")
    group = ran.table("silver/customers")["content_hash"]
    assert scored.groupby(group)["score"].nunique().max() == 1


def difference(ran: Ran) -> list[float]:
    """Return by how much the first model's AUC is better, with its interval, groups resampled."""
    first, second = (ran.held_out(model) for model in MODELS)
    outcomes = [
        Outcome(
            Task.BINARY, rows["label"].astype(float).to_numpy(), rows["score"].to_numpy(), (0, 1)
        )
        for rows in (first, second)
    ]
    groups = value_groups(first["holdout_group"].to_numpy().astype(str), seed=7)
    found = metric_difference("roc_auc", *outcomes, bootstrap=Bootstrap(groups, 7))
    assert found.improvement is not None
    assert found.interval is not None
    return [found.improvement, found.interval.low, found.interval.high]


def test_neither_family_is_better_beyond_chance(ran: Ran) -> None:
    _, low, high = difference(ran)
    assert low < 0 < high


def test_the_page_tells_what_the_run_reached(ran: Ran) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for model in MODELS:
        _, _, told = page.partition(f"\n{model} (")
        for metric in ("roc_auc", "expected_calibration_error"):
            # Other processors round other last digits.
            expected = ran.printed_figure(model, metric)
            assert figures(told, metric) == pytest.approx(expected, abs=0.003)
    shown = re.search(r"ROC AUC of ([+-][\d.]+) \[([+-][\d.]+), ([+-][\d.]+)\]", page)
    assert shown is not None
    assert [float(n) for n in shown.groups()] == pytest.approx(difference(ran), abs=0.002)
    positives = np.mean(ran.delivered["churn"] == "Yes")
    assert f"{positives:.1%}".replace("%", " %") in page
