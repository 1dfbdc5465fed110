"""Tables as they were published at an instant."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.fence import SlicePublished, slice_stream
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.past import pin_past
from mlops_dagster_tests.tables.worlds import READINGS, in_paths

JANUARY, FEBRUARY, MARCH = (datetime(2013, month, 1, tzinfo=timezone.utc) for month in (2, 3, 4))
WRITTEN = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    return open_store(tmp_path / "events.db")


def publish(
    store: EventStore,
    window: str,
    version: int,
    *,
    as_of: datetime = JANUARY,
    minutes: int = 0,
    part: str | None = None,
) -> None:
    """Record the publication of a slice by a Delta version, some minutes after the first one."""
    event = SlicePublished(
        token="t",
        batch="t",
        digest=f"d{version}",
        rows=1,
        delta_version=version,
        bytes=1,
        code_version="1",
    )
    stream = slice_stream(READINGS, window, part)
    at = WRITTEN + timedelta(minutes=minutes)
    store.append_next(stream, event, as_of=as_of, run_id="r", at=at)


def versions(store: EventStore, **limits: object) -> dict[int, tuple[str, ...]]:
    past = pin_past(store, READINGS, **limits)  # type: ignore[arg-type]
    return {} if past is None else dict(past.versions)


def test_windows_decided_later_are_not_known(store: EventStore) -> None:
    for version, (window, as_of) in enumerate(
        [("2013-01", JANUARY), ("2013-02", FEBRUARY), ("2013-03", MARCH)]
    ):
        publish(store, window, version, as_of=as_of)
    assert versions(store) == {2: ("2013-01", "2013-02", "2013-03")}
    assert versions(store, as_of=FEBRUARY) == {1: ("2013-01", "2013-02")}
    assert versions(store, as_of=JANUARY - timedelta(seconds=1)) == {}


def test_a_correction_counts_for_its_instant_but_not_for_what_readers_had_seen(
    store: EventStore,
) -> None:
    publish(store, "2013-01", 0)
    publish(store, "2013-01", 1, minutes=10)
    assert versions(store, as_of=JANUARY) == {1: ("2013-01",)}
    assert versions(store, published_by=WRITTEN + timedelta(minutes=9)) == {0: ("2013-01",)}
    assert versions(store, published_by=WRITTEN + timedelta(minutes=10)) == {1: ("2013-01",)}


def test_a_window_published_again_for_a_later_instant_is_read_at_its_own_version(
    store: EventStore,
) -> None:
    publish(store, "2013-01", 0)
    publish(store, "2013-01", 1, as_of=MARCH)
    publish(store, "2013-02", 2, as_of=FEBRUARY)
    assert versions(store, as_of=FEBRUARY) == {0: ("2013-01",), 2: ("2013-02",)}
    assert versions(store, as_of=MARCH) == {2: ("2013-01", "2013-02")}


def test_a_part_that_was_published_later_keeps_its_window_at_the_earlier_version(
    store: EventStore,
) -> None:
    publish(store, "2013-01", 0, part="1")
    publish(store, "2013-01", 1, part="2", as_of=MARCH)
    publish(store, "2013-02", 2, part="1", as_of=FEBRUARY)
    assert versions(store, as_of=FEBRUARY) == {0: ("2013-01",), 2: ("2013-02",)}


def test_only_the_windows_that_are_asked_for_count(store: EventStore) -> None:
    publish(store, "2013-01", 0)
    publish(store, "2013-02", 1)
    assert versions(store, windows={"2013-01", "2013-07"}) == {0: ("2013-01",)}
    assert versions(store, windows={"2013-07"}) == {}


def test_a_table_of_a_similar_name_is_another_table(store: EventStore) -> None:
    publish(store, "2013-01", 0)
    assert pin_past(store, TableRef("energy", "bronze", "reading")) is None


def test_a_static_table_is_read_whole_and_windows_at_several_versions_together(
    store: EventStore, spark: SparkSession, tmp_path: Path
) -> None:
    locations = Locations(in_paths(), tmp_path)
    path = str(locations.of(READINGS))
    first = spark.createDataFrame([("2013-01", 1)], "window string, id int")
    first.write.format("delta").save(path)
    both = spark.createDataFrame(
        [("2013-01", 7, "x"), ("2013-02", 2, "y")], "window string, id int, more string"
    )
    both.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(path)
    publish(store, "2013-01", 0)
    publish(store, "2013-02", 1, as_of=FEBRUARY)
    publish(store, "2013-01", 1, as_of=MARCH)
    past = pin_past(store, READINGS, as_of=FEBRUARY)
    assert past is not None
    rows = past.read(spark, locations).orderBy("id").collect()
    assert [tuple(row) for row in rows] == [("2013-01", 1, None), ("2013-02", 2, "y")]

    whole = open_store(tmp_path / "static.db")
    publish(whole, STATIC, 0)
    static = pin_past(whole, READINGS)
    assert static is not None
    assert static.read(spark, locations).count() == 1
