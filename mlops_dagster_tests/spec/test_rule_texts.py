"""Short forms of rules: each is a text of the rule language that means what the form says."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

import numpy as np
import pytest

from mlops_dagster.rules import parse_rule
from mlops_dagster.rules.nodes import MomentName
from mlops_dagster.rules.oracle import evaluate, evaluate_aggregates
from mlops_dagster.spec.distribution_text import distribution_text
from mlops_dagster.spec.resolve_batches import MOST_SHARES
from mlops_dagster.spec.rule_demands import Distribution
from mlops_dagster.spec.rule_kinds import GROUP_OF, KINDS
from mlops_dagster.spec.rule_texts import column_text, rule_text
from mlops_dagster.spec.tables import Rule

MOMENTS = {
    MomentName.AS_OF: datetime(2024, 1, 3, tzinfo=timezone.utc),
    MomentName.WINDOW_START: datetime(2024, 1, 1, tzinfo=timezone.utc),
    MomentName.WINDOW_END: datetime(2024, 1, 2, tzinfo=timezone.utc),
}
NOON = datetime(2024, 1, 2, 12, tzinfo=timezone.utc)


def answer(demand: Mapping[str, object], row: Mapping[str, object]) -> object:
    rule = Rule.model_validate(demand)
    (kind,) = rule.kinds
    text = rule_text(kind, rule)
    assert text is not None
    return evaluate(parse_rule(text), row, moments=MOMENTS)


@pytest.mark.parametrize(
    ("demand", "good", "bad"),
    [
        ({"not_null": "x"}, [0, ""], [None]),
        ({"not_blank": ["x"]}, ["a", " a"], ["", "  ", "\t\n"]),
        ({"any_present": ["x", "y"]}, [1], [None]),
        ({"one_of": {"x": ["a", "it's", "back\\slash"]}}, ["a", "it's", "back\\slash"], ["b"]),
        ({"none_of": {"x": [1, -2.5]}}, [2], [1, -2.5]),
        ({"between": {"x": [-1, 2.5]}}, [-1, 2.5], [-1.5, 3]),
        ({"positive": "x"}, [0.1], [0, -1]),
        ({"not_negative": "x"}, [0], [-1]),
        ({"length": {"x": 2}}, ["ab", "日本"], ["a", "abc"]),
        ({"length": {"x": [1, 2]}}, ["a", "ab"], ["", "abc"]),
        ({"decimals": {"x": 2}}, [1.25, 3], [1.255]),
        ({"case": {"x": "upper"}}, ["AB", "1"], ["Ab"]),
        ({"case": {"x": "lower"}}, ["ab"], ["Ab"]),
        ({"matches": {"x": r"^\d+$"}}, ["12"], ["12a"]),
        ({"format": {"x": "date"}}, ["2024-02-29"], ["2023-02-29", "2024", "2024-02-29\n"]),
        ({"format": {"x": "timestamp"}}, ["2024-02-29T10:00Z"], ["2024-02-29", "2024-01-01 25:00"]),
        (
            {"format": {"x": "email"}},
            ["a.b+c@d-e.org"],
            ["a@b", "a b@c.de", "a@b.de\n", "@b.de", "a@b.de\nx"],
        ),
        (
            {"format": {"x": "url"}},
            ["http://a.b", "https://a.b:8080/c?d=e#f"],
            ["ftp://a.b", "http://", "http://a b", "javascript:alert(1)"],
        ),
        (
            {"format": {"x": "uuid"}},
            ["123e4567-e89b-12d3-a456-426614174000"],
            ["123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"],
        ),
        (
            {"format": {"x": "ipv4"}},
            ["1.2.3.4", "255.255.255.255"],
            ["256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4"],
        ),
        ({"format": {"x": "ipv6"}}, ["::1", "1:2:3:4:5:6:7:8"], ["1::2::3", "1.2.3.4", ":::"]),
        ({"format": {"x": "network"}}, ["10.0.0.0/8", "::/0"], ["10.0.0.0", "10.0.0.0/33"]),
        ({"format": {"x": "json"}}, ['{"a": [1, null]}', "1"], ["{a: 1}", "1 2", "", "[1]]"]),
        (
            {"format": {"x": "iban"}},
            ["DE89370400440532013000", "NO9386011117947"],
            ["DE89370400440532013001", "DE8937040044053201300", "ZZ89370400440532013000"],
        ),
        ({"format": {"x": "card"}}, ["4111111111111111"], ["4111111111111112", "0", "42"]),
        ({"format": {"x": "country"}}, ["DE", "AX"], ["de", "XX", "DEU"]),
        ({"format": {"x": "country_3"}}, ["DEU"], ["DE", "GER"]),
        ({"format": {"x": "currency"}}, ["EUR", "XAU"], ["DEM", "eur"]),
        ({"format": {"x": "language"}}, ["de", "zu"], ["DE", "xx", "deu"]),
        (
            {"date_format": {"x": "dd.MM.yyyy HH:mm"}},
            ["29.02.2024 23:59"],
            ["29.02.2023 23:59", "1.2.2024 10:00", "01.02.2024 24:00", "01.02.2024"],
        ),
        (
            {"json_has": {"x": ["a", "b c"]}},
            ['{"a": null, "b c": {}}'],
            ['{"a": 1}', '[{"a": 1, "b c": 2}]', "a, b c"],
        ),
        (
            {"json_types": {"x": {"a": "number", "b": "list"}}},
            ['{"a": 1.5, "b": []}'],
            ['{"a": "1", "b": []}', '{"a": 1, "b": null}', '{"b": {}}'],
        ),
        (
            {"in_network": {"x": ["10.0.0.0/8", "192.168.1.0/30"]}},
            ["10.255.0.1", "192.168.1.3"],
            ["11.0.0.0", "192.168.1.4", "10.0.0", "::1"],
        ),
        (
            {"free_of": {"x": ["email", "phone", "card"]}},
            ["nothing here", "order 4111111111111112", "@home", "+49 is Germany"],
            ["ask a.b@c.org", "call +49 (0)30 123456", "card 4111 1111 1111 1111."],
        ),
        ({"together": ["x", "y"]}, [1], [None]),
        ({"not_empty": "x"}, [[1], {"a": 1}], [[], {}]),
        ({"different": ["x", "y", "z"]}, [5], [1, 2]),
        ({"not_in_future": "x"}, [NOON], [datetime(2024, 1, 3, 1, tzinfo=timezone.utc)]),
        ({"age_at_most": {"x": "1 day"}}, [NOON], [datetime(2024, 1, 1)]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_short_form_about_rows_tells_good_from_bad(
    demand: dict[str, object], good: list[object], bad: list[object]
) -> None:
    rest = {"y": 1, "z": 2} if {"different", "together"} & demand.keys() else {"y": None}
    assert [answer(demand, {"x": value, **rest}) for value in good] == [True] * len(good)
    assert [answer(demand, {"x": value, **rest}) for value in bad] == [False] * len(bad)


def test_short_forms_of_many_columns_mean_all_of_them() -> None:
    assert answer({"not_null": ["x", "y"]}, {"x": 1, "y": None}) is False
    assert answer({"one_of": {"x": [1], "y": [2]}}, {"x": 1, "y": 3}) is False


def truth(demand: Mapping[str, object], rows: Sequence[Mapping[str, object]]) -> object:
    rule = Rule.model_validate(demand)
    if rule.distribution is not None:
        text: str | None = distribution_text(rule.distribution)
    else:
        text = rule_text(rule.kinds[0], rule)
    assert text is not None
    return evaluate_aggregates(parse_rule(text), rows, moments=MOMENTS)


def test_short_forms_about_time_see_the_instants_of_the_batch() -> None:
    assert truth({"fresh": {"t": "12 hours"}}, [{"t": NOON}]) is True
    assert truth({"fresh": {"t": "11 hours"}}, [{"t": NOON}, {"t": None}]) is False
    hours = [{"t": datetime(2024, 1, 1, hour, 59, tzinfo=timezone.utc)} for hour in range(24)]
    assert truth({"no_gaps": {"t": "1 hour"}}, hours) is True
    assert truth({"no_gaps": {"t": "1 hour"}}, hours[1:]) is False
    assert truth({"no_gaps": {"t": "4 hours"}}, hours[1:]) is True


def test_the_distance_of_a_distribution_is_the_total_variation() -> None:
    rows: list[dict[str, object]] = [{"x": value} for value in ("a", "a", "a", "b", "c", None)]
    # Shares 3/6, 1/6, and 2/6 that were expected to be nothing: (1/10 + 7/30 + 2/6) / 2 is 1/3.
    demand = {"column": "x", "expected": {"a": 0.6, "b": 0.4}}
    assert truth({"distribution": {**demand, "at_most": 0.34}}, rows) is True
    assert truth({"distribution": {**demand, "at_most": 0.32}}, rows) is False
    numbers: list[dict[str, object]] = [{"x": value} for value in (-1.0, 0.0, 5.0, 10.0)]
    bins = {"column": "x", "edges": [0.0, 10.0], "shares": [0.25, 0.5, 0.25]}
    assert truth({"distribution": {**bins, "at_most": 0.01}}, numbers) is True
    assert truth({"distribution": {**bins, "at_most": 0.2}}, numbers[1:]) is False


def test_the_population_stability_index_is_that_of_the_shares() -> None:
    rows = [{"x": value} for value in "aaaaaabbbc"]
    found, expected = np.array([0.6, 0.3, 0.1]), np.array([0.5, 0.5, 0.0001])
    index = float(np.sum((found - expected) * np.log(found / expected)))
    demand = {"column": "x", "expected": {"a": 0.5, "b": 0.5}, "distance": "psi"}
    assert truth({"distribution": {**demand, "at_most": index + 1e-9}}, rows) is True
    assert truth({"distribution": {**demand, "at_most": index - 1e-9}}, rows) is False


def test_the_other_distances_are_those_of_the_shares() -> None:
    rows = [{"x": value} for value in "aaaaaabbbc"]
    found, expected = np.array([0.6, 0.3, 0.1]), np.array([0.5, 0.5, 0.0001])
    divergence = float(np.sum(found * np.log(found / expected)))
    statistic = float(np.sum((found - [0.5, 0.5, 0]) ** 2 / expected))
    for distance, value in (("kl", divergence), ("chi_square", statistic)):
        demand = {"column": "x", "expected": {"a": 0.5, "b": 0.5}, "distance": distance}
        assert truth({"distribution": {**demand, "at_most": value + 1e-9}}, rows) is True
        assert truth({"distribution": {**demand, "at_most": value - 1e-9}}, rows) is False
    numbers = [{"x": value} for value in (-1.0, 0.0, 5.0, 10.0)]
    bins = {"column": "x", "edges": [0.0, 10.0], "shares": [0.5, 0.2, 0.3], "distance": "ks"}
    # Below 0 lies 1/4 where 1/2 was expected; below 10 lie 3/4 where 7/10 were.
    assert truth({"distribution": {**bins, "at_most": 0.2501}}, numbers) is True
    assert truth({"distribution": {**bins, "at_most": 0.2499}}, numbers) is False


def test_shares_of_nulls_and_of_distinct_values_are_bounded() -> None:
    rows: list[dict[str, object]] = [{"x": value} for value in (1, 1, 2, None)]
    assert truth({"null_rate": {"x": "25 %"}}, rows) is True
    assert truth({"null_rate": {"x": 0.24}}, rows) is False
    assert truth({"distinct_rate": {"x": "66.6 %"}}, rows) is True
    assert truth({"distinct_rate": {"x": "67 %"}}, rows) is False


@pytest.mark.parametrize("distance", ["total_variation", "psi", "kl", "chi_square"])
def test_a_distribution_of_as_many_shares_as_are_allowed_can_be_said(distance: str) -> None:
    shares = {f"value {number}": 0.05 for number in range(MOST_SHARES)}
    demand = Distribution.model_validate(
        {"column": "x", "expected": shares, "distance": distance, "at_most": 0.5}
    )
    assert parse_rule(distribution_text(demand)).aggregates


@pytest.mark.parametrize("name", ["and", "row_count", "two words", "tick`", "Ünï", "1st", "a.b"])
def test_a_column_of_any_name_can_be_meant(name: str) -> None:
    rule = parse_rule(f"{column_text(name)} is not null")
    assert rule.columns == {name}


def test_every_kind_belongs_to_a_group() -> None:
    assert set(GROUP_OF) == set(KINDS)
