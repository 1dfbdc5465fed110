"""Tables that read what something else keeps in Delta: pinned, counted, by window."""

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.contracts import known_contract
from mlops_dagster.data.delta_source import within
from mlops_dagster.data.window_bounds import bounds_of
from mlops_dagster.errors import ContractViolation, SourceError
from mlops_dagster.spec.contract import Contract, ContractColumn, write_contract
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.tables.publish import publish_frame
from mlops_dagster.tables.slices import Slice
from mlops_dagster_tests.data.worlds import Project

pytestmark = pytest.mark.long

CONNECTIONS = "{lake: {kind: delta, path: lake}, named: {kind: catalog, catalog: spark_catalog}}"
SCHEMA = "id bigint, `odd name` string, at timestamp, seen timestamp_ntz, day date"
ROWS = """
    (1, 'a', timestamp'2013-01-01T00:00:00Z', timestamp_ntz'2013-01-01', date'2013-01-01'),
    (2, null, timestamp'2013-01-31T23:30:00Z', timestamp_ntz'2013-02-01 00:30', date'2013-02-01'),
    (3, 'c', timestamp'2013-02-01T00:00:00Z', timestamp_ntz'2013-02-01 01:00', date'2013-02-01'),
    (4, 'd', null, null, null)
"""


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Project:
    """A project in Berlin, and a table that a stranger keeps beside it."""
    project = Project(
        spark,
        tmp_path,
        windows="{every: month, first: 2013-01, last: 2013-12, time_zone: Europe/Berlin}",
        connections=CONNECTIONS,
    )
    keep(project, rows(spark))
    return project


def rows(session: SparkSession) -> DataFrame:
    frame = session.sql(f"SELECT * FROM VALUES {ROWS} AS t(id, n, at, seen, day)")
    return frame.select("id", frame.n.alias("odd name"), "at", "seen", "day").to(
        session.createDataFrame([], SCHEMA).schema
    )


def keep(project: Project, frame: DataFrame, mode: str = "overwrite") -> None:
    path = str(project.root / "lake/sales/Orders of all")
    frame.write.format("delta").option("delta.columnMapping.mode", "name").mode(mode).save(path)


def declare(project: Project, more: str) -> None:
    source = f'{{connection: lake, table: "sales.Orders of all"{more}}}'
    project.declare(f"bronze.orders: {{source: {source}}}")


def test_a_delta_table_is_read_whole_with_its_types(lake: Project) -> None:
    declare(lake, "")
    built = lake.build("bronze.orders")
    assert (built.rows_in, built.valid, built.without_time) == (4, 4, 0)
    contract = known_contract(lake.table("bronze.orders"))
    assert contract is not None
    assert ", ".join(f"{n} {t}" for n, t in contract.types.items()) == SCHEMA.replace("`", "")
    (read,) = built.published.inputs
    assert (read.ref, read.delta_version) == ("lake:sales.Orders of all", 0)


def test_a_window_takes_the_rows_whose_time_lies_in_it(lake: Project) -> None:
    declare(lake, ", window_by: seen, columns: [id, seen]")
    frame, calendar = rows(lake.session), lake.workspace().use_cases["shop"].calendar
    assert calendar is not None
    counts = {}
    for column, kind in (("at", "timestamp"), ("seen", "timestamp_ntz"), ("day", "date")):
        for window in ("2013-01", "2013-02", "2013-03"):
            bounds = bounds_of(calendar, window, column=column, found=kind, agreed=kind, where="t")
            ids = F.collect_list(F.when(within(F.col(column), bounds), F.col("id")))
            counts[column, window] = F.sort_array(ids)
    (found,) = frame.agg(
        F.map_from_arrays(
            F.array(*(F.lit("/".join(name)) for name in counts)), F.array(*counts.values())
        )
    ).collect()
    expected = {"2013-01": [1], "2013-02": [2, 3], "2013-03": []}
    assert found[0] == {"/".join(name): expected[name[1]] for name in counts}
    built = lake.build("bronze.orders", "2013-02")
    assert (built.rows_in, built.valid, built.without_time) == (2, 2, 1)
    assert lake.rows("bronze.orders", "id", "window") == [(2, "2013-02"), (3, "2013-02")]


def test_rows_that_come_while_it_is_read_wait_for_the_next_run(
    lake: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(lake, "")
    from mlops_dagster.data import build

    def write_more(*arguments: object) -> None:
        keep(lake, rows(lake.session).where("id = 1"), mode="append")

    monkeypatch.setattr(build, "_check_records", write_more)
    assert lake.build("bronze.orders").valid == 4
    monkeypatch.undo()
    assert lake.build("bronze.orders").valid == 5


def test_a_column_that_the_contract_lacks_refuses_the_batch(lake: Project) -> None:
    declare(lake, "")
    columns = [ContractColumn(name="id", type="bigint")]
    contract = Contract(spec_version=1, table="shop.bronze.orders", columns=columns)
    write_contract(lake.root / "use_cases/shop/contracts/bronze.orders.yaml", contract)
    with pytest.raises(ContractViolation, match=r"Orders of all: 4 differences .*'seen'"):
        lake.build("bronze.orders")
    declare(lake, ", columns: [id]")
    assert lake.build("bronze.orders").valid == 4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "{connection: lake, table: sales.nothing}",
            "there is no such Delta table, found .*nothing",
        ),
        (
            '{connection: lake, table: "sales.Orders of all", columns: [ids]}',
            r"no such column, found 'ids' \(did you mean id\?\)",
        ),
        (
            '{connection: lake, table: "sales.Orders of all", window_by: att}',
            r"no such column, found 'att' \(did you mean at\?\)",
        ),
        (
            "{asset: shop.gold.costs}",
            "shop.gold.costs: not published yet. Run shop.gold.costs first",
        ),
    ],
)
def test_what_is_not_there_is_told(lake: Project, source: str, message: str) -> None:
    lake.declare(f"bronze.orders: {{source: {source}}}")
    window = "2013-01" if "window_by" in source else "static"
    with pytest.raises(SourceError, match=message):
        lake.build("bronze.orders", window)


@pytest.fixture
def named(serverless_spark: SparkSession, tmp_path: Path) -> Iterator[Project]:
    """A project without paths, and a stranger's tables in the catalog."""
    serverless_spark.sql("CREATE SCHEMA IF NOT EXISTS spark_catalog.t8_sales")
    yield Project(
        serverless_spark,
        tmp_path,
        tables='{kind: catalog, catalog: spark_catalog, schema: "t8_{use_case}_{layer}"}',
        connections=CONNECTIONS,
    )
    for schema in ("sales", "shop_bronze"):
        serverless_spark.sql(f"DROP SCHEMA IF EXISTS spark_catalog.t8_{schema} CASCADE")


def test_a_table_of_a_catalog_is_read_by_name_where_paths_are_refused(named: Project) -> None:
    frame = rows(named.session).select("id", "at")
    frame.write.format("delta").saveAsTable("spark_catalog.t8_sales.orders")
    source = "{connection: named, table: t8_sales.orders, window_by: at}"
    named.declare(f"bronze.orders: {{source: {source}, key: [id], event_time: at}}")
    built = named.build("bronze.orders", "2013-01")
    assert (built.rows_in, built.valid, built.without_time) == (2, 2, 1)
    named.session.sql("CREATE VIEW spark_catalog.t8_sales.seen AS SELECT 1 AS id")
    named.declare("bronze.orders: {source: {connection: named, table: t8_sales.seen}}")
    with pytest.raises(SourceError, match=r"no versions, .* expected a Delta table"):
        named.build("bronze.orders")


def test_a_table_that_an_own_asset_published_is_read_by_its_windows(project: Project) -> None:
    for window, amount in (("2013-01", 1.0), ("2013-02", 2.0)):
        publish_frame(
            project.session,
            frame=project.session.sql(f"SELECT {amount}D AS amount"),
            target=Slice(TableRef("shop", "gold", "costs"), window),
            as_of=datetime(2013, 3, 1, tzinfo=timezone.utc),
            store=project.store,
            locations=project.locations,
            run_id="own",
            code_version="undeclared",
        )
    project.declare(
        "bronze.costs: {source: {asset: shop.gold.costs, window_by: window}}\n"
        "silver.all_costs: {source: {asset: shop.gold.costs}}"
    )
    assert project.build("bronze.costs", "2013-02").valid == 1
    assert project.rows("bronze.costs") == [(2.0, "2013-02")]
    with pytest.raises(SourceError, match=r"shop.gold.costs: not published for 2013-03"):
        project.build("bronze.costs", "2013-03")
    assert project.build("silver.all_costs").valid == 2
