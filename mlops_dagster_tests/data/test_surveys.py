"""Rules about the data set that take a query of their own: Spark against plain Python, and cost."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import Row as SparkRow
from scipy import stats

from mlops_dagster.data import spreads
from mlops_dagster.data.batch import Batch, batch_of
from mlops_dagster.data.bins import distance_of
from mlops_dagster.data.contracts import contract_of
from mlops_dagster.data.counting import measure_batch
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.learn import learnt
from mlops_dagster.data.surveys import query, survey
from mlops_dagster.data.verdict import judge
from mlops_dagster.engine.transfer import few_rows, one_row
from mlops_dagster.spec.rule_checks import SurveyCheck
from mlops_dagster.spec.rule_values import Distance
from mlops_dagster_tests.data.worlds import Project

Row = Mapping[str, object]
SCHEMA = {"a": "bigint", "x": "double", "odd `na.me": "string", "t": "timestamp"}
CITIES = {"id": "bigint", "odd `na.me": "string", "x": "double"}
ODD = "odd `na.me"
WINDOW = "2013-01"
START, END = (datetime(2013, month, 1, tzinfo=timezone.utc) for month in (1, 2))
# ruff: noqa: E501 - a rule stands in one line.
RULES = """
bronze.raw: {files: "raw/{window}.csv"}
bronze.cities: {files: cities.csv}
silver.sales:
  inputs: {raw: bronze.raw, cities: bronze.cities}
  event_time: t
  rules:
    - {rows_each: {column: t, every: 2 weeks}, name: slots}
    - {rows_each: {column: t, every: 4 weeks, at_least: 2, by: [odd `na.me]}, name: slots_by}
    - {rows_each: {column: t, every: 4 weeks}, when: a > 0, name: slots_when}
    - {covers: {odd `na.me: cities.odd `na.me}, name: covers}
    - {same_values: {a: cities.id, odd `na.me: cities.odd `na.me}, name: same}
    - {agrees: {of: sum(x), input: cities, by: [odd `na.me], within: 50 %}, name: agrees}
    - {agrees: {of: row_count, input: cities, its: count(id), by: [odd `na.me]}, when: a > 0, name: agrees_when}
    - {entropy: {odd `na.me: [0.9, 1.6]}, name: entropy}
    - {distribution: {column: x, as_in: cities.x, bins: 4, distance: ks, at_most: 0.3}, name: ks, on_fail: record}
    - {distribution: {column: x, as_in: cities.x, bins: 3, distance: psi, at_most: 2}, name: psi, on_fail: record}
    - {distribution: {column: odd `na.me, as_in: cities.odd `na.me, bins: 3, at_most: 0.3}, name: texts, on_fail: record}
"""
ROW = st.fixed_dictionaries(
    {
        "a": st.sampled_from([None, 0, 1, 2, 2**53 + 1]),
        "x": st.sampled_from([None, 0.0, -0.0, 1.5, math.nan, 2.25, 7.0]),
        ODD: st.sampled_from([None, "", "a", "A", "日本"]),
        "t": st.sampled_from(
            [None, *(START + timedelta(days=days) for days in (-1, 0, 8, 16, 24, 31))]
        ),
    }
)
CITY = st.fixed_dictionaries(
    {
        "id": st.sampled_from([None, 0, 1, 2**53 + 1]),
        ODD: st.sampled_from([None, "", "a", "日本"]),
        "x": st.sampled_from([None, 0.0, 1.5, math.nan, 2.0, 7.0]),
    }
)


def frame_of(spark: SparkSession, rows: Sequence[Row], schema: Mapping[str, str]) -> DataFrame:
    columns = ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in schema.items())
    return spark.createDataFrame([tuple(row[name] for name in schema) for row in rows], columns)


def batch(project: Project, rows: DataFrame, cities: DataFrame) -> Batch:
    table = project.table("silver.sales")
    types = {field.name: field.dataType.simpleString() for field in rows.schema}
    contract = contract_of(table.ref, types)
    delivery = Delivery(rows, contract, contract_is_new=False, references={"cities": cities})
    return batch_of(table, window=WINDOW, as_of=END, delivery=delivery)


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of one table with rules that take queries of their own."""
    project = Project(spark, tmp_path_factory.mktemp("surveys"))
    project.declare(RULES)
    project.sql("silver.sales", "select * from raw")
    return project


def full_slots(
    rows: Sequence[Row], *, weeks: int, at_least: int = 1, by: str | None = None
) -> bool | None:
    length, epoch = timedelta(weeks=weeks), datetime(1970, 1, 1, tzinfo=timezone.utc)
    wanted = range((START - epoch) // length, (END - epoch) // length)
    counts: Counter[tuple[object, int]] = Counter()
    for row in rows:
        if isinstance(row["t"], datetime):
            counts[row[by] if by else "all", (row["t"] - epoch) // length] += 1
    groups = {group for group, slot in counts if slot in wanted}
    if by is None:
        groups = {"all"}
    if not groups:
        return None
    return all(counts[group, slot] >= at_least for group in groups for slot in wanted)


def values(rows: Sequence[Row], *names: str) -> set[tuple[object, ...]]:
    found = {tuple(row[name] for name in names) for row in rows}
    return {one for one in found if None not in one}


def groups_agree(
    mine: Sequence[Row],
    theirs: Sequence[Row],
    statistic: Callable[[Sequence[Row]], float | None],
    its: Callable[[Sequence[Row]], float | None],
    *,
    share: float,
) -> bool:
    groups = {row[ODD] for row in mine}
    if groups != {row[ODD] for row in theirs}:
        return False
    for group in groups:
        one = statistic([row for row in mine if row[ODD] == group])
        other = its([row for row in theirs if row[ODD] == group])
        if one is None or other is None or not abs(one - other) <= share * abs(other):
            return False
    return True


def total(rows: Sequence[Row]) -> float | None:
    known = [row["x"] for row in rows if isinstance(row["x"], float)]
    return math.fsum(known) if known else None


def bits(rows: Sequence[Row]) -> float | None:
    counts = list(Counter(row[ODD] for row in rows if row[ODD] is not None).values())
    return float(stats.entropy(counts, base=2)) if counts else None


def above(value: object, edge: float) -> bool:
    return isinstance(value, float) and (math.isnan(value) or value >= edge)


def bin_shares(found: Sequence[object], edges: Sequence[float]) -> list[float]:
    """Return the shares below the first edge, from each on, and of nulls; NaN is above all."""
    cuts = [sum(above(value, edge) for value in found) for edge in edges]
    known = sum(value is not None for value in found)
    counts = [one - other for one, other in zip([known, *cuts], [*cuts, 0], strict=True)]
    return [count / len(found) for count in (*counts, len(found) - known)]


def quantile_edges(found: Sequence[object], bins: int) -> list[float]:
    known = sorted(v for v in found if isinstance(v, float) and not math.isnan(v))
    if not known:
        return [0.0]
    return sorted(
        {float(np.quantile(known, n / bins, method="inverted_cdf")) for n in range(1, bins)}
    )


def spread(mine: Sequence[Row], theirs: Sequence[Row], bins: int, kind: Distance) -> float | None:
    if not mine or not theirs:
        return None
    edges = quantile_edges([row["x"] for row in theirs], bins)
    shares = [bin_shares([row["x"] for row in rows], edges) for rows in (mine, theirs)]
    return distance_of(kind, *shares)


def spread_of_texts(mine: Sequence[Row], theirs: Sequence[Row], bins: int) -> float | None:
    if not mine or not theirs:
        return None
    counts = Counter(row[ODD] for row in theirs if row[ODD] is not None)
    often = sorted(counts, key=lambda text: (-counts[text], str(text).encode()))[: bins - 1]

    def shares(rows: Sequence[Row]) -> list[float]:
        found = [sum(row[ODD] == text for row in rows) for text in often]
        nulls = sum(row[ODD] is None for row in rows)
        others = len(rows) - sum(found) - nulls
        return [n / len(rows) for n in (*found, *([others] if often else []), nulls)]

    return sum(abs(a - b) for a, b in zip(shares(mine), shares(theirs), strict=True)) / 2


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(rows=st.lists(ROW, max_size=20), cities=st.lists(CITY, max_size=6))
def test_what_a_query_of_its_own_finds_is_what_plain_python_says(
    world: Project, rows: list[Row], cities: list[Row]
) -> None:
    plain = batch(
        world, frame_of(world.session, rows, SCHEMA), frame_of(world.session, cities, CITIES)
    )
    assert plain.errors == {}
    some = [row for row in rows if isinstance(row["a"], int) and row["a"] > 0]
    mine, theirs = values(rows, "a", ODD), values(cities, "id", ODD)
    entropy = bits(rows)
    expected = {
        "slots": full_slots(rows, weeks=2),
        "slots_by": full_slots(rows, weeks=4, at_least=2, by=ODD),
        "slots_when": full_slots(some, weeks=4),
        "covers": values(cities, ODD) <= values(rows, ODD),
        "same": mine == theirs,
        "agrees": groups_agree(rows, cities, total, total, share=0.5),
        "agrees_when": groups_agree(
            some, cities, len, lambda found: sum(row["id"] is not None for row in found), share=0
        ),
        "entropy": None if entropy is None else 0.9 <= entropy <= 1.6,
    }
    ready = learnt(world.session, plain)
    assert {name: truth for name, (truth, _) in ready.known.surveyed.items()} == expected
    found = measure_batch(ready).counts.found
    valid = [row for row in rows if isinstance(row["t"], datetime) and START <= row["t"] < END]
    for name, distance in {
        "ks": spread(valid, cities, 4, Distance.KS),
        "psi": spread(valid, cities, 3, Distance.PSI),
        "texts": spread_of_texts(valid, cities, 3),
    }.items():
        assert found[name].value == (None if distance is None else pytest.approx(distance)), name


def test_the_messages_name_what_was_found(world: Project) -> None:
    times = [START + timedelta(days=days) for days in range(0, 31, 7)]
    rows: list[Row] = [
        {"a": 1, "x": 2.0, ODD: name, "t": time} for time in times for name in ("a", "b")
    ]
    rows.append({"a": 1, "x": 2.0, ODD: "c", "t": START})
    cities: list[Row] = [
        {"id": 1, ODD: "a", "x": 9.0},
        {"id": 1, ODD: "d", "x": 1.0},
        {"id": None, ODD: "e", "x": 1.0},
    ]
    plain = batch(
        world, frame_of(world.session, rows, SCHEMA), frame_of(world.session, cities, CITIES)
    )
    found = survey(plain)
    assert found["slots"][0] is True
    said = {
        "slots": "all 3 slots have enough rows",
        "slots_by": "3 of 3 groups lack slots; c has 0 of 2",
        "covers": "2 of 3 values of cities.odd `na.me are missing, such as d",
        "same": "1 of 2 values of cities.id, cities.odd `na.me are missing, such as 1, d; 2 are not among them, such as 1, b",
        "agrees": "4 of 5 groups differ, such as b: sum(x) is 10, that of cities nothing",
        "entropy": "the entropy is 1.34859 bits",
    }
    for name, part in said.items():
        assert part in found[name][1]


def test_columns_of_other_types_cannot_be_computed_and_are_named(world: Project) -> None:
    others = {"id": "string", ODD: "bigint", "y": "double"}
    plain = batch(world, frame_of(world.session, [], SCHEMA), frame_of(world.session, [], others))
    shown = f"{ODD}, string, cannot be compared with cities.{ODD}, bigint"
    assert plain.errors == {
        "covers": shown,
        "same": f"a, bigint, cannot be compared with cities.id, string; {shown}",
        "agrees": shown,
        "agrees_when": shown,
        "ks": "cities has no column x",
        "psi": "cities has no column x",
        "texts": shown,
    }
    results = judge(plain.rules, measure_batch(learnt(world.session, plain)).counts).results
    wrong = {result.name for result in results if result.status == "error"}
    assert wrong == set(plain.errors)
    assert all(result.refuses for result in results if result.name in wrong)


@pytest.mark.parametrize("kind", list(Distance))
def test_equal_shares_have_no_distance_and_others_have_that_of_the_formula(kind: Distance) -> None:
    found, expected = [0.5, 0.2, 0.2, 0.1], [0.4, 0.4, 0.15, 0.05]
    assert distance_of(kind, expected, expected) == pytest.approx(0, abs=1e-12)
    f, e = np.array(found), np.array(expected)
    wanted = {
        Distance.TOTAL_VARIATION: float(np.abs(f - e).sum() / 2),
        Distance.PSI: float(stats.entropy(f, e) + stats.entropy(e, f)),
        Distance.KL: float(stats.entropy(f, e)),
        Distance.CHI_SQUARE: float(stats.chisquare(f * 1000, e * 1000).statistic / 1000),
        # The last share is that of nulls.
        Distance.KS: 0.1,
    }
    assert distance_of(kind, found, expected) == pytest.approx(wanted[kind])


def test_a_query_of_its_own_reads_its_columns_alone(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str], world: Project
) -> None:
    wide = frame_of(spark, [], {**SCHEMA, "b": "bigint", "c": "string"})
    wide.write.parquet(str(tmp_path / "raw"))
    frame_of(spark, [], CITIES).write.parquet(str(tmp_path / "cities"))
    plain = batch(
        world,
        spark.read.parquet(str(tmp_path / "raw")),
        spark.read.parquet(str(tmp_path / "cities")),
    )
    columns = {
        "slots": {"t"},
        "slots_by": {"t", ODD},
        "slots_when": {"t", "a"},
        "covers": {ODD},
        "same": {"a", ODD},
        "agrees": {"x", ODD},
        "agrees_when": {"a", ODD},
        "entropy": {ODD},
    }
    shuffles = {}
    for rule in plain.declared:
        if isinstance(rule.check, SurveyCheck):
            query(plain, rule, rule.check).explain("simple")
            lines = capsys.readouterr().out.splitlines()
            scans = [line for line in lines if "FileScan" in line]
            read = [line.partition("ReadSchema: struct<")[2].rstrip(">") for line in scans]
            names = [{part.rpartition(":")[0] for part in one.split(",")} for one in read]
            assert columns[rule.name] in names, (rule.name, names)
            assert len(scans) == (1 if rule.name.startswith(("slots", "entropy")) else 2)
            shuffles[rule.name] = sum("Exchange hashpartitioning" in line for line in lines)
    assert shuffles == {
        "slots": 1,
        "slots_by": 2,
        "slots_when": 1,
        "covers": 2,
        "same": 2,
        # Of each table's rows, and of its groups for the join, whose keys may be null.
        "agrees": 4,
        "agrees_when": 4,
        "entropy": 1,
    }


def test_how_an_input_is_spread_takes_two_queries_over_one_column(
    spark: SparkSession,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    world: Project,
) -> None:
    frame_of(spark, [], CITIES).write.parquet(str(tmp_path / "cities"))
    plain = batch(world, frame_of(spark, [], SCHEMA), spark.read.parquet(str(tmp_path / "cities")))
    asked: list[DataFrame] = []

    def one_row_of(frame: DataFrame, *, what: str) -> SparkRow:
        asked.append(frame)
        return one_row(frame, what=what)

    def few_rows_of(frame: DataFrame, *, what: str, at_most: int) -> list[SparkRow]:
        asked.append(frame)
        return few_rows(frame, what=what, at_most=at_most)

    monkeypatch.setattr(spreads, "one_row", one_row_of)
    monkeypatch.setattr(spreads, "few_rows", few_rows_of)
    assert {one.expected for one in spreads.spreads_of_inputs(plain).values()} == {None}
    assert len(asked) == 3 * 2
    for number, frame in enumerate(asked):
        frame.explain("simple")
        lines = capsys.readouterr().out.splitlines()
        (scan,) = [line for line in lines if "FileScan" in line]
        read = scan.partition("ReadSchema: struct<")[2].rpartition(">")[0]
        assert read == (f"{ODD}:string" if number >= 4 else "x:double")
        # Only the most frequent texts are found by a shuffle of the values.
        shuffles = sum("Exchange hashpartitioning" in line for line in lines)
        assert shuffles == (1 if number == 4 else 0)
