"""Rules about keys and rows against statistics: Spark against plain Python, and their cost."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timezone
from functools import cmp_to_key
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data import keys
from mlops_dagster.data.batch import Batch, batch_of
from mlops_dagster.data.checks import flag, flagged
from mlops_dagster.data.contracts import contract_of
from mlops_dagster.data.counting import counted_rows, measure_batch
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.keys import bad_keys, key_groups
from mlops_dagster.data.learn import learnt
from mlops_dagster.rules import parse_relative, parse_rule
from mlops_dagster.rules.oracle import evaluate, evaluate_aggregates, evaluate_relative
from mlops_dagster.rules.values import as_value, order
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.rule_checks import (
    Grouped,
    Reference,
    Relative,
    Rising,
    SameRow,
    Unique,
)
from mlops_dagster.spec.rule_demands import Counterpart
from mlops_dagster.spec.tables import UnknownPolicy
from mlops_dagster.spec.workspace import ResolvedRule
from mlops_dagster_tests.data.worlds import Project

Row = Mapping[str, object]
SCHEMA = {"a": "bigint", "x": "double", "odd `na.me": "string", "d": "date"}
CITIES = {"id": "bigint", "name": "string", "x": "double"}
ODD = "odd `na.me"
AS_OF = datetime(2024, 2, 1, tzinfo=timezone.utc)
# ruff: noqa: E501 - a rule stands in one line.
RULES = """
silver.sales:
  inputs: {raw: bronze.raw, cities: bronze.cities}
  rules:
    - unique: a
    - {unique: a, unknown: pass, name: known_a}
    - {unique: x, unknown: pass}
    - unique: [d, odd `na.me, a]
    - {unique: a, when: x > 0, name: a_of_large}
    - distinct_rows: true
    - references: {odd `na.me: cities.name}
    - {references: {a: cities.id, odd `na.me: cities.name}, unknown: pass}
    - {references: {x: cities.x}, unknown: pass, on_fail: record}
    - {absent_from: {a: cities.id}, unknown: pass, on_fail: drop}
    - {references: {a: cities.id}, when: "`odd ``na.me` = 'a'", name: when_a}
    - {rule: row_count < 3, by: [odd `na.me], name: few}
    - {rule: mean(a) > 1, by: [odd `na.me, d], name: mean_by}
    - {rule: mean(a) > 1, by: [odd `na.me, d], unknown: pass, name: known_mean_by}
    - {rule: distinct_count(x) < 2 and min(d) is not null, by: a, name: distinct_by}
    - {rule: row_count < 2, by: d, when: a is not null, name: few_by_day}
    - {statistic: {of: median(a) + mode(a), at_least: 1.5, at_most: 5}, by: odd `na.me, unknown: pass, name: middle_by}
    - {outliers: {a: 1.1 sigma}, unknown: pass}
    - {outliers: {x: 0.5 iqr}}
    - {outliers: {a: 1.1 sigma}, when: x > 0, name: among_large}
    - {outliers: {a: 2 mad}, unknown: pass, name: far}
    - {rising: {a: d}, name: rises}
    - {rising: {a: d}, by: [odd `na.me], unknown: pass, name: rises_by}
    - {rising: {x: a}, when: d is not null, unknown: pass, name: rises_when}
    - {same_rows: {input: cities, key: {a: id}, columns: {odd `na.me: name}}, unknown: pass, name: same_city}
    - {same_rows: {input: cities, key: {a: id}, columns: {x: x}, within: 50 %}, name: near_city, on_fail: record}
    - a > 0
"""

ROW = st.fixed_dictionaries(
    {
        "a": st.sampled_from([None, 0, 1, 2, 3, 2**53 + 1, -7]),
        "x": st.sampled_from([None, 0.0, -0.0, 1.5, math.nan, math.inf, 2.25]),
        ODD: st.sampled_from([None, "", "a", "A", "日本", "a\n"]),
        "d": st.sampled_from([None, date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29)]),
    }
)
CITY = st.fixed_dictionaries(
    {
        "id": st.sampled_from([None, 1, 2, 2**53 + 1]),
        "name": st.sampled_from([None, "a", "日本", ""]),
        "x": st.sampled_from([None, 0.0, math.nan, 1.5]),
    }
)


def same(value: object) -> object:
    """Return a value that is equal exactly when Spark calls two values equal."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value + 0.0
    return value


def key(row: Row, columns: Sequence[str]) -> tuple[object, ...]:
    return tuple(same(row[name]) for name in columns)


def falls(row: Row, group: Sequence[Row], column: str, order: str) -> bool:
    """Return whether a row is below the largest value of the instant before it."""
    by_order = cmp_to_key(order_of)
    whole = [r for r in group if r[column] is not None and r[order] is not None]
    earlier = [r for r in whole if order_of(r[order], row[order]) < 0]
    if not earlier:
        return False
    before = max((r[order] for r in earlier), key=by_order)
    largest = max((r[column] for r in earlier if same(r[order]) == same(before)), key=by_order)
    return order_of(row[column], largest) < 0


def order_of(one: object, other: object) -> int:
    return order(as_value(one), as_value(other))


def agree(row: Row, city: Row, demand: Counterpart) -> bool:
    """Return whether a row of the input has the key of a row, and its values."""
    if key(row, list(demand.key)) != key(city, list(demand.key.values())):
        return False

    def near(one: object, other: object) -> bool:
        if same(one) == same(other):
            return True
        if not isinstance(one, float) or not isinstance(other, float):
            return False
        return demand.within.allows(one - other, other)

    return all(near(row[mine], city[theirs]) for mine, theirs in demand.columns.items())


def expected_failures(rule: ResolvedRule, rows: Sequence[Row], cities: Sequence[Row]) -> list[bool]:
    """Return for each row whether it fails a rule, by plain loops."""
    unknown = rule.spec.unknown is UnknownPolicy.FAIL
    chosen = [rule.when is None or evaluate(rule.when, row) is True for row in rows]
    some = [row for row, taken in zip(rows, chosen, strict=True) if taken]

    def fails(row: Row) -> bool:
        match rule.check:
            case Unique(columns=columns):
                columns = columns or tuple(SCHEMA)
                mine = key(row, columns)
                if rule.check.columns and None in mine:
                    return unknown
                return sum(key(other, columns) == mine for other in some) > 1
            case Reference(columns=columns, others=others, present=present):
                mine = key(row, columns)
                if None in mine:
                    return unknown
                return (mine in [key(city, others) for city in cities]) is not present
            case Grouped(expression=expression, by=by):
                group = [other for other in some if key(other, by) == key(row, by)]
                truth = evaluate_aggregates(expression, group)
                return unknown if truth is None else not truth
            case Rising(column=column, order=order, by=by):
                if row[column] is None or row[order] is None:
                    return unknown
                return falls(row, [r for r in some if key(r, by) == key(row, by)], column, order)
            case SameRow(demand):
                if None in key(row, list(demand.key)):
                    return unknown
                return not any(agree(row, city, demand) for city in cities)
        raise TypeError(rule.name)

    if isinstance(rule.check, Relative):
        answers = evaluate_relative(rule.check.expression, rows, where=rule.when)
        failing = [unknown if answer is None else not answer for answer in answers]
    elif rule.kind == "rule" and rule.spec.by is None:
        found = [evaluate(parse_rule(rule.text), row) for row in rows]
        failing = [unknown if answer is None else not answer for answer in found]
    else:
        failing = [fails(row) if taken else False for row, taken in zip(rows, chosen, strict=True)]
    return [taken and failed for taken, failed in zip(chosen, failing, strict=True)]


def frame_of(spark: SparkSession, rows: Sequence[Row], schema: Mapping[str, str]) -> DataFrame:
    columns = ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in schema.items())
    return spark.createDataFrame([tuple(row[name] for name in schema) for row in rows], columns)


def declared(project: Project, rules: str = RULES) -> None:
    project.declare("bronze.raw: {files: raw.csv}\nbronze.cities: {files: cities.csv}\n" + rules)
    project.sql("silver.sales", "select * from raw")


def batch(project: Project, rows: DataFrame, cities: DataFrame) -> Batch:
    table = project.table("silver.sales")
    types = {field.name: field.dataType.simpleString() for field in rows.schema}
    delivery = Delivery(
        rows, contract_of(table.ref, types), contract_is_new=False, references={"cities": cities}
    )
    return batch_of(table, window=STATIC, as_of=AS_OF, delivery=delivery)


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of one table with rules about keys."""
    project = Project(spark, tmp_path_factory.mktemp("keys"))
    declared(project)
    return project


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(rows=st.lists(ROW, min_size=24, max_size=24), cities=st.lists(CITY, max_size=4))
@pytest.mark.parametrize(
    "few",
    [
        pytest.param(10_000, id="sent_along"),
        pytest.param(0, id="joined", marks=pytest.mark.long),
    ],
)
def test_each_row_fails_the_rules_about_keys_that_plain_python_says(
    world: Project,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    rows: list[Row],
    cities: list[Row],
) -> None:
    monkeypatch.setattr(keys, "FEW_KEYS", few)
    numbered = [{**row, "n": number} for number, row in enumerate(rows)]
    frame = frame_of(world.session, numbered, {"n": "bigint", **SCHEMA})
    plain = batch(world, frame.drop("n"), frame_of(world.session, cities, CITIES))
    assert plain.errors == {}
    ready = learnt(world.session, plain)
    names = [rule.name for rule in ready.row_rules]
    assert len(names) == len(plain.table.rules)
    found = flagged(frame, ready, names).orderBy("n").collect()
    assert [row["n"] for row in found] == list(range(len(rows)))
    for rule in plain.table.rules:
        expected = expected_failures(rule, rows, cities)
        assert [row[flag(rule.name)] for row in found] == expected, (rule.name, rows, cities)
    counts = measure_batch(ready).counts
    assert counts.failed == {name: sum(row[flag(name)] for row in found) for name in names}
    routes = Counter(row["__mlops_route"] for row in found)
    assert (counts.valid, counts.quarantined, counts.dropped) == (
        routes["valid"],
        routes["quarantine"],
        routes["drop"],
    )


def test_a_relative_rule_is_what_its_short_form_says() -> None:
    rows: list[Row] = [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 50}, {"a": None}]
    rule = parse_relative("abs(a - mean(a)) <= 1.1 * stddev(a)")
    assert evaluate_relative(rule, rows) == [True, True, True, False, None]


COST = """
silver.sales:
  inputs: {raw: bronze.raw, cities: bronze.cities}
  key: [a]
  rules:
    - {unique: a, unknown: pass}
    - references: {a: cities.id}
    - {rule: row_count < 3, by: a, name: few}
    - {unique: [b, c], name: pairs}
    - {rule: mean(d) >= 0, by: [c, b], name: mean_by}
    - not_null: [a, b, c, d, e]
    - {outliers: {d: 4 sigma}}
    - {outliers: {e: 4 sigma}}
    - mean(e) > 0
"""


def plan(frame: DataFrame, capsys: pytest.CaptureFixture[str]) -> str:
    frame.explain("simple")
    return capsys.readouterr().out


@pytest.fixture
def whole_paths(spark: SparkSession) -> Iterator[None]:
    """Plans that name files by their whole path, however long it is."""
    setting = "spark.sql.maxMetadataStringLength"
    spark.conf.set(setting, 2000)
    yield
    spark.conf.unset(setting)


def test_rules_over_the_same_columns_share_one_narrow_scan_and_one_shuffle(
    spark: SparkSession,
    whole_paths: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = Project(spark, tmp_path)
    declared(project, COST)
    location = str(tmp_path / "raw")
    whole = F.col("id")
    spark.range(100).select(
        *(whole.alias(name) for name in "abc"), *(whole.cast("double").alias(n) for n in "de")
    ).write.parquet(location)
    cities = str(tmp_path / "cities")
    spark.range(3).write.parquet(cities)
    plain = batch(project, spark.read.parquet(location), spark.read.parquet(cities))
    groups = key_groups(plain)
    assert {group.columns: len(group.rules) for group in groups} == {("a",): 4, ("b", "c"): 2}
    by_columns = {group.columns: plan(bad_keys(plain, group), capsys) for group in groups}
    for columns, text in by_columns.items():
        scans = [line for line in text.splitlines() if "FileScan" in line and location in line]
        assert len(scans) == 1
        read = scans[0].partition("ReadSchema: struct<")[2].rstrip(">").split(",")
        assert {column.partition(":")[0] for column in read} == {
            *columns,
            *(["d"] if columns == ("b", "c") else []),
        }
        # One shuffle by the key; the other is that of the table pointed to.
        shuffles = [line for line in text.splitlines() if "Exchange hashpartitioning" in line]
        assert len(shuffles) == (2 if columns == ("a",) else 1)
    ready = learnt(spark, plain)
    # Cities are 0, 1 and 2, so 97 values of a are bad; no pair of b and c is.
    assert [bad.frame is not None for bad in ready.known.bad_keys] == [True, False]
    text = plan(counted_rows(ready), capsys)
    assert text.count("FileScan") == 1
    assert text.count("Exchange hashpartitioning") == 1  # by route: one row a task
    assert text.count("BroadcastHashJoin") == 1
    assert "LocalTableScan" in text
    assert "SortMergeJoin" not in text

    # Too many to be sent along: the keys are computed where they are joined.
    monkeypatch.setattr(keys, "FEW_KEYS", 3)
    text = plan(counted_rows(learnt(spark, plain)), capsys)
    assert text.count(f"InMemoryFileIndex(1 paths)[file:{location}") == 2
    assert "LocalTableScan" not in text


COST_OF_ORDER = """
silver.sales:
  inputs: {raw: bronze.raw, cities: bronze.cities}
  rules:
    - {rising: {a: b}, by: c, name: rises}
    - {same_rows: {input: cities, key: {a: id}, columns: {b: id}}, name: counterpart}
"""


def test_what_rises_takes_a_shuffle_more_and_a_counterpart_one_of_the_input(
    spark: SparkSession,
    whole_paths: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = Project(spark, tmp_path)
    declared(project, COST_OF_ORDER)
    location, cities = str(tmp_path / "raw"), str(tmp_path / "cities")
    whole = F.col("id")
    rows = spark.range(100).select(*(whole.alias(name) for name in "abcde"))
    rows.write.parquet(location)
    spark.range(3).write.parquet(cities)
    plain = batch(project, spark.read.parquet(location), spark.read.parquet(cities))
    found = {
        group.columns: plan(bad_keys(plain, group), capsys).splitlines()
        for group in key_groups(plain)
    }
    for columns, lines in found.items():
        (scan,) = [line for line in lines if "FileScan" in line and location in line]
        read = scan.partition("ReadSchema: struct<")[2].rstrip(">").split(",")
        assert {column.partition(":")[0] for column in read} == {*columns}
    shuffles = {
        columns: sum("Exchange hashpartitioning" in line for line in lines)
        for columns, lines in found.items()
    }
    # By all three columns and then by the group; by the pair and once for the input.
    assert shuffles[("a", "b", "c")] == 2
    assert shuffles[("a", "b")] <= 3
    assert sum("Window " in line for line in found[("a", "b", "c")]) == 2
