"""Tables by name on serverless compute: the jobs ask for nothing it refuses and give equal rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import pytest
from google.protobuf.message import Message
from pyspark.sql import SparkSession

from mlops_dagster.engine import remote as remote_engine
from mlops_dagster.engine.local import new_session
from mlops_dagster_tests.end_to_end.conftest import DAYS, Lived
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import Snapshot, live_project
from mlops_dagster_tests.interceptor import Call, ServerlessRules

pytestmark = pytest.mark.long

REPLAYED = DAYS[:4]
MODEL = "energy_demand.daily_use"


class CountedRules(ServerlessRules):
    """Counts the plans that went through the rules."""

    def __init__(self) -> None:
        self.plans = 0

    def intercept_unary_stream(
        self, continuation: Call, client_call_details: object, request: Message
    ) -> object:
        """Count a plan and check it."""
        self.plans += 1
        return super().intercept_unary_stream(continuation, client_call_details, request)


@dataclass(frozen=True)
class ByName:
    """Four days of one model under the rules of serverless compute.

    Attributes:
        ran: The jobs and windows that ran.
        after: What the project had come to.
        plans: How many plans the rules let through.
        tables: Every table of its schemas, as `<schema>.<table>`.
        files: How many files the readings have.
    """

    ran: tuple[tuple[str, str], ...]
    after: Snapshot
    plans: int
    tables: frozenset[str]
    files: int


@pytest.fixture(scope="module")
def by_name(
    remote: None, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ByName]:
    prefix = f"t{uuid4().hex[:8]}_"
    root = write_small_project(
        tmp_path_factory.mktemp("by_name"), models=1, schema_prefix=prefix
    ).root
    rules = CountedRules()
    try:
        with live_project(root, "catalog") as project:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(remote_engine, "new_session", partial(ruled_session, rules))
                ran = project.replay(REPLAYED)
            readings = project.locations.of(project.ref("bronze.readings")).sql_name
            yield ByName(
                ran=tuple(ran),
                after=project.snapshot(),
                plans=rules.plans,
                tables=tables_of(spark, prefix),
                files=spark.sql(f"DESCRIBE DETAIL {readings}").collect()[0].numFiles,
            )
    finally:
        for database in spark.catalog.listDatabases(f"{prefix}*"):
            spark.sql(f"DROP SCHEMA `{database.name}` CASCADE")


def ruled_session(
    rules: CountedRules, address: str, *, retries: int, interceptors: Sequence[object]
) -> SparkSession:
    """Make a session as the engine asks for it, under the rules as well."""
    return new_session(address, retries=retries, interceptors=[*interceptors, rules])


def tables_of(spark: SparkSession, prefix: str) -> frozenset[str]:
    return frozenset(
        f"{database.name.removeprefix(prefix)}.{table.name}"
        for database in spark.catalog.listDatabases(f"{prefix}*")
        for table in spark.catalog.listTables(database.name)
    )


def test_open_close_and_train_run_under_the_rules(by_name: ByName) -> None:
    jobs = [(f"energy_demand_{job}", day) for day in REPLAYED for job in ("open", "close")]
    jobs.insert(6, ("energy_demand_daily_use_train", DAYS[2]))
    assert list(by_name.ran) == jobs
    assert by_name.plans > 100
    assert by_name.after.champions == {MODEL: "1"}


def test_every_table_has_a_name_in_its_schema(by_name: ByName) -> None:
    assert by_name.tables == {
        "project_shared.calendar",
        "energy_demand_bronze.readings",
        "energy_demand_features.household_days",
        "energy_demand_model.daily_use_training_set",
        "energy_demand_serving.daily_use_predictions",
        "energy_demand_monitoring.drift_metrics",
        "energy_demand_monitoring.profile_metrics",
        "energy_demand_monitoring.quality_metrics",
        "energy_demand_monitoring.quality_results",
        "energy_demand_monitoring.quarantine",
    }


def test_a_small_upload_is_one_file_a_window(by_name: ByName) -> None:
    assert by_name.files == len(REPLAYED)


def test_tables_by_name_hold_the_rows_of_tables_by_path(by_name: ByName, lived: Lived) -> None:
    kinds = ("readings", "household_days", "training_set", "predictions", "drift", "quality")
    for kind in kinds:
        assert any(kind in name for name in by_name.after.digests), kind
    assert by_name.after.digests == {
        name: digest
        for name, digest in lived.after.digests.items()
        if name in by_name.after.digests
    }


def test_models_and_decisions_by_name_are_those_by_path(by_name: ByName, lived: Lived) -> None:
    assert by_name.after.bundles[MODEL] == lived.after.bundles[MODEL]
    assert by_name.after.decisions[MODEL] == lived.after.decisions[MODEL][: len(REPLAYED)]
