from collections.abc import Iterator
from uuid import uuid4

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.features.row_counts import RowCounts
from mlops_dagster.features.scoring_rows import scoring_rows
from mlops_dagster.features.training_set import (
    TrainingSetBuilt,
    build_training_set,
    read_training_set,
)
from mlops_dagster.tables.slices import Slice
from mlops_dagster_tests.energy_demand.make_world import Reading, World, day_keys, readings_of
from mlops_dagster_tests.energy_demand.running import (
    HOUSEHOLD_DAYS,
    READINGS,
    Running,
    running,
    trainable,
)
from mlops_dagster_tests.energy_demand.write_project import write_energy_project

pytestmark = pytest.mark.long

WORLD = World(days=5, households=12, missing=0.06, wrong=0.06)
DAYS = day_keys(WORLD.days)


@pytest.fixture(scope="module")
def energy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """Five days, opened and closed one after the other."""
    folder = tmp_path_factory.mktemp("energy")
    made = running(spark, write_energy_project(folder, days=WORLD.days, world=WORLD))
    made.build_calendar()
    made.run(DAYS)
    return made


@pytest.fixture(scope="module")
def built(energy: Running) -> TrainingSetBuilt:
    return build_training_set(
        energy.session,
        workspace=energy.workspace,
        model=trainable(energy.use_case.models["daily_use"], at_least=3),
        cutoff=DAYS[-1],
        as_of=energy.calendar.as_of_close(DAYS[-1]),
        store=energy.store,
        locations=energy.locations,
        run_id="run",
    )


def sound(number: int) -> dict[str, Reading]:
    """The readings of a day that no rule sends to quarantine, by household."""
    return {r.household: r for r in readings_of(WORLD, number) if r.kwh >= 0}


def test_impossible_readings_are_in_no_table(energy: Running) -> None:
    for number, key in enumerate(DAYS[:2]):
        rows = rows_to_client(energy.rows(READINGS, key), what="readings")
        assert dict(zip(rows["household"], rows["kwh"], strict=True)) == {
            household: reading.kwh for household, reading in sound(number).items()
        }


def test_features_of_a_day_come_from_the_days_before_it(energy: Running) -> None:
    rows = rows_to_client(energy.rows(HOUSEHOLD_DAYS, DAYS[4]), what="features")
    rows = rows.set_index("household").sort_index()
    yesterday = sound(3)
    # A household without a reading of yesterday is in quarantine.
    assert list(rows.index) == sorted(yesterday)
    for household, row in rows.iterrows():
        before = [day[household] for day in map(sound, range(4)) if household in day]
        assert row["kwh_yesterday"] == yesterday[str(household)].kwh
        assert row["kwh_mean_7"] == pytest.approx(sum(r.kwh for r in before) / len(before))
        assert row["peak_max_7"] == max(r.peak_kw for r in before)
    assert set(rows["weekday"]) == {4}
    assert rows["kwh_last_week"].isna().all()


def test_the_first_day_has_no_features_and_the_second_has(energy: Running) -> None:
    assert rows_to_client(energy.rows(HOUSEHOLD_DAYS, DAYS[0]), what="features").empty
    assert not rows_to_client(energy.rows(HOUSEHOLD_DAYS, DAYS[1]), what="features").empty


def test_labels_are_the_readings_that_ended_each_day(
    energy: Running, built: TrainingSetBuilt
) -> None:
    rows = read_training_set(
        energy.session,
        target=Slice(built.ref, built.cutoff),
        published=built.published,
        locations=energy.locations,
    )
    found = rows_to_client(rows, what="training set")
    expected: dict[tuple[str, str], float | None] = {}
    for number in range(1, 5):
        for household in sound(number - 1):
            reading = sound(number).get(household)
            expected[household, DAYS[number]] = None if reading is None else reading.kwh
    labels = found["label"].astype(object).where(found["label"].notna(), None)
    keys = zip(found["household"], found["day"], strict=True)
    assert dict(zip(keys, labels, strict=True)) == expected
    assert built.counts.pending == 0
    assert built.counts.never == sum(label is None for label in expected.values()) > 0
    assert set(found.loc[found["split"] == "holdout", "day"]) == {DAYS[4]}


def test_a_forecast_at_midnight_finds_what_training_finds_later(
    energy: Running, built: TrainingSetBuilt
) -> None:
    forecast = scoring_rows(
        energy.session,
        workspace=energy.workspace,
        model=energy.use_case.models["daily_use"],
        window=DAYS[4],
        as_of=energy.calendar.as_of_open(DAYS[4]),
        store=energy.store,
        locations=energy.locations,
    )
    assert forecast.counts == RowCounts(rows=len(sound(3)), unknowable=0, early=())
    trained = read_training_set(
        energy.session,
        target=Slice(built.ref, built.cutoff),
        published=built.published,
        locations=energy.locations,
    ).where(F.col("row_window") == DAYS[4])
    one, other = (
        rows_to_client(frame.select(*forecast.frame.columns), what="rows")
        .sort_values("household")
        .reset_index(drop=True)
        for frame in (forecast.frame, trained)
    )
    pd.testing.assert_frame_equal(one, other)


@pytest.fixture
def catalog_energy(
    serverless_spark: SparkSession, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The project with tables by name, under a session that refuses what serverless refuses."""
    prefix = f"t{uuid4().hex[:8]}_"
    folder = tmp_path_factory.mktemp("catalog")
    project = write_energy_project(
        folder, days=2, tables="catalog", world=WORLD, schema_prefix=prefix
    )
    yield running(serverless_spark, project)
    for database in spark.catalog.listDatabases(f"{prefix}*"):
        spark.sql(f"DROP SCHEMA `{database.name}` CASCADE")


def test_the_same_days_by_table_names_have_the_same_digests(
    energy: Running, catalog_energy: Running
) -> None:
    catalog_energy.build_calendar()
    catalog_energy.close(DAYS[0])
    by_name = catalog_energy.open(DAYS[1])
    by_path = energy.open(DAYS[1])
    assert by_name.published.digest == by_path.published.digest
