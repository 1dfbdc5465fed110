"""The life of quarantined rows in a small project: fixed, discarded, reopened, delivered anew."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.data.build import TableBuilt
from mlops_dagster.data.decisions import Change, as_of_slice
from mlops_dagster.data.preview import preview
from mlops_dagster.data.row_ledger import Action, RowLedger, RowStatus, read_rows
from mlops_dagster.data.slice_counts import slice_counts
from mlops_dagster.errors import CorrectionRefused, TransitionRefused
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster_tests.data.worlds import USE_CASE, Project

pytestmark = pytest.mark.long

SALES, MONTH = "bronze.sales", "2013-01"
TABLES = """
bronze.sales:
  files: "sales/{window}.csv"
  key: [id]
  event_time: sold_at
  rules:
    - {rule: amount between 0 and 1000, name: amount_sane}
    - {rule: shop <> 'closed', name: shop_open, on_fail: drop}
silver.sales:
  inputs: {sales: bronze.sales}
  key: [id]
  event_time: sold_at
  rules:
    - {rule: doubled < 500, name: doubled_small}
bronze.shops:
  files: shops.csv
  row_number: line
  key: [line]
  rules: [{rule: city <> '', name: city_named}]
"""
SILVER = "select id, sold_at, amount * 2 as doubled from sales"
HEAD = "id,sold_at,shop,amount\n"
TOO_MUCH = "1,2013-01-05T10:00:00.123456Z,north,5000.5\n"
TWICE = "2,2013-01-06T00:00:00Z,north,7\n2,2013-01-06T00:00:00Z,north,7\n"
NO_NUMBER = "3,2013-01-07T00:00:00Z,north,seven\n"
MALFORMED = "4,2013-01-08T00:00:00Z\n"
LATE = "5,2013-02-09T00:00:00Z,south,9\n"
GOOD = "6,2013-01-10T00:00:00Z,south,300\n"
DELIVERED = HEAD + TOO_MUCH + TWICE + NO_NUMBER + MALFORMED + LATE + GOOD


class Shop:
    """A project with one month of sales, and what people do with its rows."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.first: dict[str, tuple[str, ...]] = {}
        project.declare(TABLES)
        project.sql("silver.sales", SILVER)
        project.write(
            "use_cases/shop/contracts/bronze.sales.yaml",
            """
            spec_version: 1
            table: shop.bronze.sales
            columns:
              - {name: id, type: bigint}
              - {name: sold_at, type: timestamp}
              - {name: shop, type: string}
              - {name: amount, type: double}
            """,
        )
        self.deliver(DELIVERED)

    def deliver(self, text: str) -> None:
        self.project.write(f"landing/sales/{MONTH}.csv", text)

    def build(self, table: str = SALES, window: str = MONTH) -> TableBuilt:
        built = self.project.build(table, window)
        routes = built.valid + built.quarantined + built.dropped + built.discarded
        assert built.rows_in == routes
        return built

    def held(self) -> dict[str, tuple[str, ...]]:
        """The ids in quarantine with their reasons."""
        listed = self.project.listed()
        return {row.row_id: row.reasons for row in listed if row.first_seen is not None}

    def row(self, reason: str) -> str:
        """The id of the only row in quarantine for a reason."""
        (row,) = (row for row, reasons in self.held().items() if reason in reasons)
        return row

    def first_row(self, reason: str) -> str:
        """The id of the only row that was in quarantine for a reason at first."""
        (row,) = (row for row, reasons in self.first.items() if reason in reasons)
        return row

    def ledger(self, table: str = SALES, window: str = MONTH) -> RowLedger:
        return read_rows(self.project.store, TableRef.parse(f"{USE_CASE}.{table}"), window)

    def statuses(self, table: str = SALES, window: str = MONTH) -> dict[str, RowStatus]:
        return {row: state.status for row, state in self.ledger(table, window).rows.items()}

    def amounts(self) -> list[tuple[object, ...]]:
        return self.project.rows(SALES, "id", "amount")


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path) -> Shop:
    return Shop(Project(spark, tmp_path))


@pytest.fixture(scope="module")
def delivered(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A month of which six rows are in quarantine; the tests of the file go on with it."""
    shop = Shop(Project(spark, tmp_path_factory.mktemp("shop")))
    built = shop.build()
    assert (built.rows_in, built.valid, built.quarantined) == (7, 1, 6)
    shop.first = shop.held()
    return shop


def test_what_does_not_fit_is_refused_with_its_place_and_nothing_is_recorded(
    delivered: Shop,
) -> None:
    shop = delivered
    row, other = shop.first_row("amount_sane"), shop.first_row("event_time_inside_window")
    refusals: list[tuple[Callable[[], object], str]] = [
        (
            lambda: shop.project.decide(Action.FIX, Change(row, {"amuont": "1"})),
            rf"2013-01 row {row}: the contract has no column 'amuont'.*did you mean amount",
        ),
        (
            lambda: shop.project.decide(
                Action.FIX, Change(other, {"amount": "1"}), Change(row, {"amount": "x"})
            ),
            "no value for column 'amount' of type double; expected a number, found 'x'",
        ),
        (lambda: shop.project.decide(Action.DISCARD, Change(row), why=" "), "for a reason"),
        (lambda: shop.project.decide(Action.FIX, Change("0000")), "no column is to be corrected"),
        (lambda: shop.project.decide(Action.DISCARD, Change("zzzz")), "no row of this id"),
        (lambda: shop.project.decide(Action.DISCARD, Change("a")), "this is no row id"),
        (lambda: shop.project.decide(Action.DISCARD, Change(row), Change(row)), "named twice"),
    ]
    for refused, message in refusals:
        with pytest.raises(CorrectionRefused, match=message):
            refused()
    # Plain Python says of each row what Spark said, but for rules that look at other rows.
    table = shop.project.table(SALES)
    assert table.contract is not None
    for listed in shop.project.listed():
        said = preview(
            table,
            table.contract,
            payload=listed.payload,
            columns={},
            window=MONTH,
            as_of=as_of_slice(table, MONTH),
        )
        assert said.failing == tuple(one for one in listed.reasons if one != "key_unique")
    # Asking what the rules would say changes nothing either.
    (asked,) = shop.project.decide(Action.FIX, Change(row[:6], {"amount": "2e3"}), dry_run=True)
    assert asked.columns == {"amount": "2000.0"}
    assert asked.expected is not None
    assert (asked.expected.failing, asked.expected.untried) == (("amount_sane",), ("key_unique",))
    assert shop.ledger().rows == {}


def test_rows_are_fixed_discarded_and_published_exactly_once(delivered: Shop) -> None:
    shop = delivered
    assert sorted(shop.first.values()) == [
        ("amount_sane",),
        ("event_time_inside_window",),
        ("key_unique",),
        ("key_unique",),
        ("unreadable",),
        ("unreadable",),
    ]
    too_much, late = shop.first_row("amount_sane"), shop.first_row("event_time_inside_window")
    copies = sorted(row for row, reasons in shop.first.items() if reasons == ("key_unique",))
    assert copies[1] == f"{copies[0]}-2"
    unreadable = {row for row, reasons in shop.first.items() if reasons == ("unreadable",)}
    halves = shop.project.decide(
        Action.FIX, *(Change(row, {"id": "4", "amount": "8"}) for row in unreadable), dry_run=True
    )
    payloads = {one.found.row.payload: one for one in halves}
    # Half of a malformed record is not enough to read it.
    half = payloads.pop(MALFORMED.strip())
    line = half.found.row.row_id
    assert half.expected is not None
    assert half.expected.unreadable == ("sold_at", "shop")
    (number,) = unreadable - {line}

    shop.project.decide(Action.FIX, Change(too_much, {"amount": "500.5"}), why="a comma too far")
    shop.project.decide(Action.FIX, Change(number, {"amount": "7"}), Change(line, {"amount": "8"}))
    shop.project.decide(
        Action.DISCARD, Change(copies[1]), Change(late), why="delivered twice, too late"
    )
    built = shop.build()
    assert (built.rows_in, built.valid, built.quarantined, built.discarded) == (7, 4, 1, 2)
    assert shop.amounts() == [(1, 500.5), (2, 7.0), (3, 7.0), (6, 300.0)]
    assert shop.held() == {line: ("unreadable",)}
    assert shop.statuses() == {
        too_much: RowStatus.RELEASED,
        number: RowStatus.RELEASED,
        line: RowStatus.OPEN,
        copies[0]: RowStatus.RELEASED,
        copies[1]: RowStatus.DISCARDED,
        late: RowStatus.DISCARDED,
    }
    counts = slice_counts(shop.project.store, TableRef.parse(f"{USE_CASE}.{SALES}"), MONTH)
    assert counts is not None
    assert (counts.discarded, counts.statuses[RowStatus.OPEN]) == (2, 1)
    listed = {row.row_id: row for row in shop.project.listed()}
    assert {row: one.status for row, one in listed.items()} == shop.statuses()
    assert (listed[line].attempts, listed[line].columns) == (2, {"amount": "8.0"})
    first, last = listed[line].first_seen, listed[line].last_seen
    assert first is not None
    assert last is not None
    assert first < last
    assert listed[late].payload.startswith('{"id":5,"sold_at":"2013-02-09T00:00:00.000000Z"')


def test_decisions_stand_when_records_are_delivered_again_and_end_with_them(
    delivered: Shop,
) -> None:
    shop = delivered
    line = next(row for row, status in shop.statuses().items() if status is RowStatus.OPEN)
    too_much = shop.first_row("amount_sane")
    late = shop.first_row("event_time_inside_window")
    shop.project.decide(
        Action.FIX, Change(line, {"id": "4", "sold_at": "2013-01-08 00:00", "shop": "south"})
    )
    # Another file of the same records and a new one, without the late one.
    shop.deliver(HEAD + GOOD.replace("6,", "7,") + TOO_MUCH + NO_NUMBER + MALFORMED + TWICE)
    again = shop.build()
    assert (again.rows_in, again.valid, again.quarantined, again.discarded) == (6, 5, 0, 1)
    assert shop.amounts() == [(1, 500.5), (2, 7.0), (3, 7.0), (4, 8.0), (7, 300.0)]
    assert shop.statuses()[line] is RowStatus.RELEASED
    assert shop.statuses()[late] is RowStatus.GONE
    # Its instant kept all its digits on the way.
    (moment,) = {row[1] for row in shop.project.rows(SALES, "id", "sold_at") if row[0] == 1}
    assert str(moment).endswith("10:00:00.123456")
    # The record itself was corrected at its source: the correction has nothing left to do.
    shop.deliver(HEAD + TOO_MUCH.replace("5000.5", "50.5") + GOOD)
    assert shop.build().valid == 2
    assert shop.amounts() == [(1, 50.5), (6, 300.0)]
    assert set(shop.statuses().values()) == {RowStatus.GONE}
    history = shop.ledger().rows[too_much].history
    assert [entry.what for entry in history] == ["fixed: amount = 500.5", "released", "gone"]
    first = history[0]
    assert (first.who, first.why, first.run_id) == ("kim", "a comma too far", "decision")


def test_changed_rules_release_rows_and_a_withdrawn_correction_brings_them_back(
    shop: Shop,
) -> None:
    shop.deliver(HEAD + TOO_MUCH + TOO_MUCH.replace("1,", "8,", 1) + GOOD)
    shop.build()
    row, other = (one.row_id for one in sorted(shop.project.listed(), key=lambda one: one.payload))
    # A corrected row that a rule drops is told as such.
    shop.project.decide(Action.FIX, Change(row, {"amount": "5", "shop": "closed"}))
    assert shop.build().dropped == 1
    assert shop.statuses() == {row: RowStatus.DROPPED}
    shop.project.decide(Action.REOPEN, Change(row))
    assert shop.statuses() == {row: RowStatus.OPEN}
    shop.project.declare(TABLES.replace("between 0 and 1000", "between 0 and 9000"))
    shop.build()
    assert shop.amounts() == [(1, 5000.5), (6, 300.0), (8, 5000.5)]
    assert shop.statuses() == {row: RowStatus.RELEASED, other: RowStatus.RELEASED}
    assert [entry.what for entry in shop.ledger().rows[other].history] == ["released"]
    with pytest.raises(TransitionRefused, match=r"'discard' is not allowed .* is released"):
        shop.ledger().check(other, Action.DISCARD)
    shop.project.declare(TABLES)
    shop.build()
    assert shop.statuses() == {row: RowStatus.OPEN, other: RowStatus.OPEN}
    assert shop.held() == {row: ("amount_sane",), other: ("amount_sane",)}
    assert shop.amounts() == [(6, 300.0)]
    # A correction that its contract has outgrown stops the build before anything is written.
    shop.project.decide(Action.FIX, Change(row, {"amount": "1.5"}))
    contract = shop.project.root / "use_cases/shop/contracts/bronze.sales.yaml"
    contract.write_text(contract.read_text().replace("type: double", "type: bigint"))
    with pytest.raises(CorrectionRefused, match=r"of type bigint.*found '1\.5'"):
        shop.build()


def test_a_derived_row_is_fixed_where_it_fails_and_a_static_one_too(shop: Shop) -> None:
    shop.deliver(HEAD + GOOD)
    shop.build()
    shop.build("silver.sales")
    row = shop.row("doubled_small")
    shop.project.decide(Action.FIX, Change(row, {"doubled": "60"}))
    built = shop.build("silver.sales")
    assert (built.valid, built.quarantined) == (1, 0)
    assert shop.project.rows("silver.sales", "id", "doubled") == [(6, 60.0)]
    assert shop.statuses("silver.sales") == {row: RowStatus.RELEASED}

    # Two copies of a record are told apart by their place in the file.
    shop.project.write("landing/shops.csv", "shop,city\nnorth,Oslo\nsouth,\nsouth,\n")
    shop.build("bronze.shops", STATIC)
    rows = {
        row.payload[8]: row.row_id for row in shop.project.listed() if row.first_seen is not None
    }
    shop.project.decide(Action.DISCARD, Change(rows["2"]), why="closed")
    # The unchanged table is not written again, and still its quarantine counts.
    assert not shop.build("bronze.shops", STATIC).written
    assert shop.statuses("bronze.shops", STATIC) == {rows["2"]: RowStatus.DISCARDED}
    assert shop.held() == {rows["3"]: ("city_named",)}
    with pytest.raises(CorrectionRefused, match="no column 'line'"):
        shop.project.decide(Action.FIX, Change(rows["3"], {"line": "4"}))
    shop.project.decide(Action.FIX, Change(rows["3"], {"city": "Rome"}))
    assert shop.build("bronze.shops", STATIC).written
    assert shop.project.rows("bronze.shops") == [(1, "north", "Oslo"), (3, "south", "Rome")]
