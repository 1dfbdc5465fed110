"""Rules against the types of a table's columns."""

import pytest

from mlops_dagster.rules import check_columns, parse_rule

TYPES = {
    "id": "bigint",
    "amount": "decimal(10,2)",
    "ratio": "double",
    "name": "string",
    "active": "boolean",
    "day": "date",
    "at": "timestamp",
    "at_local": "timestamp_ntz",
    "tags": "array<string>",
    "lasted": "interval day to second",
}


@pytest.mark.parametrize(
    "text",
    [
        "id > 1 and amount <= 2.5 and ratio = id",
        "name.str.contains('x') or lower(name) in ('a', 'b')",
        "active and not active = false",
        "day < at and at >= at_local and day = date '2024-01-31'",
        "at - at_local < interval 3 hours and lasted > interval 1 day",
        "at + lasted > day + interval 1 month",
        "tags is not null and id > 0",
        "mean(amount) > sum(ratio) and max(day) > date '2024-01-31' and null_rate(tags) < 1",
        "year(day) = year(at) and date_diff(at, day) < 3 and weekday(at) < 5",
        "coalesce(day, at) > day",
        "id + ratio * amount - 1 > 0",
    ],
)
def test_a_rule_that_fits_the_types_has_no_problem(text: str) -> None:
    assert check_columns(parse_rule(text), TYPES) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("idd > 1", "unknown column idd (did you mean id?)"),
        ("ID > 1", "unknown column ID"),
        ("zzz > 1", "unknown column zzz"),
        ("name > 1", "a text cannot be compared with a number in '1'"),
        ("id = '1'", "a number cannot be compared with a text in ''1''"),
        ("day > '2024-01-01'", "a date cannot be compared with a text in ''2024-01-01''"),
        ("at = 5", "a timestamp cannot be compared with a number in '5'"),
        ("id.str.contains('1')", "expected a text, found a number in 'id'"),
        ("id like '1%'", "expected a text, found a number in 'id'"),
        ("id", "a rule is a condition, this is a number in 'id'"),
        ("name and active", "expected a condition, found a text in 'name'"),
        ("name + 1 > 2", "a text cannot be added to a number in 'name + 1'"),
        ("name * 2 > 2", "a text cannot be calculated with a number in 'name * 2'"),
        ("day - 1 > at", "a number cannot be subtracted from a date in 'day - 1'"),
        ("at - name > lasted", "a text cannot be subtracted from a timestamp in 'at - name'"),
        ("active > 0", "true or false cannot be compared with a number in '0'"),
        ("mean(name) > 0", "expected a number, found a text in 'name'"),
        ("quantile(day, 0.5) > 0", "expected a number, found a date in 'day'"),
        ("hour(name) > 0", "expected a date or timestamp, found a text in 'name'"),
        ("coalesce(id, name) = 1", "a number cannot be compared with a text in 'name'"),
        ("at + make_interval(mins => name) > at", "expected a number, found a text in 'name'"),
    ],
)
def test_a_certain_clash_is_told_with_the_part_of_the_rule(text: str, problem: str) -> None:
    assert check_columns(parse_rule(text), TYPES) == (problem,)


def test_a_column_that_rules_cannot_look_into_may_only_be_null_or_counted() -> None:
    (problem,) = check_columns(parse_rule("place = place"), {"place": "struct<x:int>"})
    assert "cannot look into" in problem


def test_a_list_is_only_null_or_of_a_size() -> None:
    assert check_columns(parse_rule("size(tags) > 0 and tags is not null"), TYPES) == ()
    (problem,) = check_columns(parse_rule("tags = tags"), TYPES)
    assert problem == ("a list or mapping cannot be compared with a list or mapping in 'tags'")
    (problem,) = check_columns(parse_rule("size(name) > 0"), TYPES)
    assert problem == "expected a list or mapping, found a text in 'name'"


def test_all_problems_are_told_at_once() -> None:
    problems = check_columns(
        parse_rule("name > 1 and id.str.contains('x') and abs(day) > 1"), TYPES
    )
    assert len(problems) == 3
    unknown = check_columns(parse_rule("idd > 1 and nam = 'x'"), TYPES)
    assert unknown == (
        "unknown column idd (did you mean id?)",
        "unknown column nam (did you mean name?)",
    )
