import gzip
import io
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from mlops_dagster.data.delivery import IS_UNREADABLE, RAW
from mlops_dagster.data.typed import TypeGuess, typed_rows
from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.errors import ContractViolation, SourceError
from mlops_dagster.spec.contract import Contract, ContractColumn, write_contract
from mlops_dagster_tests.data.worlds import Project

CATALOG = '{kind: catalog, catalog: spark_catalog, schema: "t3_{use_case}_{layer}"}'
CORRUPT = 'id,x,at\n1,a,2013-01-01\nbad,b,2013-01-02\n3\n4,"two\nlines",2013-13-01\n5,e,,f\n6,,\n'


@pytest.fixture(params=["paths", "catalog"])
def either(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path
) -> Iterator[Project]:
    """A project whose server reads landing files itself, and one to which they are uploaded."""
    if request.param == "paths":
        yield Project(spark, tmp_path)
        return
    serverless: SparkSession = request.getfixturevalue("serverless_spark")
    yield Project(serverless, tmp_path, tables=CATALOG)
    for layer in ("bronze", "monitoring"):
        serverless.sql(f"DROP SCHEMA IF EXISTS spark_catalog.t3_shop_{layer} CASCADE")


def promise(project: Project, name: str, **types: str) -> None:
    path = project.root / f"use_cases/shop/contracts/bronze.{name}.yaml"
    columns = [ContractColumn(name=column, type=kind) for column, kind in types.items()]
    write_contract(path, Contract(spec_version=1, table=f"shop.bronze.{name}", columns=columns))


def test_corrupt_records_go_to_quarantine_with_their_text(either: Project) -> None:
    promise(either, "a", id="bigint", x="string", at="date")
    either.declare("bronze.a: {files: a.csv, rules: [x is not null]}")
    either.write("landing/a.csv", CORRUPT)
    built = either.build("bronze.a")
    assert (built.rows_in, built.valid, built.quarantined) == (6, 1, 5)
    assert either.rows("bronze.a") == [(1, "a", date(2013, 1, 1))]
    unreadable = [row[3] for row in either.quarantine() if row[2] == ["unreadable"]]
    assert sorted(map(str, unreadable)) == [
        "3",
        "5,e,,f",
        '{"id":"4","x":"two\\nlines","at":"2013-13-01"}',
        '{"id":"bad","x":"b","at":"2013-01-02"}',
    ]


def test_the_same_records_give_the_same_digest_in_every_form(either: Project) -> None:
    promise(either, "a", **{"id": "bigint", "odd name": "string", "at": "timestamp", "v": "double"})
    rows = [("1", "a,b", "2013-01-01T00:00:00Z", "0.1"), ("2", 'q"é', "2013-07-01 02:00:00+02", "")]
    rows = [(i, x, at.replace("+02", "+02:00"), v) for i, x, at, v in rows]
    text = "id,odd name,at,v\n" + "".join(
        ",".join('"' + value.replace('"', '""') + '"' for value in row) + "\n" for row in rows
    )
    lines = (
        '{"id": 1, "odd name": "a,b", "at": "2013-01-01T00:00:00Z", "v": 0.1}\n'
        '{"v": null, "id": 2, "odd name": "q\\"é", "at": "2013-07-01T00:00:00"}\n'
    )
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "odd name": ["a,b", 'q"é'],
            "at": pd.to_datetime(["2013-01-01", "2013-07-01"]).astype("datetime64[us]"),
            "v": [0.1, None],
        }
    )
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    forms: dict[str, str | bytes] = {
        "a.csv": text,
        "a.csv.gz": gzip.compress(text.encode()),
        "a.jsonl": lines,
        "a.json": "[" + ",".join(lines.splitlines()) + "]",
        "a.parquet": parquet.getvalue(),
    }
    digests = {}
    for name, content in forms.items():
        either.declare(f"bronze.a: {{files: '{name}'}}")
        either.write(f"landing/{name}", content)
        digests[name] = either.build("bronze.a").published.digest
    assert len(set(digests.values())) == 1, digests
    assert either.rows("bronze.a") == [
        (1, "a,b", datetime(2013, 1, 1), 0.1),
        (2, 'q"é', datetime(2013, 7, 1), None),
    ]


def test_a_column_whose_type_changed_is_a_contract_violation(either: Project) -> None:
    promise(either, "a", id="bigint", x="double")
    either.declare("bronze.a: {files: a.csv}")
    lines = "".join(f"{n},x{n}\n" for n in range(10, 22))
    either.write("landing/a.csv", f"id,x\n{lines}")
    with pytest.raises(
        ContractViolation, match=r"'x' should be double, but none of 12 texts .*x10"
    ):
        either.build("bronze.a")


def test_a_renamed_column_is_a_contract_violation_for_each_form(project: Project) -> None:
    promise(project, "a", id="bigint", city="string")
    for name, content in {
        "a.csv": "id,citi\n1,x\n",
        "a.json": '{"id": 1, "citi": "x"}\n',
    }.items():
        project.declare(f"bronze.a: {{files: '{name}'}}")
        project.write(f"landing/{name}", content)
        with pytest.raises(ContractViolation, match=r"'city' is missing \(renamed to 'citi'\?\)"):
            project.build("bronze.a")


def test_the_first_run_writes_a_contract_that_later_months_fit(project: Project) -> None:
    project.declare('bronze.a: {files: "a/{window}.csv"}')
    project.write("landing/a/2013-01.csv", "id,v\n1,2\n")
    project.write("landing/a/2013-02.csv", "id,v\n2,2.5\n")
    first = project.build("bronze.a", "2013-01")
    assert first.contract_written
    assert first.contract.types == {"id": "bigint", "v": "double"}
    second = project.build("bronze.a", "2013-02")
    assert (second.contract_written, second.valid) == (False, 1)


def test_columns_may_come_in_another_order_in_each_file_of_a_batch(project: Project) -> None:
    project.declare("bronze.a: {files: parts}")
    project.write("landing/parts/1.csv", "id,v\n1,x\n")
    project.write("landing/parts/2.csv.gz", gzip.compress(b"v,id\ny,2\n"))
    project.build("bronze.a")
    assert project.rows("bronze.a") == [(1, "x"), (2, "y")]


def test_a_file_with_names_only_is_an_empty_batch(either: Project) -> None:
    promise(either, "a", id="bigint")
    for name, content in {"a.csv": "id\n", "a.jsonl": ""}.items():
        either.declare(f"bronze.a: {{files: '{name}'}}")
        either.write(f"landing/{name}", content)
        assert either.build("bronze.a").rows_in == 0


def test_landing_folders_may_have_names_that_look_like_patterns(project: Project) -> None:
    folder = project.root / "landing"
    odd = project.root / "land [1] {x}*"
    odd.mkdir()
    project.write(
        "environments/dev.yaml",
        (project.root / "environments/dev.yaml")
        .read_text()
        .replace("landing: landing", f"landing: '{odd.name}'"),
    )
    assert not folder.exists()
    (odd / "a.csv").write_text("id\n1\n")
    project.declare("bronze.a: {files: a.csv}")
    assert project.build("bronze.a").valid == 1


def test_a_not_null_column_of_the_contract_sends_nulls_to_quarantine(project: Project) -> None:
    path = project.root / "use_cases/shop/contracts/bronze.a.yaml"
    columns = [
        ContractColumn(name="id", type="bigint", nullable=False),
        ContractColumn(name="x", type="string"),
    ]
    write_contract(path, Contract(spec_version=1, table="shop.bronze.a", columns=columns))
    project.declare("bronze.a: {files: a.csv}")
    project.write("landing/a.csv", "id,x\n1,\n,b\n")
    built = project.build("bronze.a")
    assert (built.valid, built.quarantined) == (1, 1)
    assert [row[2] for row in project.quarantine()] == [["not_null_in_contract"]]


def test_a_missing_file_names_the_file(project: Project) -> None:
    project.declare('bronze.a: {files: "a/{window}.csv"}')
    with pytest.raises(SourceError, match=r"landing/a/2013-01\.csv: there is no such file"):
        project.build("bronze.a", "2013-01")


def test_types_are_read_as_declared(project: Project) -> None:
    types = {
        "t": "tinyint",
        "d": "decimal(6,2)",
        "f": "float",
        "n": "timestamp_ntz",
        "b": "boolean",
        "a": "array<bigint>",
    }
    promise(project, "a", **types)
    project.declare("bronze.a: {files: a.jsonl}")
    good = '{"t": 127, "d": 12.34, "f": 0.5, "n": "2013-01-01T05:00", "b": true, "a": [1, 2]}\n'
    bad = '{"t": 128, "d": 12.34, "f": 0.5, "n": "05:00", "b": 2, "a": [1]}\n'
    project.write("landing/a.jsonl", good + bad)
    built = project.build("bronze.a")
    assert (built.valid, built.quarantined) == (1, 1)
    expected = (127, Decimal("12.34"), 0.5, datetime(2013, 1, 1, 5), True, [1, 2])
    assert project.rows("bronze.a") == [expected]


texts = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(str),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(
        lambda at: at.isoformat(sep=" ") + "Z"
    ),
    st.sampled_from(["true", "FALSE", "007", "1e5", "-0", "+5", ".5", "5.", "1d", "05:00", "x"]),
)


@settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.lists(texts, min_size=1, max_size=4), min_size=5, max_size=30))
def test_every_text_whose_type_was_inferred_is_read(
    spark: SparkSession, columns: list[list[str]]
) -> None:
    types = {}
    for place, column in enumerate(columns):
        guess = TypeGuess()
        guess.see(column)
        types[f"c{place}"] = guess.type
    rows = [
        (*(column[n] if n < len(column) else None for column in columns), None) for n in range(4)
    ]
    schema = ", ".join(f"{name} string" for name in (*types, RAW))
    typed = typed_rows(spark.createDataFrame(rows, schema), types, nulls=[])
    read = rows_to_client(typed.select(IS_UNREADABLE, RAW), what="flags")
    assert not read[IS_UNREADABLE].any(), (types, columns, read[RAW].tolist())


def test_files_with_many_columns_are_read(project: Project) -> None:
    names = [f"c{n}" for n in range(200)]
    project.declare("bronze.a: {files: a.csv}")
    project.write("landing/a.csv", f"{','.join(names)}\n{','.join('1' * 200)}\n{',' * 199}\n")
    assert project.build("bronze.a").valid == 2


def test_a_batch_may_have_many_files(either: Project) -> None:
    promise(either, "a", id="bigint")
    either.declare("bronze.a: {files: parts}")
    for number in range(60):
        either.write(f"landing/parts/{number}.csv", f"id\n{number}\n")
    assert either.build("bronze.a").valid == 60


def test_records_are_numbered_in_the_order_of_their_files_in_every_form(either: Project) -> None:
    promise(either, "a", customer="bigint", x="string", v="bigint")
    text = "x,v\na,1\n\nb,2\nb,2\n"
    lines = '{"x": "a", "v": 1}\n{"x": "b", "v": 2}\n{"v": 2, "x": "b"}\n'
    parquet = io.BytesIO()
    pd.DataFrame({"x": ["a", "b", "b"], "v": [1, 2, 2]}).to_parquet(parquet, index=False)
    forms: dict[str, str | bytes] = {
        "a.csv": text,
        "a.csv.gz": gzip.compress(text.encode()),
        "a.jsonl": lines,
        "a.json": "[" + ",".join(lines.splitlines()) + "]",
        "a.parquet": parquet.getvalue(),
    }
    digests = set()
    for name, content in forms.items():
        either.declare(f"bronze.a: {{files: '{name}', row_number: customer, key: [customer]}}")
        either.write(f"landing/{name}", content)
        digests.add(either.build("bronze.a").published.digest)
        assert either.rows("bronze.a") == [(1, "a", 1), (2, "b", 2), (3, "b", 2)], name
    assert len(digests) == 1


def test_numbers_go_on_from_file_to_file_and_count_records_that_are_malformed(
    either: Project,
) -> None:
    either.declare("bronze.a: {files: parts, nulls: ['1'], row_number: place}")
    either.write("landing/parts/1.csv", "v\n10\nx,y\n")
    either.write("landing/parts/2.csv", "v\n30\n")
    built = either.build("bronze.a")
    assert built.contract.types == {"place": "bigint", "v": "bigint"}
    assert (built.valid, built.quarantined) == (2, 1)
    assert either.rows("bronze.a") == [(1, 10), (3, 30)]


def test_numbers_do_not_take_the_place_of_a_column(project: Project) -> None:
    project.declare("bronze.a: {files: a.csv, row_number: Id}")
    project.write("landing/a.csv", "id\n1\n")
    with pytest.raises(
        ContractViolation, match=r"the file has a column 'id' of its own; .* unlike 'Id'"
    ):
        project.build("bronze.a")


def test_instants_in_the_nanoseconds_of_pandas_are_read(
    spark: SparkSession, tmp_path: Path
) -> None:
    project = Project(spark, tmp_path)
    project.declare("bronze.a: {files: a.parquet, event_time: at}")
    at = pd.to_datetime(["2024-03-31T01:30:00+01:00", None]).tz_convert("Europe/Berlin")
    frame = pd.DataFrame({"id": [1, 2], "at": at.as_unit("ns")})
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    project.write("landing/a.parquet", parquet.getvalue())
    built = project.build("bronze.a")
    assert built.contract.types == {"id": "bigint", "at": "timestamp"}
    (found,) = project.frame("bronze.a").where("at = timestamp '2024-03-31T00:30:00Z'").collect()
    assert found["id"] == 1
