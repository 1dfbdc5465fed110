"""Tables that have a name outlive the local server that they were written by."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from mlops_dagster.engine.connect import Engine, open_engine
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.named_tables import TableFolder, table_folders
from mlops_dagster.engine.server import stop_server
from mlops_dagster.engine.transfer import LOCAL_RELATION_BYTES, frame_from_pandas
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.store import open_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster_tests.tables.worlds import READINGS, World, in_catalog

pytestmark = pytest.mark.long

# Reserved words of SQL, and the longest name there may be.
ORDER = TableRef("default", "bronze", "order")
LONGEST = TableRef("energy", "features", "f" * 63)
PLANTS = TableRef("energy", "bronze", "plants")
TABLES = {
    "ML_{use_case}_{layer}": (READINGS, ORDER, LONGEST),
    "default": (READINGS,),
}
ENVIRONMENT = in_catalog("ML_{use_case}_{layer}")


@dataclass(frozen=True)
class Restarted:
    """Tables that one server wrote, read and written on by the next.

    Attributes:
        engine: On the second server.
        folder: The project; its name asks for care wherever a path becomes a text.
        pinned: Delta version of the first publication.
        told: What was announced while the second server was met.
    """

    engine: Engine
    folder: Path
    pinned: int
    told: list[str]

    def world(self, schema: str = "ML_{use_case}_{layer}") -> World:
        """Return the tables under a template of schemas."""
        return world(self.engine.session(), self.folder, schema)


def world(session: SparkSession, folder: Path, schema: str) -> World:
    return World(session, open_store(folder / "events.db"), Locations(in_catalog(schema), folder))


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    folder = tmp_path_factory.mktemp("restarted") / "it's 50% {o'clock}"
    files = EngineFiles.of(folder)
    first = open_engine(ENVIRONMENT, folder, announce=lambda _: None)
    pinned = write_tables(first.session(), folder)
    first.close()
    assert stop_server(files)
    # What a first write leaves that never ended, and a log that no server can read.
    for name, log in {"begun": None, "broken": "no commit"}.items():
        place = files.warehouse / "ml_energy_bronze.db" / name / "_delta_log"
        place.mkdir(parents=True)
        if log is not None:
            (place / f"{0:020}.json").write_text(log)
    told: list[str] = []
    engines = [open_engine(ENVIRONMENT, folder, announce=told.append) for _ in range(2)]
    try:
        # Two processes meet the new server at once; neither may miss a table.
        with ThreadPoolExecutor(2) as threads:
            seen = list(threads.map(lambda engine: names_in(engine.session()), engines))
        assert seen[0] == seen[1]
        yield Restarted(engines[0], folder, pinned, told)
    finally:
        for engine in engines:
            engine.close()
        stop_server(files)


def write_tables(session: SparkSession, folder: Path) -> int:
    """Write a window of every table, another of one, and a static table.

    Returns the version of the first window of the table that has two.
    """
    for schema, refs in TABLES.items():
        made = world(session, folder, schema)
        for ref in refs:
            first = made.publish(made.rows((1, "a")), "2013-01", ref=ref).published
    made = world(session, folder, "ML_{use_case}_{layer}")
    made.publish(made.rows((2, "b")), "2013-02", ref=ORDER)
    made.publish(made.rows((7, "plant")), STATIC, ref=PLANTS)
    return first.delta_version


def read_all(session: SparkSession, folder: Path) -> dict[str, list[tuple[object, ...]]]:
    return {
        f"{schema} {ref}": world(session, folder, schema).read(ref)
        for schema, refs in TABLES.items()
        for ref in refs
    }


def names_in(session: SparkSession) -> list[str]:
    return [
        f"{schema.name}.{table.name}"
        for schema in session.catalog.listDatabases()
        for table in session.catalog.listTables(schema.name)
    ]


def test_every_table_is_read_by_its_name_after_a_restart(restarted: Restarted) -> None:
    first, second = (1, "a", "2013-01"), (2, "b", "2013-02")
    found = read_all(restarted.engine.session(), restarted.folder)
    assert len(found) == 4
    assert all(
        rows == ([first, second] if "order" in name else [first]) for name, rows in found.items()
    )


def test_versions_from_before_the_restart_are_read(restarted: Restarted) -> None:
    made = restarted.world()
    frame = made.locations.of(ORDER).read(made.session, restarted.pinned)
    assert [tuple(row) for row in frame.collect()] == [(1, "a", "2013-01")]


def test_a_window_is_replaced_and_another_added_with_a_new_column(restarted: Restarted) -> None:
    made = restarted.world()
    before = made.locations.of(ORDER)
    again = made.publish(made.rows((1, "a")), "2013-01", ref=ORDER)
    wider = made.rows((3, "c", 0.5), schema="id bigint, name string, share double")
    added = made.publish(wider, "2013-03", ref=ORDER)
    # The history goes on: nothing was created anew.
    assert (again.published.delta_version, added.published.delta_version) == (2, 3)
    frame = before.read(made.session).select("id", "name", "share", "window")
    assert sorted(tuple(row) for row in frame.collect()) == [
        (1, "a", None, "2013-01"),
        (2, "b", None, "2013-02"),
        (3, "c", 0.5, "2013-03"),
    ]


def test_a_static_table_is_known_as_unchanged_and_overwritten_when_it_changes(
    restarted: Restarted,
) -> None:
    made = restarted.world()
    assert not made.publish(made.rows((7, "plant")), STATIC, ref=PLANTS).written
    changed = made.rows((8, 1.5), schema="id bigint, power double")
    assert made.publish(changed, STATIC, ref=PLANTS).written
    assert made.read(PLANTS) == [(8, 1.5)]


def test_a_table_in_a_schema_of_its_own_is_new_after_a_restart(restarted: Restarted) -> None:
    made, fresh = restarted.world(), TableRef("fresh", "gold", "table")
    assert not made.locations.of(fresh).exists(made.session)
    made.publish(made.rows((1, "a")), ref=fresh)
    assert made.read(fresh) == [(1, "a", "2013-01")]


def test_a_dropped_table_whose_files_stay_is_written_on(restarted: Restarted) -> None:
    made = restarted.world()
    made.session.sql(f"DROP TABLE {made.locations.of(LONGEST).sql_name}")
    made.publish(made.rows((3, "c")), "2013-03", ref=LONGEST)
    assert [row[-1] for row in made.read(LONGEST)] == ["2013-01", "2013-03"]


def test_rows_too_many_for_a_plan_are_uploaded_from_any_folder(restarted: Restarted) -> None:
    rows = pd.DataFrame({"id": np.arange(LOCAL_RELATION_BYTES // 8 + 1)})
    session, files = restarted.engine.session(), EngineFiles.of(restarted.folder)
    frame = frame_from_pandas(session, rows, schema="id bigint", uploads=files.uploads)
    assert len(list(files.uploads.iterdir())) == 1
    assert frame.agg({"id": "max"}).collect()[0][0] == len(rows) - 1


def test_a_folder_that_cannot_be_read_is_told_and_stops_nobody(restarted: Restarted) -> None:
    (told,) = [line for line in restarted.told if "repaired" in line]
    assert "`spark_catalog`.`ml_energy_bronze`.`broken`" in told
    names = {
        table.name for table in restarted.world().session.catalog.listTables("ml_energy_bronze")
    }
    assert names == {"readings", "plants"}


def test_folders_without_a_commit_are_no_tables(tmp_path: Path) -> None:
    for place in ("shop.db/orders", "shop.db/begun", "loose", "path/bronze/orders"):
        (tmp_path / place / "_delta_log").mkdir(parents=True)
        if "begun" not in place:
            (tmp_path / place / "_delta_log" / f"{0:020}.json").touch()
    assert list(table_folders(tmp_path)) == [
        TableFolder("default", "loose", tmp_path / "loose"),
        TableFolder("shop", "orders", tmp_path / "shop.db" / "orders"),
    ]
    assert list(table_folders(tmp_path / "missing")) == []
