"""Rules in plain Python: three values, Spark's numbers, times and statistics."""

import math
from datetime import date, datetime, timezone
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from mlops_dagster.rules import parse_gate, parse_rule
from mlops_dagster.rules.oracle import evaluate, evaluate_aggregates

NAN = math.nan


@pytest.mark.parametrize(
    ("text", "row", "answer"),
    [
        ("a > 1", {"a": None}, None),
        ("a > 1 and b > 1", {"a": None, "b": 0}, False),
        ("a > 1 or b > 1", {"a": None, "b": 2}, True),
        ("a > 1 and b > 1", {"a": None, "b": 2}, None),
        ("not a > 1", {"a": None}, None),
        ("a is null", {"a": None}, True),
        ("a is null", {"a": NAN}, False),
        ("a in (1, 2)", {"a": None}, None),
        ("a not in (1, 2)", {"a": 3}, True),
        ("a between b and 3", {"a": 4, "b": None}, False),
        ("a = b", {"a": NAN, "b": NAN}, True),
        ("a > b", {"a": NAN, "b": math.inf}, True),
        ("a = b", {"a": -0.0, "b": 0.0}, True),
        ("a / b > 0 or true", {"a": 1, "b": 0}, True),
        ("a / b > 0", {"a": 1, "b": 0}, None),
        ("a % b = 0", {"a": 1, "b": 0}, None),
        ("a % 3 = -1", {"a": -7}, True),
        ("a + 1 > 0", {"a": 2**63 - 1}, None),
        ("-a > 0", {"a": -(2**63)}, None),
        ("a = 9007199254740993", {"a": 9007199254740992.0}, True),
        ("a = 0.1", {"a": Decimal("0.10")}, True),
        ("round(a) = 3", {"a": 2.5}, True),
        ("round(a) = -3", {"a": -2.5}, True),
        ("floor(a) = -3 and ceil(a) = -2", {"a": -2.5}, True),
        ("name < 'b'", {"name": "a"}, True),
        ("length(name) = 2", {"name": "😀x"}, True),
        ("trim(name) = 'a'", {"name": "  a "}, True),
        ("trim(name) = 'a'", {"name": "\ta"}, False),
        ("name like '%\\_%'", {"name": "axb"}, False),
        ("name ilike 'ÄB'", {"name": "äb"}, True),
        ("name rlike '^\\w+$'", {"name": "äb"}, False),
        ("d + interval 1 month = date '2024-02-29'", {"d": date(2024, 1, 31)}, True),
        ("t > d", {"t": datetime(2024, 1, 1, 0, 0, 1), "d": date(2024, 1, 1)}, True),
        ("t - interval 9999 years > d", {"t": datetime(2024, 1, 1), "d": date(2024, 1, 1)}, None),
        ("a > 1", {"a": np.int64(2)}, True),
        ("a > 1", {"a": np.float32(2)}, True),
    ],
)
def test_a_rule_about_a_row_has_sparks_answer(
    text: str, row: dict[str, object], answer: bool | None
) -> None:
    assert evaluate(parse_rule(text), row) is answer


def test_a_gate_is_judged_on_its_metrics() -> None:
    gate = parse_gate("roc_auc >= 0.65 and log_loss < 0.5")
    assert evaluate(gate, {"roc_auc": 0.7, "log_loss": 0.4}) is True
    assert evaluate(gate, {"roc_auc": 0.6, "log_loss": 0.4}) is False


def test_a_metric_that_is_not_there_is_an_error_and_not_an_answer() -> None:
    with pytest.raises(KeyError, match="log_loss"):
        evaluate(parse_gate("log_loss < 0.5"), {"roc_auc": 0.7})


def test_values_of_two_kinds_are_an_error_and_not_an_answer() -> None:
    with pytest.raises(TypeError, match="str cannot be compared with int"):
        evaluate(parse_rule("a > 1"), {"a": "x"})
    with pytest.raises(TypeError, match="Entries cannot be compared with int"):
        evaluate(parse_rule("a > 1"), {"a": [1]})


def test_statistics_are_those_of_scipy_and_numpy() -> None:
    values = [1.5, 2.25, -3.0, 8.0, 8.0]
    rows = [{"x": value} for value in (*values, None)]
    expected = {
        "mean(x)": float(np.mean(values)),
        "stddev(x)": float(stats.tstd(values)),
        "sum(x)": float(np.sum(values)),
        "quantile(x, 0.5)": float(np.quantile(values, 0.5, method="inverted_cdf")),
        "quantile(x, 0.9)": float(np.quantile(values, 0.9, method="inverted_cdf")),
        "null_rate(x)": 1 / 6,
        "distinct_count(x)": 4.0,
        "row_count": 6.0,
    }
    for statistic, value in expected.items():
        rule = parse_rule(f"abs({statistic} - {value!r}) < 1e-12")
        assert evaluate_aggregates(rule, rows) is True, statistic


def test_statistics_of_no_rows_are_null_and_counts_are_zero() -> None:
    assert evaluate_aggregates(parse_rule("row_count = 0 and count(x) = 0"), []) is True
    for statistic in ("mean(x)", "sum(x)", "min(x)", "stddev(x)", "null_rate(x)", "quantile(x, 1)"):
        assert evaluate_aggregates(parse_rule(f"{statistic} is null"), []) is True


def test_the_number_of_columns_is_that_of_the_rows_unless_it_is_given() -> None:
    rule = parse_rule("column_count > 2")
    assert evaluate_aggregates(rule, [{"a": 1, "b": 2}]) is False
    assert evaluate_aggregates(rule, [], column_count=3) is True


def test_timestamps_without_a_zone_are_utc() -> None:
    row: dict[str, object] = {
        "t": datetime(2024, 1, 1, 12),
        "u": datetime(2024, 1, 1, 12, tzinfo=timezone.utc),
    }
    assert evaluate(parse_rule("t = u and t = timestamp '2024-01-01 13:00:00+01:00'"), row) is True
