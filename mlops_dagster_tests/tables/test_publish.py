import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.errors import ContractViolation, NotDeterministic, SupersededWrite
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.fence import Claim, published, published_windows
from mlops_dagster.state.store import open_store
from mlops_dagster.tables.fenced import HeldSlice, Origin, hold
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.measure import measure
from mlops_dagster.tables.publish import Publication, publish_measured
from mlops_dagster.tables.slices import Part, Slice
from mlops_dagster_tests.tables.worlds import (
    AS_OF,
    READINGS,
    World,
    in_catalog,
)

JANUARY = Slice(READINGS, "2013-01")


def held_slice(world: World, target: Slice, held: Claim) -> HeldSlice:
    location = world.locations.of(READINGS)
    return HeldSlice(world.session, target, held, world.store, location, Origin("v1"))


def publish_held(world: World, frame: DataFrame, held_run: str = "slow") -> Publication:
    return publish_measured(
        held_slice(world, JANUARY, hold(world.store, JANUARY, as_of=AS_OF, run_id=held_run)),
        frame,
        measured=measure(frame),
    )


def test_a_slice_replaces_only_its_window(world: World) -> None:
    world.publish(world.rows((1, "a"), (2, "b")), "2013-01")
    world.publish(world.rows((3, "c")), "2013-02")
    world.publish(world.rows((4, "d")), "2013-01")
    assert world.read() == [(3, "c", "2013-02"), (4, "d", "2013-01")]
    found = published_windows(world.store, READINGS)
    assert {window: found[window].rows for window in found} == {"2013-01": 1, "2013-02": 1}


def test_writing_the_same_rows_again_gives_the_same_digest_and_rows(world: World) -> None:
    first = world.publish(world.rows((1, "a"), (2, "b")))
    again = world.publish(world.rows((2, "b"), (1, "a")))
    assert again.published.digest == first.published.digest
    assert again.published.delta_version > first.published.delta_version
    assert world.read() == [(1, "a", "2013-01"), (2, "b", "2013-01")]


def test_no_column_is_lost_to_the_one_that_a_write_is_measured_by(world: World) -> None:
    frame = world.rows((1, "a"), (2, None), schema="`__hash` int, `x.y__hash` string")
    digest = world.publish(frame).published.digest
    assert world.read() == [(1, "a", "2013-01"), (2, None, "2013-01")]
    assert digest == measure(frame).digest


def test_an_empty_slice_is_published_and_empties_the_window(world: World) -> None:
    nothing = world.rows((1, "a")).where(F.lit(False))
    assert world.publish(nothing).published.rows == 0
    world.publish(world.rows((1, "a")))
    assert world.publish(nothing).written
    assert world.read() == []


def test_an_unchanged_static_table_is_not_written(world: World) -> None:
    first = world.publish(world.rows((1, "a")), STATIC)
    again = world.publish(world.rows((1, "a")), STATIC)
    changed = world.publish(world.rows((1, "b")), STATIC)
    assert (first.written, again.written, changed.written) == (True, False, True)
    assert again.published == first.published
    assert world.read() == [(1, "b")]


def test_an_unchanged_static_table_is_written_where_its_run_is_told_to(world: World) -> None:
    frame = world.rows((1, "a"))
    first = world.publish(frame, STATIC).published
    target = Slice(READINGS, STATIC)
    again = publish_measured(
        held_slice(world, target, hold(world.store, target, as_of=AS_OF, run_id="again")),
        frame,
        measured=measure(frame),
        force=True,
    )
    assert again.written
    assert again.published.digest == first.digest
    assert again.published.delta_version > first.delta_version


def test_a_static_table_may_change_its_columns(world: World) -> None:
    world.publish(world.rows((1, "a")), STATIC)
    world.publish(world.rows((1.5,), schema="id double"), STATIC)
    assert world.read() == [(1.5,)]


def test_predictions_are_replaced_by_window_and_model_version(world: World) -> None:
    ref = TableRef("energy", "serving", "daily_predictions")
    for version, name in (("1", "a"), ("2", "b"), ("1", "c")):
        part = Part("model_version", version)
        world.publish(world.rows((1, name)), ref=ref, part=part)
    assert world.read(ref) == [(1, "b", "2013-01", "2"), (1, "c", "2013-01", "1")]
    assert published(world.store, ref, "2013-01", "2") is not None


def test_an_older_run_is_told_before_it_writes(world: World) -> None:
    frame = world.rows((1, "old"))
    held = hold(world.store, JANUARY, as_of=AS_OF, run_id="older")
    world.publish(world.rows((2, "new")), run_id="newer")
    with pytest.raises(SupersededWrite, match="newer"):
        publish_measured(held_slice(world, JANUARY, held), frame, measured=measure(frame))
    assert world.read() == [(2, "new", "2013-01")]


def test_a_run_that_slept_between_fence_and_commit_cannot_overwrite_its_successor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fence answers as it would have before the newer run claimed.
    held = hold(world.store, JANUARY, as_of=AS_OF, run_id="older")
    world.publish(world.rows((2, "new")), run_id="newer")
    answers = iter([True])

    def stale(store: object, claim: object) -> None:
        if not next(answers, False):
            raise SupersededWrite("a newer run took over")

    monkeypatch.setattr("mlops_dagster.tables.fenced.ensure_holds", stale)
    frame = world.rows((1, "old"))
    with pytest.raises(SupersededWrite):
        publish_measured(held_slice(world, JANUARY, held), frame, measured=measure(frame))
    assert world.read() == [(2, "new", "2013-01")]


def test_of_two_runs_on_one_slice_at_once_the_published_one_is_what_the_table_shows(
    world: World,
) -> None:
    def run(number: int) -> Publication | SupersededWrite:
        try:
            return world.publish(world.rows((number, f"run {number}")), run_id=f"run {number}")
        except SupersededWrite as error:
            return error

    world.publish(world.rows((0, "before")))
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(run, range(1, 4)))
    shown = published(world.store, READINGS, "2013-01")
    assert shown is not None
    winners = [outcome for outcome in outcomes if isinstance(outcome, Publication)]
    assert shown in [winner.published for winner in winners]
    expected = [n + 1 for n, outcome in enumerate(outcomes) if outcome in winners]
    location = world.locations.of(READINGS)
    pinned = [row["id"] for row in location.read(world.session, shown.delta_version).collect()]
    newest = [row["id"] for row in location.read(world.session).collect()]
    assert pinned == newest
    assert pinned[0] in expected


def test_two_windows_written_at_once_create_the_table_together(world: World) -> None:
    windows = ["2013-01", "2013-02", "2013-03"]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda window: world.publish(world.rows((1, window)), window), windows))
    assert world.read() == [(1, window, window) for window in windows]


def test_rows_that_change_between_measuring_and_writing_are_put_back(world: World) -> None:
    world.publish(world.rows((1, "a")))
    frame = world.rows((2, "b"), (3, "c"))
    with pytest.raises(NotDeterministic, match="expected 1 rows, found 2"):
        publish_measured(
            held_slice(world, JANUARY, hold(world.store, JANUARY, as_of=AS_OF, run_id="run")),
            frame,
            measured=measure(frame.limit(1)),
        )
    assert world.read() == [(1, "a", "2013-01")]
    shown = published(world.store, READINGS, "2013-01")
    assert shown is not None
    assert shown.rows == 1


def test_a_first_write_that_is_not_deterministic_leaves_no_rows(world: World) -> None:
    frame = world.rows((2, "b"))
    with pytest.raises(NotDeterministic):
        publish_measured(
            held_slice(world, JANUARY, hold(world.store, JANUARY, as_of=AS_OF, run_id="run")),
            frame,
            measured=measure(frame.limit(0)),
        )
    assert world.read() == []
    assert published(world.store, READINGS, "2013-01") is None


def test_a_table_outlives_its_event_store(world: World, tmp_path: Path) -> None:
    for name in "abc":
        world.publish(world.rows((1, name)))
    fresh = World(world.session, open_store(tmp_path / "fresh.db"), world.locations)
    fresh.publish(fresh.rows((2, "d")))
    assert fresh.read() == [(2, "d", "2013-01")]


def test_an_event_store_that_was_set_back_cannot_overwrite_what_it_does_not_know(
    world: World, tmp_path: Path
) -> None:
    world.publish(world.rows((1, "a")))
    shutil.copyfile(tmp_path / "events.db", tmp_path / "copy.db")
    for name in "bc":
        world.publish(world.rows((1, name)))
    old = World(world.session, open_store(tmp_path / "copy.db"), world.locations)
    with pytest.raises(SupersededWrite, match="The event store was set back"):
        old.publish(old.rows((1, "old")))
    assert world.read() == [(1, "c", "2013-01")]


def test_rows_may_not_bring_the_slices_own_columns(world: World) -> None:
    frame = world.rows((1, "x"), schema="id bigint, Window string")
    with pytest.raises(ContractViolation, match="bring a column 'window'"):
        world.publish(frame)


def test_a_new_column_appears_with_nulls_in_earlier_windows(world: World) -> None:
    world.publish(world.rows((1, "a")), "2013-01")
    world.publish(world.rows((2, "b", 3), schema="id bigint, name string, more int"), "2013-02")
    frame = world.locations.of(READINGS).read(world.session).orderBy("id")
    assert [row["more"] for row in frame.collect()] == [None, 3]


@pytest.mark.parametrize("other", ["double", "string", "array<bigint>", "timestamp"])
def test_a_column_of_another_type_is_told_by_name(world: World, other: str) -> None:
    world.publish(world.rows((1, "a")), "2013-01")
    frame = world.rows((1, "a")).withColumn("id", F.lit(None).cast(other))
    with pytest.raises(ContractViolation, match="another type"):
        world.publish(frame, "2013-02")


def test_odd_column_names_and_part_values_survive(world: World) -> None:
    schema = "`a b` bigint, `dotted.name` string, `comma,(x)=` double, `back``tick` int"
    part = Part("model_version", "it's \\ odd")
    for _ in range(2):
        world.publish(world.rows((1, "x", 2.5, 3), schema=schema), part=part)
    assert world.read() == [(1, "x", 2.5, 3, "2013-01", "it's \\ odd")]


def test_tables_in_a_catalog_use_names_only(serverless_spark: SparkSession, tmp_path: Path) -> None:
    environment = in_catalog("t1_{use_case}_{layer}")
    locations = Locations(environment, tmp_path)
    world = World(serverless_spark, open_store(tmp_path / "events.db"), locations)
    try:
        assert not locations.of(READINGS).exists(world.session)
        first = world.publish(world.rows((1, "a")), "2013-01")
        world.publish(world.rows((2, "b")), "2013-02")
        world.publish(world.rows((3, "c")), "2013-01")
        assert locations.of(READINGS).exists(world.session)
        assert world.read() == [(2, "b", "2013-02"), (3, "c", "2013-01")]
        pinned = locations.of(READINGS).read(world.session, first.published.delta_version)
        assert [tuple(row) for row in pinned.collect()] == [(1, "a", "2013-01")]
        static = TableRef("energy", "bronze", "plants")
        assert world.publish(world.rows((1, "a")), STATIC, ref=static).written
        assert not world.publish(world.rows((1, "a")), STATIC, ref=static).written
        assert world.publish(world.rows((1, "b")), STATIC, ref=static).written
        assert world.read(static) == [(1, "b")]
    finally:
        world.session.sql("DROP SCHEMA IF EXISTS spark_catalog.t1_energy_bronze CASCADE")
