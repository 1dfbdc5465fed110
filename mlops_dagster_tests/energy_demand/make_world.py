"""Makes the landing files of energy_demand, meter readings and a calendar, from a seed."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

FIRST_DAY = date(2024, 1, 1)
ZONE = ZoneInfo("Europe/Berlin")
HOLIDAYS = frozenset(
    {
        date(2024, 1, 1),
        date(2024, 3, 29),
        date(2024, 4, 1),
        date(2024, 5, 1),
        date(2024, 5, 9),
        date(2024, 5, 20),
        date(2024, 10, 3),
        date(2024, 12, 25),
        date(2024, 12, 26),
    }
)


@dataclass(frozen=True)
class Reading:
    """What a meter says of one day."""

    household: str
    day: date
    kwh: float
    peak_kw: float

    @property
    def read_at(self) -> datetime:
        """The midnight that ends the day, when the meter is read."""
        return datetime.combine(self.day + timedelta(days=1), datetime.min.time(), ZONE)


@dataclass(frozen=True)
class World:
    """How the households behave.

    Attributes:
        days: Days from 2024-01-01 on.
        households: How many.
        change_after: From this day on every third household charges a car on workdays; None never.
        missing: Share of readings that never come.
        wrong: Share of readings with an impossible value, which a rule catches.
        seed: Makes the same world again. A longer world begins as a shorter one does.
    """

    days: int
    households: int = 40
    change_after: int | None = 90
    missing: float = 0.005
    wrong: float = 0.002
    seed: int = 11


def day_keys(days: int) -> tuple[str, ...]:
    """Return the keys of the first windows."""
    return tuple((FIRST_DAY + timedelta(days=n)).isoformat() for n in range(days))


def readings_of(world: World, number: int) -> list[Reading]:
    """Return the readings of the n-th day, counted from 0."""
    day = FIRST_DAY + timedelta(days=number)
    households = np.random.default_rng([world.seed, 0])
    base = households.uniform(5.0, 16.0, world.households)
    evening = households.uniform(2.0, 4.5, world.households)
    # A generator a day: no day depends on how many there are.
    noise = np.random.default_rng([world.seed, 1, number])
    free_day = day.weekday() >= 5 or day in HOLIDAYS
    heating = 1.0 + 0.05 * (12.0 - daylight_hours(day))
    kwh = base * heating * (1.2 if free_day else 1.0) * noise.normal(1.0, 0.08, world.households)
    peak = kwh / 24 * evening * noise.normal(1.0, 0.06, world.households).clip(0.8)
    if world.change_after is not None and number >= world.change_after and not free_day:
        charging = np.arange(world.households) % 3 == 0
        kwh = kwh + charging * noise.normal(9.0, 1.5, world.households).clip(0.0)
        peak = peak + charging * 7.0
    fate = noise.uniform(size=world.households)
    readings = []
    for n in range(world.households):
        if fate[n] < world.missing:
            continue
        wrong = fate[n] < world.missing + world.wrong
        # Two decimals: the power is rounded up, so that it always explains the energy.
        energy = -1.0 if wrong else round(float(kwh[n]), 2)
        power = math.ceil(max(float(peak[n]), energy / 24) * 100) / 100
        readings.append(Reading(f"h{n:03}", day, energy, power))
    return readings


def daylight_hours(day: date) -> float:
    """Return roughly the hours of daylight at 52 degrees north."""
    angle = 2 * math.pi * (day.timetuple().tm_yday - 80) / 365.25
    return round(12.0 + 4.6 * math.sin(angle), 2)


def write_world(landing: Path, world: World) -> None:
    """Write `readings/<day>.csv` for every day and `calendar.csv` for the year below a folder."""
    for number, key in enumerate(day_keys(world.days)):
        write_readings(landing, key, readings_of(world, number))
    year = [FIRST_DAY + timedelta(days=n) for n in range(max(366, world.days + 1))]
    _write(
        landing / "calendar.csv",
        ("day", "is_holiday", "daylight_hours"),
        ((day.isoformat(), str(day in HOLIDAYS).lower(), daylight_hours(day)) for day in year),
    )


def write_readings(landing: Path, key: str, readings: Sequence[Reading]) -> None:
    """Write the file of one day, in place of the one there is."""
    _write(
        landing / "readings" / f"{key}.csv",
        ("household", "day", "read_at", "kwh", "peak_kw"),
        (
            (r.household, r.day.isoformat(), r.read_at.isoformat(), r.kwh, r.peak_kw)
            for r in readings
        ),
    )


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
