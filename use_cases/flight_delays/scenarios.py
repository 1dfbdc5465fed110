"""Writes months in which the right answer is known: nothing changed, or the data are broken.

control: January to March as they were; each week after them is a week of January to March, drawn
with replacement. Whole weeks keep what hours and days of a week have to do with each other. Nothing
changes, so nothing should be retrained.

fault: January to April as they were, but half of April's observations have lost their visibility.
That is no new weather but broken data: it should be told as such and nothing trained on it.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from fetch_data import STATIC_FILES, package_folder

SEED = 7
TIME_ZONE = "America/New_York"
FIRST_MONDAY, LAST_MONDAY = pd.Timestamp("2013-01-07"), pd.Timestamp("2013-03-25")
FIRST_DRAWN, LAST_DRAWN = pd.Timestamp("2013-04-01"), pd.Timestamp("2013-12-31")
FAULTY_MONTH = 4


def read(name: str) -> pd.DataFrame:
    """Return a file of the package with its texts as they are."""
    return pd.read_csv(package_folder() / name, dtype=str, keep_default_na=False)


def drawn_days(seed: int) -> pd.DataFrame:
    """Return for each day from April on (`day`) the winter's day that takes its place (`source`).

    The weeks are drawn with replacement from the twelve whole ones of January to March.
    """
    days = pd.DataFrame({"day": pd.date_range(FIRST_DRAWN, LAST_DRAWN)})
    mondays = pd.date_range(FIRST_MONDAY, LAST_MONDAY, freq="7D")
    weeks = days["day"].dt.to_period("W-SUN").factorize()[0]
    drawn = np.random.default_rng(seed).choice(mondays, weeks.max() + 1)
    source = pd.DatetimeIndex(drawn[weeks]) + pd.to_timedelta(days["day"].dt.weekday, unit="D")
    return days.assign(source=source)


def control(rows: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """Return the winter's rows and, for every later day, the rows of the day drawn for it."""
    dates = pd.to_datetime(rows[["year", "month", "day"]].astype(int))
    winter = rows[dates < FIRST_DRAWN]
    copied = winter.assign(source=dates).merge(days.rename(columns={"day": "copy"}), on="source")
    copy = copied["copy"].dt
    copied["year"], copied["month"], copied["day"] = (
        part.astype(str) for part in (copy.year, copy.month, copy.day)
    )
    hours = copied["copy"] + pd.to_timedelta(copied["hour"].astype(int), unit="h")
    # An hour that exists twice is the first of the two, as in a schedule.
    local = hours.dt.tz_localize(TIME_ZONE, ambiguous=np.ones(len(hours), dtype=bool))
    copied["time_hour"] = local.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return pd.concat([winter, copied[winter.columns]], ignore_index=True)


def fault(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return rows up to the faulty month, whose `visib` is missing in a random half."""
    month = rows["month"].astype(int)
    kept = rows[month <= FAULTY_MONTH].copy()
    if "visib" in kept:
        lost = np.random.default_rng(seed).random(len(kept)) < 0.5
        kept.loc[lost & (kept["month"].astype(int) == FAULTY_MONTH), "visib"] = "NA"
    return kept


def write(scenario: str, landing: Path, seed: int) -> None:
    """Write the landing files of a scenario; a folder that is complete stays as it is."""
    done = landing / f"{scenario}.done"
    if done.exists():
        return
    landing.mkdir(parents=True, exist_ok=True)
    for name in STATIC_FILES:
        (landing / name).write_bytes((package_folder() / name).read_bytes())
    days = drawn_days(seed)
    for table, name in {"flights": "flights.csv.zip", "weather": "weather.csv"}.items():
        (landing / table).mkdir(exist_ok=True)
        rows = read(name)
        made = control(rows, days) if scenario == "control" else fault(rows, seed)
        for month, part in made.groupby(made["month"].astype(int)):
            part.to_csv(landing / table / f"2013-{month:02d}.csv", index=False)
    done.touch()


def main() -> None:
    """Write the scenario named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("landing", type=Path)
    parser.add_argument("scenario", choices=["control", "fault"])
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    write(options.scenario, options.landing, options.seed)


if __name__ == "__main__":
    main()
