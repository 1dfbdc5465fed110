"""Mistakes in tables that have a source, and in the connections of an environment."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlops_dagster.spec.connections import PostgresConnection
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster_tests.spec.worlds import DEV, PROJECT, USE_CASE, changed, messages, write_project

CONNECTIONS = """\
connections:
  crm: {kind: postgresql, address_variable: CRM_DATABASE}
  lake: {kind: delta, path: lake}
  unity: {kind: catalog, catalog: main}
"""
ARRIVALS = '  bronze.arrivals: {files: "arrivals/{window}.csv"}\n'
PLACE = f"{USE_CASE}:9: tables.bronze.arrivals"


def with_source(source: str, connections: str = CONNECTIONS) -> Mapping[str, str]:
    table = f"  bronze.arrivals: {{source: {source}}}\n"
    return {DEV: PROJECT[DEV] + connections, **changed(USE_CASE, ARRIVALS, table)}


def test_a_source_with_a_time_has_windows_and_one_without_is_whole(tmp_path: Path) -> None:
    arrivals = TableRef.parse("deliveries.bronze.arrivals")
    write_project(
        tmp_path, with_source("{connection: crm, table: sales.arrivals, window_by: arrived_at}")
    )
    workspace = load_workspace(tmp_path, "dev")
    table = workspace.table(arrivals)
    assert (table.kind, table.windowed, table.is_derived) == ("source", True, False)
    assert str(table.spec.source) == "crm:sales.arrivals"
    crm = workspace.environment.connections["crm"]
    assert isinstance(crm, PostgresConnection)
    write_project(tmp_path, with_source("{asset: deliveries.gold.costs, window_by: window}"))
    assert load_workspace(tmp_path, "dev").table(arrivals).windowed


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "{connection: cmr, table: sales.arrivals, window_by: at}",
            (
                ".source.connection: expected one of the connections of environments/dev.yaml, "
                "found 'cmr' (did you mean 'crm'?)"
            ),
        ),
        (
            "{table: sales.arrivals, window_by: at}",
            ".source: expected either a connection with a table, or an asset, found neither",
        ),
        (
            "{connection: crm, table: s.a, asset: deliveries.gold.costs, window_by: at}",
            (
                ".source: expected either a connection with a table, or an asset, "
                "found a connection and an asset"
            ),
        ),
        (
            "{connection: crm, window_by: at}",
            ".source: expected 'schema.table' as table beside a connection, found none",
        ),
        (
            "{asset: deliveries.gold.costs, table: s.a, window_by: window}",
            ".source: expected no table beside an asset, found 's.a'",
        ),
        (
            "{asset: deliveries.gold.costs, window_by: at}",
            (
                ".source.window_by: expected 'window': an asset has the windows that its "
                "partitions are, found 'at'"
            ),
        ),
        (
            "{connection: crm, table: s.a, window_by: window}",
            (
                ".source.window_by: expected a column of time of the table behind the connection, "
                "found 'window'"
            ),
        ),
        (
            "{connection: crm, table: s.a, window_by: at, columns: [id, id, at]}",
            ".source.columns[1]: the column 'id' stands twice",
        ),
        (
            "{connection: crm, table: s.a, window_by: at, columns: [id]}",
            ".source.window_by: expected one of the columns that are read, found 'at'",
        ),
        (
            "{asset: deliveries.silver.orders, window_by: window}",
            (
                ".source.asset: expected an asset of your own, found the table "
                "deliveries.silver.orders, which is declared. Read it by `inputs:` in SQL or a hook"
            ),
        ),
        (
            "{connection: crm, table: arrivals, window_by: at}",
            ".source.table: expected a schema and a table such as 'sales.orders', found 'arrivals'",
        ),
        (
            "{connection: crm, table: ../x.y, window_by: at}",
            ".source.table: expected a schema and a table such as 'sales.orders', found '../x.y'",
        ),
        (
            "{connection: crm, table: s.a, window_by: at}, inputs: {orders: bronze.orders}",
            ".inputs: a table of a source reads no other tables",
        ),
        (
            '{connection: crm, table: s.a, window_by: at}, files: "arrivals/{window}.csv"',
            (
                ": expected exactly one source of its rows: files, source, hook, keep or the SQL "
                "file bronze/arrivals.sql, found files and source"
            ),
        ),
    ],
)
def test_a_source_that_means_nothing_is_told(tmp_path: Path, source: str, message: str) -> None:
    write_project(tmp_path, with_source(source))
    assert messages(tmp_path) == [PLACE + message]


def test_an_environment_without_connections_is_told_to_add_them(tmp_path: Path) -> None:
    source = "{connection: crm, table: sales.arrivals, window_by: at}"
    write_project(tmp_path, with_source(source, connections=""))
    (message,) = messages(tmp_path)
    assert message.endswith("found 'crm'. Add `connections:` to environments/dev.yaml")


def test_an_environment_needs_no_connections_of_use_cases_that_it_leaves_out(
    tmp_path: Path,
) -> None:
    source = "{connection: crm, table: sales.arrivals, window_by: at}"
    write_project(tmp_path, with_source(source, connections="use_cases: [stock]\n"))
    assert messages(tmp_path) == []


def test_the_time_of_a_source_is_a_time_of_its_contract(tmp_path: Path) -> None:
    contract = """\
spec_version: 1
table: deliveries.bronze.arrivals
columns:
  - {name: arrived_at, type: string}
"""
    source = "{connection: crm, table: sales.arrivals, window_by: arrived_at}"
    path = "use_cases/deliveries/contracts/bronze.arrivals.yaml"
    write_project(tmp_path, {**with_source(source), path: contract})
    assert messages(tmp_path) == [
        f"{PLACE}.source.window_by: expected a column of type timestamp or date, found string"
    ]
    other = source.replace("arrived_at", "arived_at")
    write_project(tmp_path, {**with_source(other), path: contract})
    assert messages(tmp_path) == [
        (
            f"{PLACE}.source.window_by: expected a column of deliveries.bronze.arrivals, "
            "found 'arived_at' (did you mean 'arrived_at'?)"
        )
    ]


def test_a_table_of_project_yaml_has_a_source_without_windows(tmp_path: Path) -> None:
    shared = "  suppliers: {source: {connection: crm, table: s.a, window_by: at}}\n"
    lines = changed(
        "project.yaml", "  suppliers: {files: suppliers.csv, key: [supplier]}\n", shared
    )
    write_project(tmp_path, {DEV: PROJECT[DEV] + CONNECTIONS, **lines})
    assert messages(tmp_path) == [
        (
            "project.yaml:5: tables.suppliers.source.window_by: window_by has no meaning: "
            "project.yaml declares no windows"
        )
    ]


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        (
            "{kind: postgres, address_variable: CRM}",
            (
                "connections.crm.kind: expected one of 'delta', 'catalog', 'postgresql', "
                "found 'postgres' (did you mean 'postgresql'?)"
            ),
        ),
        (
            "{kind: postgresql, password: secret}",
            (
                "connections.crm.password: expected one of the keys kind, address_variable, "
                "limit_rows, found 'password'"
            ),
        ),
        (
            "{kind: postgresql, address_variable: postgresql://a:b@c/d}",
            (
                "connections.crm.address_variable: expected the name of an environment variable "
                "such as 'SPARK_REMOTE', found 'postgresql://***'"
            ),
        ),
        (
            "{kind: delta, path: 's3://user:pass@bucket/x'}",
            (
                "connections.crm.path: an address must hold no password; give it to Spark, by its "
                "settings or an identity"
            ),
        ),
        (
            "{kind: catalog, catalog: main.x}",
            (
                "connections.crm.catalog: expected the name of a catalog such as 'main', "
                "found 'main.x'"
            ),
        ),
    ],
)
def test_a_connection_holds_no_secret_and_has_a_kind(
    tmp_path: Path, connection: str, message: str
) -> None:
    write_project(tmp_path, {DEV: f"{PROJECT[DEV]}connections:\n  crm: {connection}\n"})
    assert f"{DEV}:7: {message}" in messages(tmp_path)
