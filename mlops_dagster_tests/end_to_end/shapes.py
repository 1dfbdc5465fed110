"""The projects of docs/shapes.md with made-up data, cut down to a few small windows."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_dagster_tests.assets.inline_project import write_project
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "shapes.md"


def write_shape(folder: Path, name: str, smaller: Mapping[str, str]) -> Path:
    """Write a use case of the page as a project; `smaller` replaces texts of its YAML."""
    root = write_project(
        folder, {}, engine=f"{{kind: remote, address_variable: {REMOTE_VARIABLE}}}"
    )
    for block in blocks(PAGE):
        if block.path is not None and block.path.startswith(f"use_cases/{name}/"):
            text = block.text
            if block.path.endswith(".yaml"):
                for before, after in smaller.items():
                    assert before in text, before
                    text = text.replace(before, after)
            target = root / block.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return root


def landing_file(root: Path, name: str) -> Path:
    """Return a place in a project's landing folder, its folders made."""
    path = root / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


WEEKS = ("2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22")
TICKETS_A_WEEK = 500


def tickets() -> pd.DataFrame:
    """Four weeks of tickets; `legal` is rare, and nobody of it solves one of the third week.

    Five of the third week go to a team that did not exist before.
    """
    rng = np.random.default_rng(5)
    weeks = []
    for number, week in enumerate(WEEKS):
        rows = TICKETS_A_WEEK
        product = rng.choice(["app", "web", "billing"], rows, p=[0.5, 0.3, 0.2])
        length = rng.integers(5, 500, rows)
        weights = np.stack(
            [
                np.where(product == "billing", 0.1, 0.8),
                np.where(product == "billing", 0.9, 0.1),
                np.where(length > 450, 0.9, 0.01),
            ],
            axis=1,
        )
        drawn = (rng.random((rows, 1)) * weights.sum(axis=1, keepdims=True)) < weights.cumsum(
            axis=1
        )
        team = np.array(["platform", "payments", "legal"])[drawn.argmax(axis=1)]
        if number == 2:
            team = np.where(team == "legal", "platform", team)
            team[:5] = "mobile"
        opened = pd.Timestamp(week, tz="Asia/Kolkata") + pd.to_timedelta(
            rng.integers(0, 7 * 24 * 3600, rows), unit="s"
        )
        weeks.append(
            pd.DataFrame(
                {
                    "ticket": [f"{week}/{n}" for n in range(rows)],
                    "opened_at": opened,
                    "product": product,
                    "length": length,
                    "language": rng.choice(np.array(["en", "de", None], dtype=object), rows),
                    "urgent": rng.random(rows) < 0.2,
                    "team": team,
                    # One in ten is solved too late to count.
                    "solved_at": opened + pd.to_timedelta(rng.integers(1, 213, rows), unit="h"),
                }
            )
        )
    return pd.concat(weeks, ignore_index=True)


def write_tickets(folder: Path, rows: pd.DataFrame) -> Path:
    root = write_shape(
        folder,
        "tickets",
        {"at_least: 8 windows": "at_least: 2 windows", "n_estimators: 60": "n_estimators: 20"},
    )
    for week in WEEKS:
        start = pd.Timestamp(week, tz="Asia/Kolkata")
        end = start + pd.Timedelta(days=7)
        for kind, columns in (
            ("opened", ["ticket", "opened_at", "product", "length", "language", "urgent"]),
            ("solved", ["ticket", "solved_at", "team"]),
        ):
            inside = rows[(rows[f"{kind}_at"] >= start) & (rows[f"{kind}_at"] < end)]
            records = json.loads(inside[columns].to_json(orient="records", date_format="iso"))
            lines = "".join(json.dumps(record) + "\n" for record in records)
            path = landing_file(root, f"support desk/{kind} {week}.jsonl.gz")
            path.write_bytes(gzip.compress(lines.encode()))
    return root


# The second one is the hour in which clocks in Berlin go from two to three.
HOURS = ("2024-03-30T23", "2024-03-31T00", "2024-03-31T01")
METERS = 60


def readings() -> pd.DataFrame:
    """Every meter at each quarter of three hours, its use following its level and its voltage."""
    rng = np.random.default_rng(2)
    times = pd.date_range(f"{HOURS[0]}:00", periods=4 * len(HOURS), freq="15min", tz="UTC")
    level = rng.uniform(1, 6, METERS)
    frame = pd.DataFrame(
        {"meter": np.tile(np.arange(METERS), len(times)), "at": times.repeat(METERS)}
    )
    frame["phase"] = frame["meter"].map(lambda meter: f"L{meter % 3 + 1}")
    frame["volts"] = (240 - 2 * level[frame["meter"]] + rng.normal(0, 0.2, len(frame))).round(2)
    frame["kwh"] = (level[frame["meter"]] + rng.normal(0, 0.2, len(frame))).round(3)
    return frame


def outlooks() -> pd.DataFrame:
    """What was said in each hour of every half hour of the next: twice, and of two meters once.

    Of the last meter nothing is ever said.
    """
    rng = np.random.default_rng(4)
    issues = []
    for hour in HOURS:
        start = pd.Timestamp(f"{hour}:00", tz="UTC")
        for minutes in (5, 50):
            meters = np.arange(METERS - 1 if minutes == 5 else METERS - 3)
            for about in (60, 90):
                issues.append(
                    pd.DataFrame(
                        {
                            "meter": meters,
                            "about": start + pd.Timedelta(minutes=about),
                            "issued_at": start + pd.Timedelta(minutes=minutes),
                            "kwh_expected": rng.uniform(1, 6, len(meters)).round(3),
                        }
                    )
                )
    return pd.concat(issues, ignore_index=True)


def write_load(folder: Path, rows: pd.DataFrame) -> Path:
    root = write_shape(
        folder,
        "load",
        {"at_least: 48 windows": "at_least: 2 windows", "n_estimators: 50": "n_estimators: 10"},
    )
    for hour in HOURS:
        inside = rows[rows["at"].dt.strftime("%Y-%m-%dT%H") == hour]
        inside[["meter", "at", "kwh"]].to_parquet(
            landing_file(root, f"readings/{hour}.parquet"), index=False
        )
        local = inside["at"].dt.tz_convert("Europe/Berlin").map(pd.Timestamp.isoformat)
        inside[["meter", "volts", "phase"]].assign(at=local).to_csv(
            landing_file(root, f"voltages/{hour}.csv"), index=False
        )
        said = outlooks()
        said[said["issued_at"].dt.strftime("%Y-%m-%dT%H") == hour].assign(
            about=said["about"].map(pd.Timestamp.isoformat),
            issued_at=said["issued_at"].map(pd.Timestamp.isoformat),
        ).to_csv(landing_file(root, f"outlooks/{hour}.csv"), index=False)
    return root


DAYS = ("2024-05-01", "2024-05-02", "2024-05-03", "2024-05-04")
# A first day with hardly any rows, one with none, and one whose file is not delivered.
TRIPS_A_DAY = (3, 200, 0, 80)


def trips() -> pd.DataFrame:
    """Trips of four days; the fare follows the distance and the seats of the car."""
    rng = np.random.default_rng(2)
    days = []
    for day, rows in zip(DAYS, TRIPS_A_DAY, strict=True):
        distance = rng.uniform(1, 20, rows).round(2)
        car = rng.integers(0, 20, rows)
        days.append(
            pd.DataFrame(
                {
                    "trip-id": [f"{day} {n}" for n in range(rows)],
                    "started (UTC)": pd.Timestamp(day)
                    + pd.to_timedelta(rng.integers(0, 86_400, rows), unit="s"),
                    "car id": car,
                    "distance [km]": distance,
                    "select": rng.choice(["x", "y"], rows),
                    "a.b": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows).round(3)),
                    "fare €": (3 + 2 * distance + car % 4 + rng.normal(size=rows)).round(2),
                }
            )
        )
    return pd.concat(days, ignore_index=True)


def write_trips(folder: Path, rows: pd.DataFrame) -> Path:
    root = write_shape(folder, "trips", {"at_least: 14 windows": "at_least: 2 windows"})
    cars = pd.DataFrame(
        {
            "car id": np.arange(20),
            "seats": (np.arange(20) % 4 + 2).astype("int32"),
            "fuel type": np.where(np.arange(20) % 3 == 0, "électrique", "diesel"),
        }
    )
    cars.to_parquet(landing_file(root, "city trips/the cars.parquet"), index=False)
    for day in DAYS[:3]:
        inside = rows[rows["started (UTC)"].dt.strftime("%Y-%m-%d") == day]
        text = inside.to_csv(index=False, na_rep="NA")
        path = landing_file(root, f"city trips/{day} of all.csv.gz")
        path.write_bytes(gzip.compress(text.encode()))
    for day in DAYS:
        lines = [
            json.dumps({"at": f"{day}T{hour:02d}:00:00Z", "temp": 10.5 + hour}) + "\n"
            for hour in range(24)
        ]
        landing_file(root, f"city trips/weather {day}.jsonl").write_text("".join(lines))
    return root


MONTHS = ("2023-01", "2023-02", "2023-03", "2023-04", "2023-05", "2023-06")


def loans() -> pd.DataFrame:
    """Loans of six months; one in twenty is never reported, the others within 44 days."""
    rng = np.random.default_rng(1)
    months = []
    for month in MONTHS:
        rows = 300
        start = pd.Timestamp(f"{month}-01", tz="America/New_York")
        length = (start + pd.offsets.MonthBegin(1) - start).total_seconds()
        granted = start + pd.to_timedelta(rng.integers(0, int(length), rows), unit="s")
        amount = rng.integers(100, 10_000, rows)
        risk = 1 / (1 + np.exp(-(amount - 5000) / 1500))
        reported = granted + pd.to_timedelta(rng.integers(5 * 24, 44 * 24, rows), unit="h")
        months.append(
            pd.DataFrame(
                {
                    "loan": [f"{month}/{n}" for n in range(rows)],
                    "granted_at": granted,
                    "amount": amount,
                    "purpose": rng.choice(["car", "home", "other"], rows),
                    "defaulted": rng.random(rows) < risk,
                    "reported_at": reported.where(rng.random(rows) < 0.95),
                }
            )
        )
    return pd.concat(months, ignore_index=True)


def write_credit(folder: Path, rows: pd.DataFrame) -> Path:
    root = write_shape(folder, "credit", {"at_least: 6 windows": "at_least: 3 windows"})
    for month in MONTHS:
        for name, time, columns in (
            ("loans", "granted_at", ["loan", "amount", "purpose"]),
            ("outcomes", "reported_at", ["loan", "defaulted"]),
        ):
            inside = rows[rows[time].dt.strftime("%Y-%m") == month]
            at = inside[time].map(pd.Timestamp.isoformat)
            inside[columns].assign(**{time: at}).to_csv(
                landing_file(root, f"{name}/{month}.csv"), index=False
            )
    return root
