"""Building a slice again whose quarantine holds rows: what is looked at, and what is not."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data import build, followed, quarantine, whereabouts
from mlops_dagster.data.batch import Batch
from mlops_dagster.data.checks import DROP, QUARANTINE, VALID
from mlops_dagster.data.counting import Measured
from mlops_dagster.data.decisions import Change
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.followed import Followed
from mlops_dagster.data.row_events import Outcome
from mlops_dagster.data.row_ids import payload_of
from mlops_dagster.data.row_ledger import Action, RowLedger, RowState, RowStatus
from mlops_dagster.data.whereabouts import numbered, unmoved_rows
from mlops_dagster.spec.refs import TableRef
from mlops_dagster_tests.data.worlds import USE_CASE, Project

MONTH = "2013-01"
REF = TableRef(USE_CASE, "silver", "sales")
TABLES = """
bronze.sales:
  files: "sales/{{window}}.csv"
silver.sales:
  inputs: {{sales: bronze.sales}}
  rules:
    - {{rule: amount < {limit}, name: amount_sane}}
    - {{rule: shop <> 'closed', name: shop_open, on_fail: drop}}
"""
# The valid row of id 6 is the one whose JSON nobody may make.
SALES = (
    "id,shop,amount\n1,north,5000\n2,north,2000\n2,north,2000\n3,south,9000\n"
    "4,closed,1\n5,south,7\n6,south,300\n"
)
WITHOUT_THREE = SALES.replace("3,south,9000\n", "")


class Sales:
    """A project with a table of files and one of SQL, and what people do with its rows."""

    def __init__(self, project: Project) -> None:
        self.project = project
        project.sql("silver.sales", "select * from sales")
        self.change(limit=1000)
        self.deliver(SALES)

    def change(self, *, limit: int) -> None:
        self.project.declare(TABLES.format(limit=limit))

    def deliver(self, text: str) -> None:
        self.project.write(f"landing/sales/{MONTH}.csv", text)
        self.project.build("bronze.sales", MONTH)

    def build(self) -> tuple[int, int, int, int]:
        """Build the table of SQL; return its counts."""
        built = self.project.build("silver.sales", MONTH)
        return built.valid, built.quarantined, built.dropped, built.discarded

    def row(self, number: int) -> str:
        """The id of the first row of a number."""
        found = [row.row_id for row in self.project.listed() if f'"id":{number},' in row.payload]
        return min(found)

    def statuses(self) -> dict[str, RowStatus]:
        return {row.row_id: row.status for row in self.project.listed()}


@pytest.fixture
def sales(spark: SparkSession, tmp_path: Path) -> Sales:
    return Sales(Project(spark, tmp_path))


def unless_six(delivery: Delivery) -> Column:
    """The content of a row; a query that makes that of the valid row 6 fails."""
    refused = F.raise_error(F.lit("the JSON of a valid row was made")).cast("string")
    is_six = F.coalesce(F.col("id") == 6, F.lit(False))
    return F.when(is_six, refused).otherwise(payload_of(delivery))


def refuse(batch: Batch) -> Measured:
    raise AssertionError(f"{batch.table.ref} was measured by a query of its own")


@pytest.fixture
def guarded(sales: Sales, monkeypatch: pytest.MonkeyPatch) -> Sales:
    """The same; a build fails where it makes the content of the valid row 6."""
    for module in (followed, quarantine, whereabouts):
        monkeypatch.setattr(module, "payload_of", unless_six)
    return sales


def test_valid_rows_are_not_looked_at_when_nothing_left_the_quarantine(
    guarded: Sales, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The rows are computed once for the table, as they are where nothing is in quarantine.
    monkeypatch.setattr(build, "measure_batch", refuse)
    assert guarded.build() == guarded.build() == (2, 4, 1, 0)
    assert [row.attempts for row in guarded.project.listed()] == [2] * 4


@pytest.mark.long
def test_decisions_are_put_in_place_without_a_look_at_the_other_rows(
    guarded: Sales, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded.build()
    one, three = guarded.row(1), guarded.row(3)
    guarded.project.decide(Action.FIX, Change(one, {"amount": "5"}))
    guarded.project.decide(Action.DISCARD, Change(three))
    assert guarded.build() == guarded.build() == (3, 2, 1, 1)
    statuses = guarded.statuses()
    assert (statuses[one], statuses[three]) == (RowStatus.RELEASED, RowStatus.DISCARDED)
    # Without marks, decisions cost the content of every row.
    monkeypatch.setattr(followed, "mark_of", lambda delivery: None)
    with pytest.raises(PySparkException, match="the JSON of a valid row was made"):
        guarded.build()


@pytest.mark.long
def test_valid_rows_are_looked_at_once_when_a_changed_rule_releases_some(
    guarded: Sales, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded.build()
    guarded.change(limit=3000)
    with pytest.raises(PySparkException, match="the JSON of a valid row was made"):
        guarded.build()
    with monkeypatch.context() as patched:
        patched.setattr(whereabouts, "payload_of", payload_of)
        assert guarded.build() == (4, 2, 1, 0)
    told = guarded.statuses()
    assert sorted(told.values()) == [RowStatus.OPEN] * 2 + [RowStatus.RELEASED] * 2
    # Once they are known to be valid, no more.
    assert guarded.build() == (4, 2, 1, 0)
    assert guarded.statuses() == told


@pytest.mark.long
def test_rows_that_left_the_quarantine_are_told_by_where_they_went(sales: Sales) -> None:
    sales.build()
    one, two, three = (sales.row(number) for number in (1, 2, 3))
    # One of two copies is let through, the other and another row are no longer delivered.
    sales.deliver(WITHOUT_THREE.replace("2,north,2000\n", "", 1))
    sales.change(limit=3000)
    assert sales.build() == (3, 1, 1, 0)
    told = {
        one: RowStatus.OPEN,
        two: RowStatus.RELEASED,
        f"{two}-2": RowStatus.GONE,
        three: RowStatus.GONE,
    }
    assert sales.statuses() == told
    assert sales.build() == (3, 1, 1, 0)
    assert sales.statuses() == told
    # A rule that drops one, and an old delivery that brings the others back.
    sales.deliver(SALES)
    sales.project.declare(TABLES.format(limit=10_000).replace("<> 'closed'", "<> 'south'"))
    assert sales.build() == (4, 0, 3, 0)
    told |= dict.fromkeys((one, f"{two}-2"), RowStatus.RELEASED)
    told[three] = RowStatus.DROPPED
    assert sales.statuses() == told
    histories = {
        row.row_id: [entry.what for entry in row.history] for row in sales.project.listed()
    }
    assert histories[f"{two}-2"] == ["gone", "released"]
    assert histories[three] == ["gone", "dropped"]


@pytest.mark.long
def test_what_a_killed_build_took_out_of_the_quarantine_is_told_by_the_next(
    sales: Sales, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales.build()
    before = sales.statuses()
    sales.change(limit=10_000)

    def killed(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    # The quarantine is empty already, and nothing of it published.
    with monkeypatch.context() as patched:
        patched.setattr(build, "check_unchanged", killed)
        with pytest.raises(KeyboardInterrupt):
            sales.build()
    assert sales.build() == (6, 0, 1, 0)
    assert sales.statuses() == dict.fromkeys(before, RowStatus.RELEASED)


def state(outcome: Outcome, action: Action | None = None, *, settled: bool = True) -> RowState:
    return RowState("", action=action, outcome=outcome, settled=settled)


def followed_rows(**rows: RowState) -> Followed:
    named = {row: replace(known, row_id=row) for row, known in rows.items()}
    ledger = RowLedger(REF, MONTH, named, seq=9)
    return Followed(ledger, frozenset(rows), digest="published")


RELEASED, GONE, DROPPED = state(Outcome.RELEASED), state(Outcome.GONE), state(Outcome.DROPPED)
UNMOVED: Sequence[tuple[str, Followed, str, int, set[str]]] = (
    ("equal rows", followed_rows(a=RELEASED, b=GONE), "published", 0, {"a", "b"}),
    ("other rows", followed_rows(a=RELEASED, b=GONE), "other", 0, set()),
    ("one may be dropped now", followed_rows(a=RELEASED, b=GONE), "published", 1, {"a"}),
    ("a dropped one may be gone", followed_rows(a=DROPPED), "published", 1, set()),
    ("a dropped one is dropped no more", followed_rows(a=DROPPED), "published", 0, set()),
    (
        "a decision is withdrawn",
        followed_rows(a=state(Outcome.RELEASED, Action.REOPEN, settled=False)),
        "published",
        0,
        set(),
    ),
    (
        "a decision is new",
        followed_rows(a=RELEASED, z=state(Outcome.RELEASED, Action.FIX, settled=False)),
        "published",
        0,
        set(),
    ),
    (
        "a corrected row was not delivered before",
        followed_rows(a=RELEASED, z=state(Outcome.GONE, Action.FIX)),
        "published",
        0,
        set(),
    ),
    (
        "a corrected row is published as it was",
        followed_rows(a=RELEASED, z=state(Outcome.RELEASED, Action.FIX)),
        "published",
        0,
        {"a"},
    ),
)


@pytest.mark.parametrize(
    ("rows", "digest", "dropped", "unmoved"),
    [case[1:] for case in UNMOVED],
    ids=[case[0] for case in UNMOVED],
)
def test_rows_stay_where_they_were_where_the_valid_rows_are_those_that_are_published(
    rows: Followed, digest: str, dropped: int, unmoved: set[str]
) -> None:
    found = unmoved_rows(
        rows,
        rows.watched,
        digest=digest,
        dropped=dropped,
        discarded=frozenset(),
        routes={VALID: frozenset("z")},
    )
    assert set(found) == unmoved


def test_copies_of_a_row_are_numbered_over_all_routes() -> None:
    counts = {("a", VALID): 2, ("b", DROP): 1, ("c", VALID): 1, ("c", QUARANTINE): 1}
    assert numbered(counts) == {
        "a": VALID,
        "a-2": VALID,
        "b": DROP,
        "c": QUARANTINE,
        "c-2": VALID,
    }
