"""The demo's data with known answers."""

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from mlops_dagster_tests.flight_delays.world import REPOSITORY

SCRIPT = REPOSITORY / "use_cases" / "flight_delays" / "scenarios.py"
KEY = ["carrier", "flight", "origin", "year", "month", "day"]


def written(scenario: str, landing: Path) -> Path:
    subprocess.run([sys.executable, str(SCRIPT), str(landing), scenario], check=True)
    return landing


def read(landing: Path, table: str) -> pd.DataFrame:
    files = sorted((landing / table).glob("2013-??.csv"))
    return pd.concat([pd.read_csv(file, na_values=["NA"]) for file in files], ignore_index=True)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written("control", tmp_path_factory.mktemp("control"))


@pytest.fixture(scope="module")
def fault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written("fault", tmp_path_factory.mktemp("fault"))


def days_of(rows: pd.DataFrame, told: list[str]) -> dict[date, str]:
    """Return each local day with a text of its rows' columns."""
    found = {}
    for year, month, day in rows[["year", "month", "day"]].drop_duplicates().to_numpy():
        of_day = (rows["month"] == month) & (rows["day"] == day)
        found[date(int(year), int(month), int(day))] = rows.loc[of_day, told].to_csv(index=False)
    return found


def test_every_later_day_is_a_winter_day_of_the_same_weekday_with_its_weather(
    control: Path,
) -> None:
    told = ["dep_delay", "carrier", "flight", "origin", "dest", "hour", "minute", "tailnum"]
    flown = days_of(read(control, "flights"), told)
    weather = days_of(read(control, "weather"), ["origin", "hour", "temp", "wind_speed", "visib"])
    winter = {rows: day for day, rows in flown.items() if day.month <= 3}
    later = {day: rows for day, rows in flown.items() if day.month > 3}
    assert len(later) == 275
    for day, rows in later.items():
        source = winter[rows]
        assert source.weekday() == day.weekday()
        assert weather.get(day) == weather.get(source)


def test_times_are_those_of_new_york_on_the_new_day(control: Path) -> None:
    rows = read(control, "flights").sample(2000, random_state=1)
    local = pd.to_datetime(rows["time_hour"], utc=True).dt.tz_convert("America/New_York")
    assert (local.dt.month == rows["month"]).all()
    assert (local.dt.day == rows["day"]).all()
    assert (local.dt.hour == rows["hour"]).all()


def test_flights_stay_unique(control: Path) -> None:
    assert not read(control, "flights").duplicated(KEY).any()


def test_the_fault_takes_half_of_april_and_nothing_else(fault: Path) -> None:
    weather = read(fault, "weather")
    april = weather[weather["month"] == 4]
    assert april["visib"].isna().mean() == pytest.approx(0.5, abs=0.05)
    assert weather[weather["month"] < 4]["visib"].notna().all()
    assert april["temp"].notna().all()


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("scenario", ["fault", "control"])
def test_the_known_answer_is_given(scenario: str, tmp_path: Path) -> None:
    for name in ("use_cases", "environments"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    shutil.copy(REPOSITORY / "project.yaml", tmp_path / "project.yaml")
    command = [str(Path(sys.executable).with_name("mlops-dagster"))]
    try:
        done = subprocess.run(
            [*command, "demo", f"--{scenario}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run(
            [*command, "down", "--force", "--environment", scenario], cwd=tmp_path, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as expected" in done.stdout
