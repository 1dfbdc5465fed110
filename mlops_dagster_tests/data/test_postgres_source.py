"""Tables of a real PostgreSQL: types, nulls, zones, names, windows, and no word of its password."""

import logging
import traceback
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from pyspark.sql import SparkSession

from mlops_dagster.data.contracts import known_contract
from mlops_dagster.data.postgres_source import Fetched, PostgresTable, open_postgres
from mlops_dagster.data.window_bounds import bounds_of
from mlops_dagster.errors import (
    ContractViolation,
    MlopsDagsterError,
    SourceError,
    SourceUnavailable,
    TransferTooLarge,
)
from mlops_dagster.spec.connections import PostgresConnection
from mlops_dagster_tests.canaries.search import everything_below, places_of
from mlops_dagster_tests.data.worlds import Project
from mlops_dagster_tests.postgres import PASSWORD, USER

pytestmark = pytest.mark.long

VARIABLE = "MLOPS_DAGSTER_TEST_CRM"
CONNECTIONS = f"{{crm: {{kind: postgresql, address_variable: {VARIABLE}, limit_rows: 120000}}}}"
TABLES = """
CREATE SCHEMA sales;
CREATE TYPE sales.size AS ENUM ('small', 'large');
CREATE DOMAIN sales.code AS varchar(10);
CREATE TABLE sales."All ""types""; drop" (
  small smallint, id bigint PRIMARY KEY, n int, r real, d double precision, price numeric(12, 2),
  any_number numeric, yes boolean, t text, v sales.code, c char(3), e sales.size, u uuid,
  j jsonb, b bytea, day date, at timestamptz, seen timestamp, "odd [name]" text
);
INSERT INTO sales."All ""types""; drop" VALUES
  (1, 9007199254740993, 2147483647, 1.5, 'NaN', 12345.67, 0.000000000000000001, true, 'zażółć', 'v',
   'c', 'large', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, null]}', '\\x00ff',
   '2024-02-29', '2024-03-31 02:30:00+02', '2024-03-31 02:30:00.123456', E'x\\ny');
INSERT INTO sales."All ""types""; drop" (id) VALUES (2);
CREATE TABLE sales.orders (id bigint, at timestamptz, seen timestamp, day date);
INSERT INTO sales.orders VALUES
  (1, '2013-01-01 00:00:00+01', '2013-01-01 00:00', '2013-01-01'),
  (2, '2013-01-31 23:30:00+00', '2013-02-01 00:30', '2013-02-01'),
  (3, '2013-02-28 23:59:59.999999+01', '2013-02-28 23:59:59.999999', '2013-02-28'),
  (4, NULL, NULL, NULL);
CREATE VIEW sales.recent AS SELECT id FROM sales.orders WHERE id > 2;
CREATE TABLE sales.odd (id bigint, took interval);
CREATE TABLE sales.wide (n numeric);
INSERT INTO sales.wide VALUES ('NaN');
CREATE TABLE sales.many AS SELECT generate_series(1, 120001) AS id;
CREATE ROLE reader LOGIN PASSWORD 'other';
"""


@pytest.fixture(scope="module")
def crm(postgres_server: str) -> Iterator[str]:
    """Address of a database with the tables above."""
    driver = postgres_server.replace("postgresql://", "postgresql+psycopg://")
    server = sa.create_engine(f"{driver}/postgres", isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE crm")
    engine = sa.create_engine(f"{driver}/crm")
    with engine.begin() as connection:
        connection.connection.driver_connection.execute(TABLES)  # type: ignore[union-attr]
    engine.dispose()
    yield f"{postgres_server}/crm"
    with server.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE crm WITH (FORCE)")
        connection.exec_driver_sql("DROP ROLE reader")
    server.dispose()


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path, crm: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in Berlin that reads the database."""
    monkeypatch.setenv(VARIABLE, crm)
    return Project(
        spark,
        tmp_path,
        windows="{every: month, first: 2013-01, last: 2013-12, time_zone: Europe/Berlin}",
        connections=CONNECTIONS,
    )


def declare(project: Project, table: str, more: str = "", keys: str = "") -> None:
    source = f"{{connection: crm, table: '{table}'{more}}}"
    project.declare(f"bronze.orders: {{source: {source}{keys}}}")


def test_every_type_arrives_with_its_nulls(shop: Project) -> None:
    declare(shop, 'sales.All "types"; drop', keys=", key: [id]")
    built = shop.build("bronze.orders")
    assert (built.rows_in, built.valid) == (2, 2)
    contract = known_contract(shop.table("bronze.orders"))
    assert contract is not None
    assert list(contract.types.values()) == [
        *("smallint", "bigint", "int", "float", "double", "decimal(12,2)", "decimal(38,18)"),
        *("boolean", "string", "string", "string", "string", "string", "string", "binary"),
        *("date", "timestamp", "timestamp_ntz", "string"),
    ]
    frame = shop.frame("bronze.orders").selectExpr(
        *("small", "id", "n", "r", "isnan(d)", "price", "any_number", "yes", "t", "v", "c", "e"),
        *("u", "j", "hex(b)", "day", "cast(at AS string)", "seen", "`odd [name]`"),
    )
    full, empty = sorted(map(tuple, frame.collect()), key=lambda row: -row[1])
    assert full == (
        *(1, 9007199254740993, 2147483647, 1.5, True, Decimal("12345.67")),
        *(Decimal("0.000000000000000001"), True, "zażółć", "v", "c  ", "large"),
        *("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", '{"a": [1, null]}', "00FF", date(2024, 2, 29)),
        *("2024-03-31 00:30:00", datetime(2024, 3, 31, 2, 30, 0, 123456), "x\ny"),
    )
    assert [value for value in empty if value is not None] == [2, False] or empty[1] == 2
    assert not list((shop.root / ".mlops/dev/staged").iterdir())


@pytest.mark.parametrize("column", ["at", "seen", "day"])
def test_the_database_selects_the_rows_of_a_window(shop: Project, column: str) -> None:
    declare(shop, "sales.orders")
    calendar = shop.workspace().use_cases["shop"].calendar
    assert calendar is not None
    crm = shop.workspace().environment.connections["crm"]
    assert isinstance(crm, PostgresConnection)
    target = shop.root / "rows.parquet"
    for window, ids in (("2013-01", [1]), ("2013-02", [2, 3]), ("2013-03", [])):
        with open_postgres(crm, "sales.orders", where="t") as table:
            (kind,) = [one.spark for one in table.columns if one.name == column]
            bounds = bounds_of(calendar, window, column=column, found=kind, agreed=kind, where="t")
            fetched = table.fetch(target, bounds=bounds, limit_rows=10)
        assert fetched == Fetched(len(ids), without_time=1)
        assert sorted(pq.read_table(target)["id"].to_pylist()) == ids


def test_a_window_of_a_database_is_built_like_any_other(shop: Project) -> None:
    declare(shop, "sales.orders", ", window_by: seen", ", key: [id], event_time: seen")
    built = shop.build("bronze.orders", "2013-02")
    assert (built.rows_in, built.valid, built.without_time) == (2, 2, 1)
    assert shop.rows("bronze.orders", "id", "window") == [(2, "2013-02"), (3, "2013-02")]


def test_a_view_is_read_and_unchanged_rows_are_not_written_again(shop: Project) -> None:
    declare(shop, "sales.recent")
    assert shop.build("bronze.orders").written
    again = shop.build("bronze.orders")
    assert (again.written, again.valid) == (False, 2)


def test_rows_are_uploaded_where_the_server_sees_no_files(
    serverless_spark: SparkSession, tmp_path: Path, crm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, crm)
    schema = "t9_{use_case}_{layer}"
    tables = f'{{kind: catalog, catalog: spark_catalog, schema: "{schema}"}}'
    shop = Project(serverless_spark, tmp_path, tables=tables, connections=CONNECTIONS)
    declare(shop, "sales.orders", ", columns: [id, seen]")
    try:
        assert shop.build("bronze.orders").valid == 4
        assert (1, datetime(2013, 1, 1)) in shop.rows("bronze.orders")
    finally:
        serverless_spark.sql("DROP SCHEMA IF EXISTS spark_catalog.t9_shop_bronze CASCADE")


@pytest.mark.parametrize(
    ("table", "more", "error", "message"),
    [
        (
            "sales.order",
            "",
            SourceError,
            r"no such table; .* 'sales', found 'order' \(did you mean orders\?\)",
        ),
        ("sales.orders", ", columns: [idd]", SourceError, r"found 'idd' \(did you mean id\?\)"),
        ("sales.odd", "", SourceError, "column 'took' has a type that is not read, found INTERVAL"),
        ("sales.wide", "", SourceError, r"column 'n' has a value .* expected decimal\(38,18\)"),
        ("sales.many", "", TransferTooLarge, "at most 120,000 rows, found 120,001. .*`limit_rows`"),
        (
            "pg_catalog.pg_authid",
            ", columns: [rolname]",
            SourceError,
            "the database refuses to be read, found permission denied",
        ),
    ],
)
def test_what_cannot_be_read_is_told(
    shop: Project,
    table: str,
    more: str,
    error: type[Exception],
    message: str,
    crm: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "authid" in table:
        monkeypatch.setenv(VARIABLE, crm.replace(f"{USER}:{PASSWORD}", "reader:other"))
    declare(shop, table, more)
    with pytest.raises(error, match=message):
        shop.build("bronze.orders")


def test_a_column_more_in_the_database_refuses_the_batch(shop: Project) -> None:
    declare(shop, "sales.recent")
    shop.build("bronze.orders")
    declare(shop, "sales.orders")
    with pytest.raises(ContractViolation, match=r"3 differences from the contract .*'at'.*'day'"):
        shop.build("bronze.orders")


def test_rows_that_are_lost_on_the_way_refuse_the_batch(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(shop, "sales.orders")
    write = PostgresTable._write

    def lose_one(table: PostgresTable, target: Path, condition: sa.ColumnElement[bool]) -> int:
        return write(table, target, sa.and_(condition, sa.column("id") > 1))

    monkeypatch.setattr(PostgresTable, "_write", lose_one)
    with pytest.raises(
        SourceError, match="another number of rows than it counted; expected 4, found 3"
    ):
        shop.build("bronze.orders")


def test_no_failure_shows_the_password(
    shop: Project, crm: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "canary-crm-p@ss/31f0"
    quoted = secret.replace("@", "%40").replace("/", "%2F")
    server = crm.partition("@")[2]
    broken = {
        f"postgresql://{USER}:{quoted}@{server}": (SourceError, "authentication failed"),
        f"postgresql://{USER}:{quoted}@127.0.0.1:9/crm": (SourceUnavailable, "did not answer"),
        f"postgresql://{USER}:{secret}@{server}": (SourceError, "cannot be read"),
        f"postgresql://{USER}:{quoted}@{server}x": (SourceError, "authentication failed|exist"),
        f"mysql://{USER}:{quoted}@{server}": (SourceError, "starts with 'mysql://'"),
        f"{USER}:{quoted}@{server}": (SourceError, "an address of another form"),
        "": (SourceError, f"expected the variable {VARIABLE}"),
    }
    declare(shop, "sales.orders")
    told = []
    with caplog.at_level(logging.DEBUG):
        shop.build("bronze.orders")
        for address, (kind, message) in broken.items():
            monkeypatch.setenv(VARIABLE, address)
            with pytest.raises(kind, match=f"(?i){message}") as caught:
                shop.build("bronze.orders")
            assert isinstance(caught.value, MlopsDagsterError)
            told += traceback.format_exception(caught.value)
    secrets = {"right": PASSWORD, "wrong": secret, "quoted": quoted}
    said = "\n".join([*told, caplog.text]).encode()
    assert places_of(secrets, iter([("said", said)])) == set()
    assert places_of(secrets, everything_below(shop.root)) == set()
