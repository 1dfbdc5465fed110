"""The number that a rule about the data set looks at, and the bounds within which it passes."""

import pytest

from mlops_dagster.data.figures import Figure, figure_of
from mlops_dagster.data.numbers import against_failures, against_history, against_input
from mlops_dagster.rules import parse_rule, parse_statistic
from mlops_dagster.spec.rule_checks import Agrees, Condition, FailsAsUsual, History, SpreadAsIn
from mlops_dagster.spec.rule_demands import (
    Agreement,
    Change,
    Distribution,
    Forecast,
    Usual,
    UsualFailures,
)


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("row_count between 10 and 40", Figure(7, 10, 40)),
        ("null_rate(x) <= 0.25", Figure(7, None, 0.25)),
        ("distinct_count(x) = 3", Figure(7, 3, 3)),
        ("mean(x) > -2.5", Figure(7, -2.5, None)),
        ("mean(x) != 2", Figure(7)),
        ("mean(x) / 2 < 4", Figure(7)),
        ("max(day) > date '2013-01-01'", Figure(7)),
    ],
)
def test_a_condition_of_one_statistic_states_its_bounds(text: str, figure: Figure) -> None:
    check = Condition(parse_rule(text))
    assert figure_of(check, value=None, numbers={"statistic": 7.0}) == figure
    assert figure_of(check, value=None, numbers={"one": 1.0, "two": 2.0}) == Figure()


@pytest.mark.parametrize("value", [79.9, 80.0, 100.0, 120.0, 120.1, 200.0])
def test_bounds_are_where_the_verdict_turns(value: float) -> None:
    statistic = parse_statistic("row_count")
    demands = (
        (Change.model_validate({"of": "row_count", "at_most": "20 %"}), [100.0]),
        (Change.model_validate({"of": "row_count", "at_most": 20}), [100.0, 7.0]),
        (Usual.model_validate({"of": "row_count", "sigma": 2}), [90.0, 110.0, 90.0, 110.0]),
        (Usual.model_validate({"of": "row_count"}), [90.0, 110.0]),
        (Forecast.model_validate({"of": "row_count"}), [float(90 + n % 7) for n in range(20)]),
        (Forecast.model_validate({"of": "row_count"}), [90.0, 110.0]),
    )
    for demand, earlier in demands:
        found = figure_of(History(statistic, demand), value=value, numbers={}, earlier=earlier)
        passed = against_history(demand, value, earlier)[0]
        within = found.low is None or found.high is None or found.low <= value <= found.high
        assert passed is within
    failures = UsualFailures.model_validate({"rule": "named", "at_least": "2 windows"})
    for shares in ([0.8, 1.2], [0.8]):
        found = figure_of(FailsAsUsual(failures), value=value / 100, numbers={}, earlier=shares)
        within = found.high is None or value / 100 <= found.high
        assert against_failures(failures, value / 100, shares)[0] is within
    agreement = Agreement.model_validate({"of": "row_count", "input": "raw", "within": "20 %"})
    agrees = Agrees(statistic, statistic, agreement)
    found = figure_of(agrees, value=value, numbers={}, theirs=100.0)
    assert (found.low, found.high) == (80.0, 120.0)
    assert against_input(agreement, value, 100.0)[0] is (80 <= value <= 120)
    assert figure_of(agrees, value=float("nan"), numbers={}) == Figure()


def test_the_distance_of_a_spread_is_shown_with_what_is_allowed() -> None:
    demand = Distribution.model_validate({"column": "x", "as_in": "raw.x", "at_most": 0.2})
    check = SpreadAsIn(demand, "raw", "x")
    assert figure_of(check, value=0.1, numbers={}) == Figure(0.1, None, 0.2)
