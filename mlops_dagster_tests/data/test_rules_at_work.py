"""Rules about columns, earlier batches and other tables, from YAML to the verdict."""

from datetime import datetime, timezone

import numpy as np
import pytest

from mlops_dagster.data.build import TableBuilt
from mlops_dagster.data.contract_rules import faults_of
from mlops_dagster.data.contracts import contract_of
from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.data.figures import Figure
from mlops_dagster.data.forecast import forecast
from mlops_dagster.data.history import earlier_windows
from mlops_dagster.data.numbers import against_failures, against_history, against_input
from mlops_dagster.data.preview import Preview, preview
from mlops_dagster.data.verdict import RefusedBatch
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.rule_demands import (
    Agreement,
    Change,
    ColumnsDemand,
    Forecast,
    Usual,
    UsualFailures,
)
from mlops_dagster.spec.widening import widens
from mlops_dagster_tests.data.worlds import Project

BRONZE = """
bronze.sales:
  files: "sales/{window}.csv"
  key: [id]
  event_time: sold_at
  rules:
    - {columns: {have: [id, sold_at, shop, amount], lack: [card_number], match: '^[a-z_]+$'}}
    - column_count between 4 and 6
    - {change: {of: row_count, at_most: 50 %}, name: steady}
    - {usual: {of: mean(amount), sigma: 3, at_least: 2 windows}, name: as_usual, on_fail: record}
    - {fails_as_usual: {rule: weekly, at_least: 2 windows}, on_fail: record, name: weekly_as_usual}
    - {forecast: {of: row_count, at_least: 3 windows}, on_fail: record, name: as_forecast}
    - {no_gaps: {sold_at: 1 week}, by: shop, on_fail: record, name: weekly}
    - {not_in_future: sold_at}
    - {statistic: {of: median(amount), at_least: 10, at_most: 50}, on_fail: record, name: middle}
bronze.shops: {files: shops.csv, key: [shop]}
silver.sales:
  inputs: {sales: bronze.sales, shops: bronze.shops}
  key: [id]
  event_time: sold_at
  rules:
    - {references: {shop: shops.shop}, name: known_shop}
    - {agrees: {of: sum(amount), input: sales, within: 1 %}, name: reconciled, on_fail: record}
    - {agrees: {of: row_count, input: sales, its: count_if(shop = 'a')}, name: whole}
"""


def sales(month: str, shops: str, *, amount: float = 10) -> str:
    """Return sales on every fifth day of a month, in each of the shops."""
    lines = [
        f"{shop}{day},{month}-{day:02}T12:00:00Z,{shop},{amount + number / 10}"
        for number, shop in enumerate(shops)
        for day in range(1, 29, 5)
    ]
    return "\n".join(["id,sold_at,shop,amount", *lines, ""])


def results(built: TableBuilt | RefusedBatch) -> dict[str, tuple[str, str]]:
    return {r.name: (r.status, r.message) for r in built.rule_results}


def test_rules_hold_a_batch_against_columns_earlier_batches_and_other_tables(
    project: Project,
) -> None:
    project.declare(BRONZE)
    # The SQL reads sales alone: the rules look into shops.
    project.sql("silver.sales", "select id, sold_at, shop, amount from sales where amount > 0")
    project.write("landing/shops.csv", "shop\na\n")
    project.build("bronze.shops")

    project.write("landing/sales/2013-01.csv", sales("2013-01", "ab"))
    first = results(project.build("bronze.sales", "2013-01"))
    assert {status for status, _ in first.values()} == {"passed"}
    assert first["steady"][1].endswith(
        "row_count is 12; 0 earlier batches are known, 1 are needed to compare"
    )

    silver = project.build("silver.sales", "2013-01")
    assert (silver.rows_in, silver.valid, silver.quarantined) == (12, 6, 6)
    assert [row[2] for row in project.quarantine()] == [["known_shop"]] * 6
    found = results(silver)
    assert found["whole"][0] == "passed"
    status, message = found["reconciled"]
    assert status == "failed"
    assert "sum(amount) is 60, sum(amount) of sales is 120.6; allowed is" in message

    project.write("landing/sales/2013-02.csv", sales("2013-02", "ab", amount=11))
    project.build("bronze.sales", "2013-02")
    project.write("landing/sales/2013-03.csv", sales("2013-03", "abc", amount=90))
    third = project.build("bronze.sales", "2013-03")
    status, message = results(third)["as_usual"]
    assert status == "failed"
    assert "mean(amount) is 90.1; the last 2 have mean 10.55" in message
    assert results(third)["weekly_as_usual"][1].endswith(
        "0.000% of the rows fail weekly; in the last 2 batches 0.000% did, with a standard "
        "deviation of 0.000%, allowed are 3 of these above"
    )
    assert results(third)["as_forecast"][1].endswith(
        "row_count is 18; 2 earlier batches are known, 3 are needed to compare"
    )
    status, message = results(third)["middle"]
    assert status == "failed"
    assert "between 10 and 50' is false for 18 valid rows: median(amount) is 90.1" in message
    event = project.store.last(
        batch_stream(TableRef("shop", "bronze", "sales"), "2013-03"), BatchJudged.kind
    )
    assert event is not None
    assert isinstance(event.event, BatchJudged)
    assert event.event.statistics["mean(amount)"] == pytest.approx(90.1)

    project.write("landing/sales/2013-04.csv", sales("2013-04", "a"))
    with pytest.raises(RefusedBatch, match="was 18; allowed is a change of 50 %") as refused:
        project.build("bronze.sales", "2013-04")
    assert [r.name for r in refused.value.rule_results if r.refuses] == ["steady"]

    # April was refused: what is usual leaves it out, a forecast has nothing to go on from.
    project.write("landing/sales/2013-05.csv", sales("2013-05", "ab"))
    fifth = results(project.build("bronze.sales", "2013-05"))
    assert "the last 3 have mean" in fifth["as_usual"][1]
    assert "0 earlier batches are known, 3 are needed" in fifth["as_forecast"][1]


def test_a_batch_without_rows_is_history_for_its_count_alone(project: Project) -> None:
    project.declare(
        """
bronze.sales:
  files: "sales/{window}.csv"
  event_time: sold_at
  rules:
    - {rule: amount < 12, name: small, on_fail: record}
    - {usual: {of: row_count, at_least: 2 windows}, name: count, on_fail: record}
    - {usual: {of: mean(amount), at_least: 2 windows}, name: mean, on_fail: record, unknown: pass}
    - {usual: {of: null_rate(shop), at_least: 2 windows}, name: nulls, on_fail: record, unknown: pass}
    - {fails_as_usual: {rule: small, at_least: 2 windows}, name: failing, on_fail: record}
"""  # noqa: E501
    )
    header = "id,sold_at,shop,amount\n"
    for month, text in (
        ("01", sales("2013-01", "ab")),
        ("02", header),
        ("03", sales("2013-03", "a")),
    ):
        project.write(f"landing/sales/2013-{month}.csv", text)
        built = project.build("bronze.sales", f"2013-{month}")
        if month == "02":
            # Nothing says against a window without rows: no share of them fails.
            assert {status for status, _ in results(built).values()} == {"passed"}
            assert figures(built)["failing"] == 0
    event = project.store.last(
        batch_stream(TableRef("shop", "bronze", "sales"), "2013-02"), BatchJudged.kind
    )
    assert event is not None
    assert isinstance(event.event, BatchJudged)
    assert event.event.statistics == {"row_count": 0}
    said = results(built)
    assert "; the last 2 have mean 6" in said["count"][1]
    for name in ("mean", "nulls", "failing"):
        assert "; 1 earlier batches are known, 2 are needed to compare" in said[name][1]


def figures(built: TableBuilt) -> dict[str, float | None]:
    return {r.name: r.figure.value for r in built.rule_results}


def test_a_batch_with_wrong_columns_is_refused_before_a_row_is_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare(
        """
        bronze.shops:
          files: shops.csv
          rules:
            - {columns: {have: [shop, town], lack: [secret], in_order: true}, name: shape}
            - {rule: column_count > 5, on_fail: record, name: wide}
            - mean(size) > 0
            - {change: {of: mean(size), at_most: 50 %}}
        """
    )
    project.write("landing/shops.csv", "shop,secret,size\nnorth,x,1\n")
    monkeypatch.setattr("mlops_dagster.data.build.measure_batch", None)
    with pytest.raises(RefusedBatch) as refused:
        project.build("bronze.shops")
    said = "shape: 'the table is shop, town; has no secret' is false: 'town' is missing"
    assert results(refused.value) == {
        "shape": (
            "failed",
            f"{said}; 'secret' is there; 'secret' is not expected; 'size' is not expected",
        ),
        "wide": ("failed", "wide: 'column_count > 5' is false: column_count is 3"),
    }


def test_a_demand_on_columns_tells_every_fault() -> None:
    demand = ColumnsDemand(have=["a", "b"], in_order=True)
    two = {"b": "int", "a": "string"}
    assert faults_of(demand, {"a": "string", "b": "int"}) == []
    assert faults_of(demand, two) == ["the order is b, a"]
    assert faults_of(ColumnsDemand(match="^[a-z]+$"), {"a": "int", "B": "int"}) == [
        "'B' does not match"
    ]
    assert faults_of(ColumnsDemand(are=["a", "b"]), two) == []
    assert faults_of(ColumnsDemand(are=["a", "c"]), two) == [
        "'c' is missing",
        "'b' is not expected",
    ]
    types = {"a": "string", "b": "bigint", "c": "int"}
    assert faults_of(ColumnsDemand(types=types), two) == [
        "'b' is int, not bigint",
        "'c' is missing",
    ]
    assert faults_of(ColumnsDemand(fits={"b": "bigint"}), two) == []
    assert faults_of(ColumnsDemand(fits={"b": "float", "a": "int"}), two) == [
        "'b' is int, which does not fit into float",
        "'a' is string, which does not fit into int",
    ]


@pytest.mark.parametrize(
    ("narrow", "wide", "fits"),
    [
        ("int", "int", True),
        ("int", "bigint", True),
        ("bigint", "int", False),
        ("int", "double", True),
        ("int", "float", False),
        ("bigint", "double", False),
        ("float", "double", True),
        ("decimal(10,2)", "decimal(12,3)", True),
        ("decimal(10,2)", "decimal(10,3)", False),
        ("bigint", "decimal(20,1)", True),
        ("bigint", "decimal(19,1)", False),
        ("decimal(10,2)", "double", False),
        ("date", "timestamp", False),
        ("string", "bigint", False),
    ],
)
def test_a_type_fits_into_one_that_has_all_its_values(narrow: str, wide: str, fits: bool) -> None:
    assert widens(narrow, wide) is fits


@pytest.mark.parametrize(
    ("at_most", "value", "earlier", "truth"),
    [
        ("20 %", 120.0, [100.0], True),
        ("20 %", 120.1, [100.0], False),
        ("20 %", 80.0, [100.0, 1.0], True),
        (5, 105.0, [100.0], True),
        (5, 94.0, [100.0], False),
        (0, 1.0, [1.0], True),
        ("20 %", 1.0, [0.0], False),
        ("20 %", 1.0, [], True),
        ("20 %", None, [1.0], None),
        ("20 %", float("nan"), [1.0], False),
    ],
)
def test_a_change_is_measured_against_the_batch_before(
    at_most: object, value: float | None, earlier: list[float], truth: bool | None
) -> None:
    demand = Change.model_validate({"of": "row_count", "at_most": at_most})
    assert against_history(demand, value, earlier)[0] is truth


def test_a_series_with_a_trend_and_a_season_is_forecast_as_it_goes_on() -> None:
    week = [0, 3, 1, -2, 4, -5, -1]
    series = [100 + 2 * day + week[day % 7] for day in range(29)]
    expected, errors = forecast(series[:-1], 7)
    assert expected == pytest.approx(series[-1])
    assert errors == pytest.approx(0, abs=1e-9)
    assert forecast([5.0, 7.0, 9.0], 1) == pytest.approx((11.0, 0.0))
    with pytest.raises(ValueError, match="14 values are too few for a season of 7"):
        forecast(series[:14], 7)


@pytest.mark.parametrize(
    ("of_normal", "truth"), [(1.0, True), (0.5, False), (1.5, False), (float("inf"), False)]
)
def test_a_statistic_far_from_its_forecast_fails(of_normal: float, truth: bool) -> None:
    noise = np.random.default_rng(3).normal(0, 1, 43).tolist()
    series = [100 + day + 20 * (day % 7 == 6) + noise[day] for day in range(43)]
    demand = Forecast.model_validate(
        {"of": "row_count", "season": "7 windows", "at_least": "15 windows"}
    )
    earlier = list(reversed(series[:-1]))
    found, said = against_history(demand, series[-1] * of_normal, earlier)
    assert found is truth
    assert "is forecast, which errs by" in said
    assert against_history(demand, 1.0, earlier[:14]) == (
        True,
        "row_count is 1; 14 earlier batches are known, 15 are needed to compare",
    )


@pytest.mark.parametrize(
    ("share", "earlier", "truth"),
    [
        (0.02, [0.01, 0.02, 0.03], True),
        (0.0, [0.01, 0.02, 0.03], True),
        (0.06, [0.01, 0.02, 0.03], False),
        (0.06, [0.01, 0.02], True),
        (0.001, [0.0, 0.0, 0.0], False),
        (None, [0.0, 0.0, 0.0], None),
    ],
)
def test_no_more_rows_may_fail_a_rule_than_usual(
    share: float | None, earlier: list[float], truth: bool | None
) -> None:
    demand = UsualFailures.model_validate({"rule": "known", "at_least": "3 windows"})
    assert against_failures(demand, share, earlier)[0] is truth


@pytest.mark.parametrize(
    ("value", "earlier", "truth"),
    [
        (13.0, [9.0, 10.0, 11.0], True),
        (13.1, [9.0, 10.0, 11.0], False),
        (99.0, [9.0, 10.0], True),
        (5.0, [5.0, 5.0, 5.0], True),
        (5.1, [5.0, 5.0, 5.0], False),
        (float("inf"), [9.0, 10.0, 11.0], False),
    ],
)
def test_what_is_usual_is_within_so_many_standard_deviations(
    value: float, earlier: list[float], truth: bool
) -> None:
    demand = Usual.model_validate({"of": "row_count", "sigma": 3, "at_least": "3 windows"})
    assert against_history(demand, value, earlier)[0] is truth


def test_a_batch_is_held_against_those_of_its_weekday(project: Project) -> None:
    project.windows = "{every: day, first: 2013-01-01}"
    project.declare(
        """
        bronze.visits:
          files: "visits/{window}.csv"
          rules:
            - {change: {of: row_count, at_most: 50 %, same: weekday}, name: as_a_week_ago,
               on_fail: record}
            - {usual: {of: row_count, sigma: 3, last: 3 windows, at_least: 3 windows,
               same: weekday}, name: as_this_weekday, on_fail: record}
            - {change: {of: row_count, at_most: 50 %}, name: as_yesterday, on_fail: record}
        """
    )
    table = project.table("bronze.visits")
    assert [rule.text for rule in table.rules[:2]] == [
        "row_count changes by at most 50 % in a week, on the same weekday",
        "row_count lies within 3 sigma of the last 3 windows of the same weekday",
    ]
    for day, rows in {8: 5, 15: 6, 22: 5, 29: 1}.items():
        lines = "".join(f"{number}\n" for number in range(rows))
        project.write(f"landing/visits/2013-01-{day:02}.csv", f"id\n{lines}")
        built = project.build("bronze.visits", f"2013-01-{day:02}")
    found = {one.name: one for one in built.rule_results}
    assert {name: one.status for name, one in found.items() if one.kind != "built_in"} == {
        "as_a_week_ago": "failed",
        "as_this_weekday": "failed",
        "as_yesterday": "passed",
    }
    assert "row_count is 1, was 5; allowed" in found["as_a_week_ago"].message
    assert "the last 3 have mean 5.33333" in found["as_this_weekday"].message
    assert found["as_a_week_ago"].figure == Figure(1, 2.5, 7.5)
    demand = Change.model_validate({"of": "row_count", "at_most": 1, "same": "weekday"})
    assert list(earlier_windows(table, "2013-01-29", demand)) == ["2013-01-22"]


def test_a_statistic_that_is_missing_on_either_side_is_unknown() -> None:
    demand = Agreement.model_validate({"of": "mean(x)", "input": "raw"})
    assert against_input(demand, 1.0, 1.0)[0] is True
    assert against_input(demand, 1.0, 1.1)[0] is False
    assert against_input(demand, None, 1.0) == (None, "mean(x) has no value")
    assert against_input(demand, 1.0, None) == (None, "mean(x) of raw has no value")


def test_a_preview_leaves_open_what_other_rows_and_tables_decide(project: Project) -> None:
    project.declare(
        """
        bronze.shops: {files: shops.csv}
        silver.shops:
          inputs: {shops: bronze.shops}
          rules:
            - {unique: shop, name: one_row}
            - {references: {shop: shops.shop}, name: known}
            - {rule: mean(size) > 1, by: shop, name: large, when: size > 100}
            - {outliers: {size: 3 sigma}, name: usual_size}
            - {positive: size, name: has_size}
            - {not_in_future: opened, name: has_opened}
        """
    )
    project.sql("silver.shops", "select shop, size, opened from shops")
    table = project.table("silver.shops")
    contract = contract_of(table.ref, {"shop": "string", "size": "bigint", "opened": "date"})

    def said(size: int, opened: str) -> Preview:
        return preview(
            table,
            contract,
            payload=f'{{"shop":"a","size":{size},"opened":"{opened}"}}',
            columns={},
            window=STATIC,
            as_of=datetime(2013, 6, 1, tzinfo=timezone.utc),
        )

    assert said(-1, "2013-06-02") == Preview(
        ("has_size", "has_opened"), ("one_row", "known", "usual_size"), ()
    )
    assert said(200, "2013-06-01").untried == ("one_row", "known", "large", "usual_size")
    assert said(200, "2013-06-01").failing == ()
