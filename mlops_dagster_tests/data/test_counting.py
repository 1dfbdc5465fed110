"""A batch counted by its own write, against the same batch counted before it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data import build, counting
from mlops_dagster.data.batch import Batch, batch_of
from mlops_dagster.data.build import TableBuilt
from mlops_dagster.data.contracts import contract_of
from mlops_dagster.data.counting import CountedWrite, Measured, is_counted_by_its_write
from mlops_dagster.data.decisions import Change
from mlops_dagster.data.delivery import ROW_ID, Delivery
from mlops_dagster.data.learn import learnt
from mlops_dagster.data.quarantine import read_quarantine, replace_quarantine
from mlops_dagster.data.row_ledger import Action
from mlops_dagster.errors import DeltaConflict, NotDeterministic
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import published
from mlops_dagster.tables import fenced
from mlops_dagster.tables.commits import Commit, replace_slice
from mlops_dagster.tables.tally import Tally
from mlops_dagster_tests.data.worlds import Project

SALES = TableRef("shop", "silver", "sales")
BRONZE = """
bronze.raw:
  files: "raw/{window}.csv"
  event_time: day
"""
TABLE = """
silver.{name}:
  inputs: {{raw: bronze.raw}}
  key: [id]
  event_time: day
  rules:
{rules}"""
RULES = """\
    - {rule: amount >= 0, name: positive}
    - {rule: amount < 50, name: small, on_fail: drop}
    - {rule: amount != 3, name: not_three, on_fail: record, warn_if: "> 90 %"}
    - {rule: shop is not null, when: amount > 5, name: named, on_fail: record}
    - {rule: mean(amount) between 1 and 2, name: usual, on_fail: record}
    - {rule: "quantile(amount, 0.5) > 0 and stddev(amount) < 100", name: middle, on_fail: record}
    - {rule: max(shop) = 'west', name: last_shop, on_fail: record}
    - {rule: approx_distinct_count(shop) > 1, name: shops, on_fail: record}
    - distribution: {column: shop, expected: {north: 0.5, west: 0.5}, at_most: 0.1}
      on_fail: record
    - {fails_as_usual: {rule: positive}, on_fail: record, name: as_usual}
"""
DAYS_TABLE = """
silver.days:
  inputs: {raw: bronze.raw}
  key: [shop]
  event_time: day
  rules: [{rule: rows > 0, on_fail: record}]
"""
AS_OF = datetime(2013, 3, 1, tzinfo=timezone.utc)
DAYS = """
id,day,shop,amount
1,2013-01-05,north,1
2,2013-01-06,NA,3
3,2013-01-07,,7.5
4,2013-01-08,west,-1
5,2013-01-09,west,NaN
6,2013-01-10,west,70
7,2013-01-11,west,0.25
7,2013-01-11,west,
,2013-01-12,north,2
9,2013-01-13,north,2
"""


NAMES = ("again", "sales", "untold", "doubled", "late")


@pytest.fixture(scope="module")
def sales(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Tables of the same rows and rules, which nothing refuses, with their input built."""
    project = Project(spark, tmp_path_factory.mktemp("sales"))
    declare(project)
    project.write("landing/raw/2013-01.csv", DAYS)
    project.build("bronze.raw", "2013-01")
    return project


@pytest.fixture(scope="module")
def measured(sales: Project) -> TableBuilt:
    """The table `again`, counted by a query before it was written."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(build, "is_counted_by_its_write", lambda batch, answered: False)
        return sales.build("silver.again", "2013-01")


def declare(project: Project, first_rule: str = "") -> None:
    rules = f"    - {first_rule}\n{RULES}" if first_rule else RULES
    tables = [TABLE.format(name=name, rules=rules) for name in NAMES]
    project.declare("".join((BRONZE, *tables, DAYS_TABLE)))
    project.sql("silver.days", "SELECT shop, day, count(*) AS rows FROM raw GROUP BY shop, day\n")
    for name in NAMES:
        project.sql(f"silver.{name}", "SELECT * FROM raw\n")


def told(built: TableBuilt) -> TableBuilt:
    """Return what was built, without what differs between two commits of the same rows."""
    published = built.published.model_copy(
        update={"token": "", "batch": "", "delta_version": 0, "bytes": 0}
    )
    contract = built.contract.model_copy(update={"table": ""})
    return replace(built, published=published, contract=contract)


def content(project: Project, name: str) -> tuple[list[tuple[object, ...]], ...]:
    rows = project.rows(f"silver.{name}", "id", "day", "shop", "amount")
    quarantine = [row[2:] for row in project.quarantine() if row[0] == f"shop.silver.{name}"]
    return rows, sorted(quarantine, key=repr)


def refuse(batch: Batch) -> Measured:
    raise AssertionError(f"{batch.table.ref} was measured by a query of its own")


def test_a_batch_that_nothing_refuses_is_counted_by_its_write_as_it_is_by_a_query(
    sales: Project, measured: TableBuilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "measure_batch", refuse)
    written = sales.build("silver.sales", "2013-01")
    assert told(written) == told(measured)
    assert content(sales, "sales") == content(sales, "again")
    assert (written.rows_in, written.valid, written.quarantined, written.dropped) == (10, 4, 4, 2)
    failed = {result.name: result.failed_rows for result in written.rule_results}
    assert (failed["positive"], failed["small"], failed["not_three"]) == (2, 3, 2)


@pytest.mark.parametrize("answer", ["untold", "doubled"])
def test_what_a_write_tells_is_not_believed_where_its_rows_are_not_those_of_the_commit(
    sales: Project, measured: TableBuilt, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    found_by, asked = Tally.found, []

    def found(self: Tally) -> Mapping[str, object] | None:
        values = found_by(self)
        if answer == "untold" or values is None:
            return None
        return {name: 2 * v if isinstance(v, int) else v for name, v in values.items()}

    def query(batch: Batch) -> Measured:
        asked.append(batch.table.ref.name)
        return counting.measure_batch(batch)

    monkeypatch.setattr(Tally, "found", found)
    monkeypatch.setattr(build, "measure_batch", query)
    assert told(sales.build(f"silver.{answer}", "2013-01")) == told(measured)
    assert asked == [answer]


def test_a_write_that_lost_against_another_window_is_counted_once(
    sales: Project, measured: TableBuilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = iter([True, True])

    def lost(*args: object, **kwargs: object) -> None:
        if next(attempts, False):
            # As far as a write comes that finds another commit before its own.
            frame = kwargs["frame"]
            assert isinstance(frame, DataFrame)
            frame.collect()
            raise DeltaConflict("another writer was first", where="here")
        replace_slice(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(fenced, "replace_slice", lost)
    monkeypatch.setattr(build, "measure_batch", refuse)
    assert told(sales.build("silver.late", "2013-01")) == told(measured)


MEASURED_FIRST = (
    "{rule: id < 9999, unknown: pass, on_fail: stop}",
    "{rule: id < 9999, on_fail: record, fail_if: '> 90 %'}",
    "{rule: row_count > 0, on_fail: stop}",
    "{rule: distinct_count(shop) > 0, on_fail: record}",
    "{rule: max(day) > date '2000-01-01', on_fail: record}",
)


def test_a_batch_that_a_count_may_refuse_or_that_needs_a_query_is_measured_first(
    spark: SparkSession, tmp_path: Path
) -> None:
    project = Project(spark, tmp_path)
    rows = spark.createDataFrame([], "id bigint, day date, shop string, amount double")

    def decided(rule: str) -> bool:
        declare(project, rule)
        return is_counted_by_its_write(batch_of_rows(project, rows), answered=())

    assert decided("{rule: id < 9999, on_fail: record}")
    assert [rule for rule in MEASURED_FIRST if decided(rule)] == []
    declare(project)
    batch = batch_of_rows(project, rows)
    assert is_counted_by_its_write(batch, answered=())
    for delivery in (
        replace(batch.delivery, records=0),
        replace(batch.delivery, frame=rows.withColumn(ROW_ID, F.lit("a"))),
    ):
        assert not is_counted_by_its_write(replace(batch, delivery=delivery), answered=())
    assert not is_counted_by_its_write(replace(batch, errors={"small": "why"}), answered=())


def batch_of_rows(project: Project, rows: DataFrame) -> Batch:
    return batch_of(
        project.table("silver.sales"),
        window="2013-01",
        as_of=AS_OF,
        delivery=Delivery(rows, contract_of(SALES, dict(rows.dtypes)), contract_is_new=False),
    )


def test_rows_that_are_others_the_second_time_are_taken_back(
    sales: Project, measured: TableBuilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = TableRef("shop", "silver", "again")
    rows = sales.rows("silver.again")

    def differs(*args: object, **kwargs: object) -> Commit | None:
        return replace_quarantine(*args, **{**kwargs, "rows": 1})  # type: ignore[arg-type]

    monkeypatch.setattr(build, "is_counted_by_its_write", lambda batch, answered: True)
    with monkeypatch.context() as patched:
        frame = CountedWrite.frame
        patched.setattr(CountedWrite, "frame", lambda self: frame(self).where(F.col("id") == 1))
        with pytest.raises(NotDeterministic, match="expected 4 rows, found 1"):
            sales.build("silver.again", "2013-01")
    assert sales.rows("silver.again") == rows
    monkeypatch.setattr(build, "replace_quarantine", differs)
    with pytest.raises(NotDeterministic, match="expected 1 rows for the quarantine, found 4"):
        sales.build("silver.again", "2013-01")
    assert sales.rows("silver.again") == rows
    shown = published(sales.store, again, "2013-01")
    assert shown is not None
    assert shown.token == measured.published.token


def test_a_counted_write_scans_once_and_shuffles_nothing(
    sales: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = batch_of_rows(sales, sales.frame("bronze.raw").drop("window"))
    CountedWrite(learnt(sales.session, batch)).frame().explain("simple")
    plan = capsys.readouterr().out
    assert plan.count("FileScan") == 1
    assert plan.count("CollectMetrics") == 2
    # The bad key is sent along; no row moves to another task.
    assert plan.count("Exchange") == plan.count("BroadcastExchange") == 1


def test_a_key_that_the_sql_groups_by_costs_no_query(
    sales: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*args: object) -> None:
        raise AssertionError("keys were looked for")

    with monkeypatch.context() as patched:
        patched.setattr("mlops_dagster.data.keys._fetched", looked)
        built = sales.build("silver.days", "2013-01")
        again = sales.build("silver.days", "2013-01")
    results = {result.name: (result.status, result.failed_rows) for result in built.rule_results}
    assert results["key_unique"] == ("passed", 0)
    assert results["key_not_null"] == ("failed", 1)
    assert (built.valid, built.quarantined) == (8, 1)
    assert told(again) == replace(told(built), contract_written=False)
    # A row that is corrected may become like another one.
    days = TableRef("shop", "silver", "days")
    (held,) = read_quarantine(
        sales.session, "shop", tables=[days], store=sales.store, locations=sales.locations
    ).collect()
    sales.decide(Action.FIX, Change(held["row_id"], {"shop": "west"}), why="")
    monkeypatch.setattr("mlops_dagster.data.keys._fetched", looked)
    with pytest.raises(AssertionError, match="keys were looked for"):
        sales.build("silver.days", "2013-01")
