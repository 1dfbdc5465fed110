"""Faults planted in the real file: each goes to quarantine under the rule that is about it."""

import json
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from mlops_dagster.data.build import TableBuilt, build_table
from mlops_dagster.data.quarantine import read_quarantine
from mlops_dagster.data.verdict import RefusedBatch
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster_tests.customer_churn.test_customer_churn import ENVIRONMENT, EXAMPLE, REPOSITORY

pytestmark = pytest.mark.verify

# Column, wrong value and the rule that must find it, in the first row for which a text holds.
FAULTS: tuple[tuple[str, str, str | int | float | None, str], ...] = (
    ("tenure > 0", "churn", "Maybe", "label_is_yes_or_no"),
    ("tenure > 0", "senior_citizen", 2, "flags_are_0_or_1"),
    ("tenure > 0", "contract", "Three year", "contract_is_known"),
    ("internet_service == 'DSL'", "payment_method", "Cash", "payment_method_is_known"),
    ("internet_service == 'DSL'", "internet_service", "Cable", "internet_service_is_known"),
    ("internet_service == 'No'", "tech_support", "Yes", "without_internet_no_internet_service"),
    (
        "internet_service == 'DSL'",
        "streaming_tv",
        "No internet service",
        "with_internet_every_service_is_yes_or_no",
    ),
    ("phone_service == 0", "phone_service", 1, "phone_service_agrees_with_multiple_lines"),
    ("tenure > 12", "tenure", -3, "tenure_months_between_0_and_120"),
    ("tenure > 12", "total_charges", None, "total_is_there_once_billed"),
    (
        "tenure > 12 and monthly_charges > 50",
        "monthly_charges",
        0.5,
        "monthly_charge_between_5_and_500",
    ),
    ("tenure > 24", "total_charges", 99_999.0, "total_agrees_with_tenure"),
)
TABLES = ("bronze.customers", "silver.customers")
AS_OF = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Faulty:
    """The example's first two tables on a file of a test's own."""

    session: SparkSession
    root: Path

    def build(self, rows: pd.DataFrame) -> dict[str, TableBuilt]:
        """Deliver rows and build bronze and silver."""
        landing = self.root / "landing" / "customer_churn"
        landing.mkdir(parents=True, exist_ok=True)
        rows.to_csv(landing / "customers.csv", index=False, na_rep="NA")
        workspace = load_workspace(self.root, "dev")
        return {
            name: build_table(
                self.session,
                workspace=workspace,
                table=workspace.table(TableRef.parse(f"customer_churn.{name}")),
                window=STATIC,
                as_of=AS_OF,
                store=self.store,
                locations=self.locations,
                run_id="run",
            )
            for name in TABLES
        }

    @property
    def store(self) -> EventStore:
        """Its event store."""
        return open_store(self.root / "events.db")

    @property
    def locations(self) -> Locations:
        """Where its tables lie."""
        return Locations(load_workspace(self.root, "dev").environment, self.root)

    def reasons(self) -> dict[int, list[str]]:
        """Return the rules that sent each customer to quarantine."""
        rows = read_quarantine(
            self.session,
            "customer_churn",
            tables=[TableRef.parse(f"customer_churn.{name}") for name in TABLES],
            store=self.store,
            locations=self.locations,
        )
        return {
            json.loads(row["payload"])["customer_id"]: list(row["reasons"])
            for row in few_rows(rows, what="quarantined rows")
        }


@pytest.fixture
def faulty(spark: SparkSession, tmp_path: Path) -> Faulty:
    shutil.copy(REPOSITORY / "project.yaml", tmp_path)
    shutil.copytree(EXAMPLE, tmp_path / "use_cases" / "customer_churn")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    return Faulty(spark, tmp_path)


def test_each_fault_is_found_by_its_rule_and_nothing_else_is(faulty: Faulty) -> None:
    rows = pd.read_csv(EXAMPLE / "data" / "telco_customer_churn.csv")
    expected: dict[int, list[str]] = {}
    for condition, column, wrong, rule in FAULTS:
        place = next(n for n in rows.query(condition).index if n + 1 not in expected)
        rows.loc[place, column] = wrong
        expected[place + 1] = [rule]
    built = faulty.build(rows)
    found = faulty.reasons()
    assert found.keys() == expected.keys()
    for customer, (rule,) in expected.items():
        assert rule in found[customer]
    in_bronze, in_silver = built["bronze.customers"], built["silver.customers"]
    assert (in_bronze.rows_in, in_bronze.quarantined) == (7043, 8)
    assert (in_silver.rows_in, in_silver.quarantined) == (7035, 4)


def test_a_file_with_more_copies_than_usual_is_refused(faulty: Faulty) -> None:
    rows = pd.read_csv(EXAMPLE / "data" / "telco_customer_churn.csv")
    twice = pd.concat([rows, rows.head(500)])
    with pytest.raises(RefusedBatch, match="no_copy_of_an_earlier_row: 5"):
        faulty.build(twice)
