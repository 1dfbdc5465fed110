from pathlib import Path

import pytest

from mlops_dagster.errors import SourceError
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.pins import pin, pin_published
from mlops_dagster.tables.slices import Part
from mlops_dagster_tests.tables.worlds import READINGS, World, in_catalog, in_paths


def test_a_pinned_read_shows_the_windows_as_they_were_published(world: World) -> None:
    world.publish(world.rows((1, "a")), "2013-01")
    world.publish(world.rows((2, "b")), "2013-02")
    pinned = pin(world.store, READINGS, ["2013-01"])
    world.publish(world.rows((9, "z")), "2013-01")
    frame = pinned.read(world.session, world.locations)
    assert [tuple(row) for row in frame.collect()] == [(1, "a", "2013-01")]
    both = pin(world.store, READINGS, ["2013-02", "2013-01"])
    assert both.version.delta_version == 2
    assert both.windows == ("2013-01", "2013-02")
    assert set(both.version.windows) == {"2013-01", "2013-02"}
    found = both.read(world.session, world.locations).orderBy("window").collect()
    assert [tuple(row) for row in found] == [(9, "z", "2013-01"), (2, "b", "2013-02")]


def test_a_window_that_is_not_published_is_told_with_what_to_run(world: World) -> None:
    with pytest.raises(SourceError, match=r"Run energy\.bronze\.readings first"):
        pin(world.store, READINGS, None)
    world.publish(world.rows((1, "a")), "2013-01")
    with pytest.raises(SourceError, match=r"Run energy\.bronze\.readings for 2013-02, 2013-03"):
        pin(world.store, READINGS, ["2013-01", "2013-03", "2013-02"])


def test_of_the_windows_asked_for_those_published_are_pinned(world: World) -> None:
    assert pin_published(world.store, READINGS, ["2013-01"]) is None
    world.publish(world.rows((1, "a")), "2013-01")
    found = pin_published(world.store, READINGS, ["2013-01", "2013-02"])
    assert found is not None
    assert found.windows == ("2013-01",)
    assert pin_published(world.store, READINGS) == found
    assert pin_published(world.store, READINGS, ["2013-02"]) is None


def test_a_static_table_is_pinned_as_a_whole(world: World) -> None:
    ref = TableRef("project", "shared", "calendar")
    world.publish(world.rows((1, "a")), STATIC, ref=ref)
    pinned = pin(world.store, ref, None)
    world.publish(world.rows((2, "b")), STATIC, ref=ref)
    assert pin_published(world.store, ref) == pin(world.store, ref, None)
    assert [tuple(r) for r in pinned.read(world.session, world.locations).collect()] == [(1, "a")]


def test_all_parts_of_a_window_are_pinned_together(world: World) -> None:
    for version in ("1", "2"):
        world.publish(world.rows((1, version)), part=Part("model_version", version))
    pinned = pin(world.store, READINGS, ["2013-01"])
    assert pinned.version.delta_version == 1
    assert pinned.version.windows["2013-01"].count("+") == 1
    assert pinned.read(world.session, world.locations).count() == 2


def test_tables_lie_below_the_warehouse_by_owner_layer_and_name(tmp_path: Path) -> None:
    location = Locations(in_paths(), tmp_path).of(READINGS)
    assert str(location) == str(tmp_path / "warehouse/energy/bronze/readings")


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("{use_case}_{layer}", "spark_catalog.energy_bronze.readings"),
        ("{use_case}", "spark_catalog.energy.bronze__readings"),
        ("ml_{layer}", "spark_catalog.ml_bronze.energy__readings"),
        ("ml", "spark_catalog.ml.energy__bronze__readings"),
    ],
)
def test_what_a_schema_template_leaves_out_goes_into_the_name(
    schema: str, name: str, tmp_path: Path
) -> None:
    assert str(Locations(in_catalog(schema), tmp_path).of(READINGS)) == name
