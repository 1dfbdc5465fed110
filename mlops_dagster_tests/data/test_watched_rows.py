"""Watching the rows of a quarantine tells of them what following each through the build would."""

import io
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from mlops_dagster.data import followed
from mlops_dagster.data.build import TableBuilt
from mlops_dagster.data.decisions import Change
from mlops_dagster.data.followed import Followed
from mlops_dagster.data.row_events import RowsSettled, row_stream
from mlops_dagster.data.row_ledger import Action
from mlops_dagster.spec.refs import TableRef
from mlops_dagster_tests.data.worlds import USE_CASE, Project

pytestmark = pytest.mark.long

MONTH = "2013-01"
REF = TableRef(USE_CASE, "bronze", "sales")
TABLE = """
bronze.sales:
  files: "sales/{{window}}.{form}"
  evolve: additive
  rules:
    - {{rule: amount between 0 and {limit}, name: amount_sane}}
    - {{rule: shop <> 'closed', name: shop_open, on_fail: drop}}
    - {{rule: id < 1000, name: id_small}}
"""
FIRST = datetime(2013, 1, 5, 10, 0, 0, 123456, tzinfo=timezone.utc)
AMOUNTS = (5.0, 0.1, -0.0, 0.0, 700.0, 1500.0, 1e300, -3.0, math.nan, math.inf, None)
SHOPS = ("north", "ü☃", 'a"b\\c', "two\nlines", "closed", "", None)
CONTRACT = """
spec_version: 1
table: shop.bronze.sales
columns:
  - {name: id, type: bigint}
  - {name: at, type: timestamp}
  - {name: day, type: date}
  - {name: shop, type: string}
  - {name: amount, type: double}
"""
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("day", pa.date32()),
        ("shop", pa.string()),
        ("amount", pa.float64()),
        ("ratio", pa.float32()),
        ("tags", pa.map_(pa.string(), pa.int64())),
    ]
)


@dataclass(frozen=True)
class Record:
    """A record and how many copies of it are delivered."""

    id: int
    shop: str | None
    amount: float | None
    copies: int

    def row(self) -> dict[str, object]:
        tags = {"b": self.id % 2, "a": 7} if self.id % 3 else None
        return {
            "id": self.id,
            "at": FIRST + timedelta(microseconds=self.id),
            "day": date(2013, 1, 1 + self.id % 28),
            "shop": self.shop,
            "amount": self.amount,
            "ratio": None if self.amount is None else self.id / 3,
            "tags": tags,
        }


def records(seed: int) -> list[Record]:
    """Every amount with every shop, some of them delivered more than once."""
    draw = random.Random(seed)
    pairs = [(amount, shop) for amount in AMOUNTS for shop in SHOPS]
    draw.shuffle(pairs)
    return [
        Record(number, shop, amount, draw.choice((1, 1, 2, 3)))
        for number, (amount, shop) in enumerate(pairs)
    ]


def changed(delivered: Sequence[Record], seed: int) -> list[Record]:
    """Some with fewer or more copies, some gone, some corrected at their source."""
    draw = random.Random(seed)
    return [
        replace(record, copies=draw.choice((0, 1, record.copies, record.copies + 1)))
        if draw.random() < 0.7
        else replace(record, amount=1.5)
        for record in delivered
    ]


def as_parquet(delivered: Sequence[Record], *, added: bool = False) -> bytes:
    rows = [record.row() for record in delivered for _ in range(record.copies)]
    table = pa.Table.from_pylist(rows, SCHEMA)
    if added:
        table = table.append_column("note", pa.array(["new"] * len(rows)))
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def as_csv(delivered: Sequence[Record], *, added: bool = False) -> bytes:
    """One amount is no number here, and three lines are malformed."""
    lines = ["id,at,day,shop,amount" + (",note" if added else "")]
    for record in delivered:
        row = record.row()
        shop = (record.shop or "NA").replace('"', '""')
        amount = "many" if record.amount == 1e300 else record.amount
        cells = [record.id, row["at"], row["day"], f'"{shop}"', "" if amount is None else amount]
        lines += [",".join(map(str, cells + ["new"] * added))] * record.copies
    return "\n".join([*lines, "1,half a line", "1,half a line", '{"id":3}', ""]).encode()


def follow_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let builds follow every row that they tell of, and make the content of each row for that."""
    monkeypatch.setattr(Followed, "decided", property(lambda self: self.row_ids))
    monkeypatch.setattr(followed, "mark_of", lambda delivery: None)


class Life:
    """One project through deliveries, decisions and changed rules; what each build came to."""

    def __init__(self, project: Project, form: str) -> None:
        self.project = project
        self.form = form
        self.write: Callable[..., bytes] = as_parquet if form == "parquet" else as_csv
        self.states: list[object] = []
        if form == "csv":
            project.write(f"use_cases/{USE_CASE}/contracts/bronze.sales.yaml", CONTRACT)

    def deliver(self, delivered: Sequence[Record], *, added: bool = False) -> None:
        content = self.write(delivered, added=added)
        self.project.write(f"landing/sales/{MONTH}.{self.form}", content)

    def rules(self, limit: int) -> None:
        self.project.declare(TABLE.format(form=self.form, limit=limit))

    def listed(self) -> list[tuple[object, ...]]:
        return [
            (
                row.row_id,
                row.status,
                row.reasons,
                row.payload,
                row.corrected,
                row.attempts,
                [entry.what for entry in row.history],
            )
            for row in self.project.listed()
        ]

    def decide(self, action: Action, chosen: Sequence[str], columns: Mapping[str, str]) -> None:
        given = columns if action is Action.FIX else {}
        self.project.decide(action, *(Change(row, given) for row in chosen))

    def build(self) -> TableBuilt:
        built = self.project.build("bronze.sales", MONTH)
        events = self.project.store.read(row_stream(REF, MONTH))
        told = [one.event.outcomes for one in events if isinstance(one.event, RowsSettled)]
        counts = (built.rows_in, built.valid, built.quarantined, built.dropped, built.discarded)
        self.states.append((counts, built.published.digest, self.listed(), told))
        return built

    def live(self, seed: int) -> None:
        """Nothing changes in every other build."""
        draw = random.Random(seed)
        delivered = records(seed)
        self.rules(limit=100)
        self.deliver(delivered)
        self.build()
        ids = sorted(str(row[0]) for row in self.listed())
        draw.shuffle(ids)
        fixed, discarded = ids[: len(ids) // 5], ids[len(ids) // 5 : len(ids) // 3]
        self.decide(Action.FIX, fixed, {"amount": "9"})
        self.decide(Action.DISCARD, discarded, {})
        self.build()
        self.build()
        self.rules(limit=2000)
        self.build()
        self.build()
        self.decide(Action.REOPEN, [*fixed[::3], *discarded[::2]], {})
        self.deliver(changed(delivered, seed))
        self.build()
        self.build()
        self.deliver(delivered)
        self.rules(limit=100)
        self.build()
        self.deliver(delivered, added=True)
        self.build()
        self.build()


@pytest.mark.parametrize("form", [pytest.param("csv", marks=pytest.mark.verify), "parquet"])
def test_what_is_told_of_rows_is_what_following_each_of_them_tells(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    watching = Life(Project(spark, tmp_path / "watching"), form)
    watching.live(seed=1)
    follow_all(monkeypatch)
    following = Life(Project(spark, tmp_path / "following"), form)
    following.live(seed=1)
    for number, states in enumerate(zip(watching.states, following.states, strict=True), 1):
        assert states[0] == states[1], f"build {number}"
