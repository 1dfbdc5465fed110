import csv
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import mean

from mlops_dagster_tests.energy_demand.make_world import World, day_keys, readings_of, write_world

WORLD = World(days=100, missing=0.0, wrong=0.0)


def test_a_longer_world_begins_as_a_shorter_one_does(tmp_path: Path) -> None:
    for days in (3, 5):
        write_world(tmp_path / str(days), World(days=days))
    for key in day_keys(3):
        one, other = (tmp_path / str(d) / "readings" / f"{key}.csv" for d in (3, 5))
        assert one.read_bytes() == other.read_bytes()


def test_peaks_explain_the_energy_of_every_reading() -> None:
    for number in range(0, 100, 9):
        assert all(r.peak_kw * 24 >= r.kwh > 0 for r in readings_of(WORLD, number))


def test_free_days_winter_and_the_new_cars_show_in_the_means() -> None:
    def day_mean(number: int, world: World = WORLD) -> float:
        return mean(reading.kwh for reading in readings_of(world, number))

    saturday, monday, march_monday, late_monday = 5, 7, 70, 98
    assert date.fromisoformat(day_keys(99)[late_monday]).weekday() == 0
    assert day_mean(saturday) > 1.1 * day_mean(monday)
    assert day_mean(monday) > 1.05 * day_mean(march_monday)
    unchanged = replace(WORLD, change_after=None)
    assert day_mean(late_monday) > 1.15 * day_mean(late_monday, unchanged)


def test_some_readings_are_missing_and_some_impossible() -> None:
    faulty = World(days=30, missing=0.05, wrong=0.05)
    readings = [reading for number in range(30) for reading in readings_of(faulty, number)]
    assert len(readings) < 30 * 40
    assert any(reading.kwh < 0 for reading in readings)


def test_readings_are_taken_at_the_local_midnight_that_ends_the_day(tmp_path: Path) -> None:
    write_world(tmp_path, replace(WORLD, days=92))
    with (tmp_path / "readings" / "2024-03-31.csv").open() as file:
        assert {row["read_at"] for row in csv.DictReader(file)} == {"2024-04-01T00:00:00+02:00"}
