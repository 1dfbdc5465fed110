import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.data.build import TableBuilt
from mlops_dagster.data.events import BatchJudged
from mlops_dagster.data.verdict import RefusedBatch
from mlops_dagster.errors import (
    ContractViolation,
    ExpressionError,
    HookError,
    SourceError,
    SupersededWrite,
)
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import published
from mlops_dagster_tests.data.worlds import USE_CASE, Project

SALES = TableRef("shop", "bronze", "sales")
TABLES = """
bronze.sales:
  files: "sales/{window}.csv"
  nulls: [NA]
  key: [id]
  event_time: sold_at
  rules:
    - amount > 0
    - {rule: shop is not null, on_fail: record, severity: warning}
    - {rule: amount < 1000, on_fail: drop}
    - row_count between 1 and 5
"""
JANUARY = """
id,sold_at,shop,amount
1,2013-01-05T10:00:00Z,north,10.5
2,2013-01-06 11:00,NA,20
3,2013-01-31T23:30:00-01:00,north,5
4,2013-01-07T00:00:00Z,south,-1
5,2013-01-08T00:00:00Z,south,5000
6,2013-01-09T00:00:00Z,south,7
6,2013-01-09T00:00:00Z,south,8
,2013-01-10T00:00:00Z,south,9
"""


def counts(built: TableBuilt) -> tuple[int, int, int, int]:
    return built.rows_in, built.valid, built.quarantined, built.dropped


def results(built: TableBuilt) -> dict[str, tuple[str, int | None]]:
    return {r.name: (r.status, r.failed_rows) for r in built.rule_results}


def test_rows_in_are_valid_quarantined_or_dropped_each_with_its_reason(project: Project) -> None:
    project.declare(TABLES)
    project.write("landing/sales/2013-01.csv", JANUARY)
    built = project.build("bronze.sales", "2013-01")
    assert counts(built) == (8, 2, 5, 1)
    assert project.rows("bronze.sales", "id", "shop", "amount", "window") == [
        (1, "north", 10.5, "2013-01"),
        (2, None, 20.0, "2013-01"),
    ]
    reasons = {
        (re.search(r'"amount":"?(-?[\d.]+)', str(row[3])) or [""])[1]: row[2]
        for row in project.quarantine()
    }
    names = [r.name for r in built.rule_results]
    positive = next(name for name in names if "amount" in name)
    assert reasons == {
        "5.0": ["event_time_inside_window"],
        "-1.0": [positive],
        "7.0": ["key_unique"],
        "8.0": ["key_unique"],
        "9.0": ["key_not_null"],
    }
    found = results(built)
    assert found["readable"] == ("passed", 0)
    assert found["event_time_inside_window"] == ("failed", 1)
    assert found["key_not_null"] == ("failed", 1)
    assert found["key_unique"] == ("failed", 2)


def test_the_second_run_writes_the_same_digest_and_replaces_the_quarantine(
    project: Project,
) -> None:
    project.declare(TABLES)
    project.write("landing/sales/2013-01.csv", JANUARY)
    first = project.build("bronze.sales", "2013-01")
    before = project.quarantine()
    again = project.build("bronze.sales", "2013-01")
    assert again.published.digest == first.published.digest
    assert project.quarantine() == before
    assert project.stored_quarantine() == 5
    project.write("landing/sales/2013-01.csv", "id,sold_at,shop,amount\n1,2013-01-05,a,1\n")
    repaired = project.build("bronze.sales", "2013-01")
    assert counts(repaired) == (1, 1, 0, 0)
    assert project.stored_quarantine() == 0


def test_a_refused_batch_leaves_the_previous_version_and_carries_every_result(
    project: Project,
) -> None:
    project.declare(TABLES)
    project.write("landing/sales/2013-01.csv", JANUARY)
    project.build("bronze.sales", "2013-01")
    before = project.rows("bronze.sales")
    lines = "".join(f"{n},2013-01-05T10:00:00Z,north,{n}\n" for n in range(1, 8))
    project.write("landing/sales/2013-01.csv", f"id,sold_at,shop,amount\n{lines}")
    with pytest.raises(RefusedBatch, match="row_count between 1 and 5' is false for 7 valid") as e:
        project.build("bronze.sales", "2013-01")
    assert len(e.value.rule_results) == 9
    assert [r.about for r in e.value.rule_results if r.refuses] == ["data_set"]
    assert project.rows("bronze.sales") == before
    assert len(project.quarantine()) == 5
    judged = project.store.last("batch/shop.bronze.sales/2013-01", BatchJudged.kind)
    assert judged is not None
    assert isinstance(judged.event, BatchJudged)
    assert judged.event.refused


def test_a_first_batch_without_valid_rows_is_judged_as_an_empty_data_set(project: Project) -> None:
    project.declare(TABLES)
    project.write("landing/sales/2013-01.csv", "id,sold_at,shop,amount\n1,2013-02-05,a,1.5\n")
    with pytest.raises(RefusedBatch, match="is false for 0 valid rows"):
        project.build("bronze.sales", "2013-01")
    assert published(project.store, SALES, "2013-01") is None


def test_an_unchanged_static_table_is_not_written_again(project: Project) -> None:
    project.declare("bronze.shops: {files: shops.csv, key: [shop]}")
    project.write("landing/shops.csv", "shop,city\nnorth,Oslo\nsouth,Rome\n")
    first = project.build("bronze.shops")
    project.write("landing/shops.csv", "city,shop\nRome,south\nOslo,north\n")
    again = project.build("bronze.shops")
    project.write("landing/shops.csv", "shop,city\nnorth,Oslo\n")
    changed = project.build("bronze.shops")
    assert [b.written for b in (first, again, changed)] == [True, False, True]
    assert again.published == first.published
    assert project.rows("bronze.shops") == [("north", "Oslo")]


def test_two_runs_on_one_slice_at_once_leave_one_published_batch(project: Project) -> None:
    project.declare(TABLES)
    project.write("landing/sales/2013-01.csv", JANUARY)

    def run(_: int) -> bool:
        try:
            project.build("bronze.sales", "2013-01")
        except SupersededWrite:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(run, range(2)))
    assert any(won)
    assert len(project.rows("bronze.sales")) == 2
    assert len(project.quarantine()) == 5


def test_a_rule_that_cannot_be_computed_refuses_with_its_reason(project: Project) -> None:
    project.declare("bronze.shops: {files: shops.csv, rules: [citty is not null]}")
    project.write("landing/shops.csv", "shop,city\nnorth,Oslo\n")
    with pytest.raises(RefusedBatch, match="cannot be computed: unknown column citty") as error:
        project.build("bronze.shops")
    assert [r.status for r in error.value.rule_results] == ["passed", "passed", "error"]


def test_rules_see_unknown_when_and_limits_as_declared(project: Project) -> None:
    project.declare(
        """
        bronze.shops:
          files: shops.csv
          rules:
            - {rule: size > 1, name: big, unknown: pass}
            - {rule: size > 1, name: big_or_unknown, on_fail: record}
            - {rule: size > 1, name: big_in_oslo, when: city = 'Oslo', on_fail: record}
            - {rule: size > 3, name: tolerated, on_fail: record, warn_if: "> 50 %"}
            - {rule: size > 9, name: watched, on_fail: record, fail_if: "> 80 %"}
            - {rule: mean(size) > 2, name: on_average}
            - {rule: distinct_count(city) = 2, name: cities, on_fail: record}
        """
    )
    project.write("landing/shops.csv", "city,size\nOslo,1\nRome,3\nRome,\nOslo,4\nBonn,10\n")
    built = project.build("bronze.shops")
    assert results(built) == {
        "readable": ("passed", 0),
        "lines_end": ("passed", None),
        "big": ("failed", 1),
        "big_or_unknown": ("failed", 2),
        "big_in_oslo": ("failed", 1),
        "tolerated": ("failed", 3),
        "watched": ("failed", 4),
        "on_average": ("passed", None),
        "cities": ("failed", None),
    }
    assert counts(built) == (5, 4, 1, 0)


def test_derived_tables_read_pinned_windows_and_write_their_contract_once(
    project: Project,
) -> None:
    project.declare(
        """
        bronze.sales: {files: "sales/{window}.csv"}
        bronze.shops: {files: shops.csv}
        silver.sales:
          inputs: {sales: bronze.sales, shops: bronze.shops}
          key: [id]
          event_time: sold_at
        """
    )
    project.sql(
        "silver.sales",
        """
        -- Sales with the city of their shop.
        select sales.id, sales.sold_at, shops.city
        from sales left join shops on shops.shop = sales.shop
        """,
    )
    project.write("landing/shops.csv", "shop,city\na,Oslo\n")
    for window in ("2013-01", "2013-02"):
        text = f"id,sold_at,shop\n1,{window}-05T00:00:00Z,a\n2,{window}-06T00:00:00Z,b\n"
        project.write(f"landing/sales/{window}.csv", text)
        project.build("bronze.sales", window)
    with pytest.raises(SourceError, match=r"Run shop\.bronze\.shops first"):
        project.build("silver.sales", "2013-01")
    project.build("bronze.shops")
    with pytest.raises(SourceError, match=r"Run shop\.bronze\.sales for 2013-03 first"):
        project.build("silver.sales", "2013-03")
    built = project.build("silver.sales", "2013-02")
    assert built.contract_written
    assert built.contract.types == {"id": "bigint", "sold_at": "timestamp", "city": "string"}
    assert dict(built.lineage)["city"] == (("shops", "city"),)
    assert [v.ref for v in built.published.inputs] == ["shop.bronze.sales", "shop.bronze.shops"]
    assert dict(built.published.inputs[0].windows).keys() == {"2013-02"}
    again = project.build("silver.sales", "2013-01")
    assert not again.contract_written
    assert project.rows("silver.sales", "id", "city", "window") == [
        (1, "Oslo", "2013-01"),
        (1, "Oslo", "2013-02"),
        (2, None, "2013-01"),
        (2, None, "2013-02"),
    ]


def test_a_derived_table_that_leaves_its_contract_is_refused_with_all_differences(
    project: Project,
) -> None:
    project.declare(
        """
        bronze.shops: {files: shops.csv}
        silver.shops: {hook: shops, inputs: {shops: bronze.shops}}
        """
    )
    hooks = """
        from pyspark.sql import DataFrame

        from mlops_dagster.hooks import transform


        @transform
        def shops(shops: DataFrame) -> DataFrame:
            return shops.selectExpr(%s)
        """
    project.write("landing/shops.csv", "shop,city\na,Oslo\n")
    project.write("use_cases/shop/hooks.py", hooks % "'shop', 'city', '1 as size'")
    project.build("bronze.shops")
    project.build("silver.shops")
    changed = "'shop', 'city as citi', '1.5D as size', '2 as extra'"
    project.write("use_cases/shop/hooks.py", hooks % changed)
    with pytest.raises(ContractViolation) as error:
        project.build("silver.shops")
    for difference in (
        "4 differences from the contract of shop.silver.shops",
        "'city' is missing (renamed to 'citi'?)",
        "'size' should be int, is double",
        "'citi' is not in the contract",
        "'extra' is not in the contract",
    ):
        assert difference in str(error.value)


def test_columns_in_another_order_are_put_into_the_contracts(project: Project) -> None:
    project.declare("bronze.a: {files: a.csv}\nsilver.b: {inputs: {a: bronze.a}}")
    project.write("landing/a.csv", "x,y\n1,2\n")
    project.sql("silver.b", "select x, y from a")
    project.build("bronze.a")
    first = project.build("silver.b")
    project.sql("silver.b", "select y, x from a")
    again = project.build("silver.b")
    assert again.published.digest == first.published.digest
    assert not again.written


def test_a_look_back_reads_exactly_its_time_and_publishes_its_own_window(project: Project) -> None:
    project.declare(
        """
        bronze.sales: {files: "sales/{window}.csv", event_time: sold_at}
        features.days:
          inputs: {sales: {table: bronze.sales, back: 2 days}}
          key: [id]
          event_time: sold_at
        features.before:
          inputs: {sales: {table: bronze.sales, back: 1 window, until: start}}
          event_time: sold_at
        """
    )
    project.sql("features.days", "select id, sold_at, count(*) over () as seen from sales")
    project.sql(
        "features.before",
        "select id, sold_at + interval 3 days as sold_at from sales",
    )
    january = "id,sold_at\n1,2013-01-29\n2,2013-01-30T00:00:00Z\n3,2013-01-31T12:00:00Z\n"
    january = january.replace("1,2013-01-29\n", "1,2013-01-29T23:59:59Z\n")
    project.write("landing/sales/2013-01.csv", january)
    project.write("landing/sales/2013-02.csv", "id,sold_at\n4,2013-02-01T00:00:00Z\n")
    project.build("bronze.sales", "2013-01")
    project.build("bronze.sales", "2013-02")
    built = project.build("features.days", "2013-02")
    assert counts(built) == (1, 1, 0, 0)
    assert project.rows("features.days", "id", "seen") == [(4, 3)]
    # Nothing lies before the first window: no rows, but columns.
    assert counts(project.build("features.before", "2013-01")) == (0, 0, 0, 0)
    assert counts(project.build("features.before", "2013-02")) == (3, 3, 0, 0)


def test_a_forecast_before_any_other_table_has_the_columns_that_the_landing_folder_suggests(
    project: Project,
) -> None:
    project.declare(
        """
        bronze.sales: {files: "sales/{window}.jsonl"}
        silver.sales: {inputs: {sales: bronze.sales}, event_time: sold_at}
        features.before:
          inputs: {sales: {table: silver.sales, back: 1 window, until: start}}
          event_time: sold_at
        """
    )
    project.sql("silver.sales", "select id, sold_at, price * 2 as price from sales")
    project.sql(
        "features.before", "select id, sold_at + interval 31 days as sold_at, price from sales"
    )
    # The first month has no rows at all: its file is empty.
    project.write("landing/sales/2013-01.jsonl", "")
    project.write(
        "landing/sales/2013-02.jsonl", '{"id": 1, "sold_at": "2013-02-03", "price": 2.5}\n'
    )
    built = project.build("features.before", "2013-01")
    assert counts(built) == (0, 0, 0, 0)
    assert built.contract.types == {"id": "bigint", "sold_at": "date", "price": "double"}
    assert counts(project.build("bronze.sales", "2013-01")) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            "key: [idd], event_time: at",
            r"\.key: there is no such column; expected one of id, at, price, found idd",
        ),
        ("key: [id], event_time: att", r"\.event_time: .*found att \(did you mean at\?\)"),
        ("event_time: at, known_at: seen", r"\.known_at: there is no such column"),
        (
            "event_time: price",
            r"use_case\.yaml:5: shop\.bronze\.a\.event_time: column price is no time",
        ),
    ],
)
def test_a_key_or_time_that_the_files_lack_is_told_by_its_place(
    project: Project, declared: str, message: str
) -> None:
    project.declare(f'bronze.a: {{files: "a/{{window}}.csv", {declared}}}')
    project.write("landing/a/2013-01.csv", "id,at,price\n1,2013-01-02,3\n")
    with pytest.raises(ContractViolation, match=message):
        project.build("bronze.a", "2013-01")
    assert not (project.root / "use_cases" / USE_CASE / "contracts").exists()


def test_the_clock_on_the_wall_is_meant_where_the_contract_says_so(project: Project) -> None:
    project.windows = "{every: month, first: 2013-01, time_zone: America/New_York}"
    project.declare('bronze.sales: {files: "sales/{window}.csv", event_time: sold_at}')
    project.write(
        f"use_cases/{USE_CASE}/contracts/bronze.sales.yaml",
        f"""
        spec_version: 1
        table: {USE_CASE}.bronze.sales
        columns:
          - {{name: id, type: bigint}}
          - {{name: sold_at, type: timestamp_ntz}}
        """,
    )
    january = "id,sold_at\n1,2013-01-01 00:00:00\n2,2013-01-31 23:30:00\n3,2013-02-01 00:00:00\n"
    project.write("landing/sales/2013-01.csv", january)
    built = project.build("bronze.sales", "2013-01")
    assert results(built)["event_time_inside_window"] == ("failed", 1)
    assert [row[0] for row in project.rows("bronze.sales", "id")] == [1, 2]


def test_rows_outside_the_window_are_quarantined_where_a_table_does_not_look_back(
    project: Project,
) -> None:
    project.declare(
        """
        bronze.sales: {files: "sales/{window}.csv"}
        silver.sales: {inputs: {sales: bronze.sales}, event_time: sold_at}
        """
    )
    project.sql("silver.sales", "select sales.* from sales")
    text = "id,sold_at\n1,2013-01-31T23:59:59.999999Z\n2,2013-02-01T00:00:00Z\n3,\n"
    project.write("landing/sales/2013-01.csv", text)
    project.build("bronze.sales", "2013-01")
    assert counts(project.build("silver.sales", "2013-01")) == (3, 1, 2, 0)
    assert [row[2] for row in project.quarantine()] == [["event_time_inside_window"]] * 2


def test_windows_follow_the_time_zone_and_dates_are_local_days(
    spark: SparkSession, tmp_path: Path
) -> None:
    windows = "{every: day, first: 2013-03-30, time_zone: Europe/Berlin}"
    project = Project(spark, tmp_path, windows=windows)
    project.declare(
        """
        bronze.instants: {files: "i/{window}.csv", event_time: at}
        bronze.days: {files: "d/{window}.csv", event_time: day}
        """
    )
    # The day on which clocks go forward: 23 hours, from 23:00 UTC to 22:00 UTC.
    text = "id,at\n1,2013-03-30T22:59:59Z\n2,2013-03-30T23:00:00Z\n3,2013-03-31T21:59:59Z\n"
    project.write("landing/i/2013-03-31.csv", text + "4,2013-03-31T22:00:00Z\n")
    project.write("landing/d/2013-03-31.csv", "id,day\n1,2013-03-30\n2,2013-03-31\n3,2013-04-01\n")
    project.build("bronze.instants", "2013-03-31")
    project.build("bronze.days", "2013-03-31")
    assert project.rows("bronze.instants", "id") == [(2,), (3,)]
    assert project.rows("bronze.days", "id") == [(2,)]


def test_what_became_known_after_as_of_is_quarantined(project: Project) -> None:
    project.declare(
        'bronze.readings: {files: "r/{window}.csv", event_time: day, known_at: read_at}'
    )
    text = "day,read_at\n2013-01-30,2013-02-01T00:00:00Z\n2013-01-31,2013-02-01T00:00:01Z\n"
    project.write("landing/r/2013-01.csv", text + "2013-01-31,\n")
    built = project.build("bronze.readings", "2013-01")
    assert results(built)["known_at_not_after_as_of"] == ("failed", 2)
    assert counts(built) == (3, 1, 2, 0)


def test_a_hook_builds_a_table_from_frames_by_parameter_name(project: Project) -> None:
    project.declare(
        """
        bronze.shops: {files: shops.csv}
        silver.sizes: {hook: sizes, inputs: {shops: bronze.shops}}
        silver.broken: {hook: broken, inputs: {shops: bronze.shops}}
        """
    )
    project.write("landing/shops.csv", "shop,size\na,1\nb,2\n")
    project.write(
        "use_cases/shop/hooks.py",
        '''
        from pyspark.sql import DataFrame
        from pyspark.sql import functions as F

        from mlops_dagster.hooks import transform


        @transform
        def sizes(shops: DataFrame) -> DataFrame:
            """Sizes doubled."""
            return shops.select("shop", (F.col("size") * 2).alias("size"))


        @transform
        def broken(shops: DataFrame) -> DataFrame:
            """Reads a column that is not there."""
            return shops.select("nothing")
        ''',
    )
    project.build("bronze.shops")
    assert counts(project.build("silver.sizes")) == (2, 2, 0, 0)
    assert project.rows("silver.sizes") == [("a", 2), ("b", 4)]
    with pytest.raises(HookError, match="'broken' failed: AnalysisException"):
        project.build("silver.broken")


def test_sql_that_spark_refuses_is_told_with_its_table(project: Project) -> None:
    project.declare("bronze.a: {files: a.csv}\nsilver.b: {inputs: {a: bronze.a}}")
    project.write("landing/a.csv", "x\n1\n")
    project.sql("silver.b", "select a.nothing from a")
    project.build("bronze.a")
    with pytest.raises(ExpressionError, match=r"silver\.b.*UNRESOLVED_COLUMN"):
        project.build("silver.b")
    views = [view.name for view in project.session.catalog.listTables()]
    assert not [name for name in views if name.startswith("mlops_a_")]


def test_a_catalog_is_read_and_written_by_name_and_landing_files_are_uploaded(
    serverless_spark: SparkSession, tmp_path: Path
) -> None:
    tables = '{kind: catalog, catalog: spark_catalog, schema: "t2_{use_case}_{layer}"}'
    project = Project(serverless_spark, tmp_path, tables=tables)
    project.declare(
        TABLES
        + """
silver.sales:
  inputs: {sales: {table: bronze.sales, back: 1 window}}
  key: [id]
  event_time: sold_at
bronze.shops: {files: shops.csv}
"""
    )
    project.sql("silver.sales", "select id, sold_at, amount * 2 as doubled from sales")
    project.write("landing/sales/2013-01.csv", JANUARY)
    project.write("landing/shops.csv", "shop,city\na,Oslo\n")
    try:
        assert counts(project.build("bronze.sales", "2013-01")) == (8, 2, 5, 1)
        assert len(project.quarantine()) == 5
        assert counts(project.build("silver.sales", "2013-01")) == (2, 2, 0, 0)
        assert project.build("bronze.shops").written
        assert not project.build("bronze.shops").written
        assert project.rows("silver.sales", "id", "doubled") == [(1, 21.0), (2, 40.0)]
    finally:
        for layer in ("bronze", "silver", "monitoring"):
            serverless_spark.sql(f"DROP SCHEMA IF EXISTS spark_catalog.t2_shop_{layer} CASCADE")


def test_a_batch_is_judged_at_the_as_of_it_is_given(project: Project) -> None:
    project.declare('bronze.r: {files: "r/{window}.csv", event_time: t, known_at: k}')
    project.write("landing/r/2013-01.csv", "t,k\n2013-01-30,2013-02-10T00:00:00Z\n")
    late = project.build("bronze.r", "2013-01", as_of=datetime(2013, 3, 1, tzinfo=timezone.utc))
    assert counts(late) == (1, 1, 0, 0)


def test_a_folder_that_spark_wrote_as_parquet_is_a_table(project: Project) -> None:
    project.declare("bronze.rows: {files: rows/, rules: [id >= 0]}")
    made = project.session.range(-1, 3, numPartitions=2).selectExpr(
        "id", "timestamp_seconds(1704067200 + id) AS at", "cast(id AS decimal(9, 2)) AS price"
    )
    made.write.parquet(str(project.root / "landing" / "rows"))
    built = project.build("bronze.rows")
    assert (built.rows_in, built.valid, built.quarantined) == (4, 3, 1)
    assert built.contract.types == {"id": "bigint", "at": "timestamp", "price": "decimal(9,2)"}
    assert [row[0] for row in project.rows("bronze.rows", "id")] == [0, 1, 2]
    assert project.rows("bronze.rows", "at") == sorted(
        (tuple(row) for row in made.where("id >= 0").select("at").collect()), key=repr
    )


def test_of_forecasts_one_time_may_be_told_again_but_not_twice_at_once(project: Project) -> None:
    project.declare(
        "bronze.outlook: {files: 'outlook/{window}.csv', key: [place], event_time: hour,"
        " known_at: issued_at, valid_for: 1 hour, forecast: true}"
    )
    rows = "x,2013-01-05 12:00,2013-01-04 {}:00,{}\n"
    told = "".join(rows.format(*one) for one in (("06", 1), ("12", 2), ("12", 3)))
    project.write("landing/outlook/2013-01.csv", f"place,hour,issued_at,rain\n{told}")
    built = project.build("bronze.outlook", "2013-01")
    assert counts(built) == (3, 1, 2, 0)
    assert {tuple(row[2]) for row in project.quarantine()} == {("key_unique",)}  # type: ignore[arg-type]
