"""Forms of texts: Spark's functions against the standard library and plain arithmetic."""

import random
from datetime import date, timedelta
from importlib.resources import files

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.rules import parse_rule
from mlops_dagster.rules.code_lists import (
    COUNTRIES,
    COUNTRIES_3,
    CURRENCIES,
    IBAN_LENGTHS,
    LANGUAGES,
)
from mlops_dagster.rules.columns import to_column
from mlops_dagster.rules.date_formats import format_problem
from mlops_dagster.rules.oracle import evaluate

DATE_FORMS = (
    "dd.MM.yyyy",
    "yyyyMMdd",
    "yyyy-MM-ddTHH:mm:ss.SSSZ",
    "MM/dd/yyyy HH:mm",
    "yyyy.dd(MM)",
)
FUNCTIONS = [
    *(f"is_date_as(x, '{form}')" for form in DATE_FORMS),
    *("is_ipv4(x)", "is_ipv6(x)", "is_network(x)", "in_network(x, '10.16.0.0/12')"),
    *("in_network(x, '0.0.0.0/0')", "in_network(x, '255.255.255.255/32')", "is_iban(x)"),
    *("is_luhn(x)", "is_json(x)", "json_has(x, 'a')", "json_has(x, 'a', 'it''s é')"),
    *(f"json_type(x, '{key}') = '{kind}'" for key in ("a", "b") for kind in ("number", "list")),
    *("json_type(x, 'a') = 'null'", "json_type(x, 'a') in ('text', 'boolean', 'object')"),
    "json_type(x, 'it''s é') is null",
    *("mentions(x, 'email')", "mentions(x, 'phone')", "mentions(x, 'card')", "is_country(x)"),
    *("is_country_3(x)", "is_currency(x)", "is_language(x)"),
]
ADDRESSES = [
    *("1.2.3.4", "10.16.0.1", "10.31.255.255", "10.32.0.0", "255.255.255.255", "0.0.0.0"),
    *("01.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4\n", "\u0661.2.3.4", "1.2.3.4/24"),
    *(
        "::",
        "::1",
        "1::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::3:4:5:6:7:8",
    ),
    *("1:2:3:4:5:6:1.2.3.4", "::ffff:1.2.3.4", "1::2::3", ":::", "1:2:3:4:5:6:7", "12345::"),
    *(
        "fe80::1%eth0",
        "2001:DB8::a",
        "1:2:3:4:5:6:7:8:9",
        "::1/128",
        "::/0",
        "::1/129",
        "1.2.3.4/33",
    ),
    *("1.2.3.4/08", "1.2.3.4/", "/8", "1.2.3.4/255.0.0.0", "::1.2.3.4.5", "1:2:3:4:5:1.2.3.4"),
]
NUMBERS = [
    *(
        "DE89370400440532013000",
        "GB82WEST12345698765432",
        "NO9386011117947",
        "FR1420041010050500013M02606",
    ),
    *("MT84MALT011000012345MTLCAST001S", "de89370400440532013000", "DE89 3704 0044 0532 0130 00"),
    *(
        "DE89370400440532013001",
        "DE8937040044053201300",
        "XX82WEST12345698765432",
        "NO9386011117948",
    ),
    *(
        "4111111111111111",
        "378282246310005",
        "4111111111111112",
        "0",
        "00",
        "18",
        "",
        "79927398713",
    ),
    *("4111 1111 1111 1111", "pay 2024 4111 1111 1111 1111 now", "4111-1111-1111-1111", "x" * 40),
    *("3782 822463 10005", "41111111111111112", "no4111111111111111yes", "4111 1111 1111 1112"),
]
JSON = [
    *('{"a": true}', '{"a": "b"}', '{"a": {}, "b": []}', '{"a": [1], "b": -1.5e3}'),
    *("{}", "[]", "null", "true", "1", "-0.5e10", '"a"', '{"a": 1}', '{"a": null, "it\'s é": []}'),
    *('{"a": {"it\'s é": 1}}', '[{"a": 1}]', "{a: 1}", "{'a': 1}", '{"a": 1,}', "[1, 2,]", "1 2"),
    *(
        "[1] x",
        "[1]]",
        '{"a": 1}}',
        "1}",
        "1,2",
        '"b": 2',
        '1, "b": 2',
        "NaN",
        "[Infinity]",
        "01",
        "+1",
    ),
    *(
        ".5",
        "1.",
        '{"a": 1, "a": 2}',
        '"\t"',
        '"\\x"',
        '"\\u00e9"',
        '{"\\u0061": 1}',
        " \n[1]\t",
        "tru",
    ),
    *(
        '{"it\'s é": 0, "b": [{"c": 1}], "a": "x"}',
        "//",
        '{"a" 1}',
        '["a" "b"]',
        "\ufeff1",
        "1e400",
    ),
]
TALK = [
    *(
        "write to a.b+c@mail-host.example.org!",
        "a@b",
        "@home",
        "x@y.c",
        "two@at@signs.org",
        "é@é.fr",
    ),
    *(
        "+49 (0)30-123456",
        "+1",
        "+12345678901234567",
        "call +441632960961.",
        "0049 30 123456",
        "+0123456",
    ),
]
DATES = [
    *(
        "29.02.2024",
        "29.02.2023",
        "31.04.2024",
        "1.2.2024",
        "01.13.2024",
        "00.01.2024",
        "01.01.0000",
    ),
    *(
        "20240229",
        "20230229",
        "2024-02-29T23:59:59.123Z",
        "2024-02-29T24:00:00.000Z",
        "02/29/2024 10:60",
    ),
    *("2024-02-29T23:59:59.123z", "02/29/2024 10:59", "2024.29(02)", "2024x29(02)", "01.01.2024\n"),
    *("09999-01-01", "01.01.9999", "99991231", "10000101", "01.01.0001"),
]
CODES = [
    "DE",
    "de",
    "DEU",
    "GER",
    "EUR",
    "DEM",
    "XAU",
    "en",
    "EN",
    "sh",
    "xx",
    "XK",
    "UK",
    "GB",
    "AX",
]
TEXTS = [*ADDRESSES, *NUMBERS, *JSON, *TALK, *DATES, *CODES]


def spoilt(text: str, chance: random.Random) -> str:
    """Return a text with one sign left out, doubled, replaced, or changed places."""
    place = chance.randrange(len(text))
    other = chance.choice('0123456789ABZaz:./-+@ {}[],"')
    return chance.choice(
        [
            text[:place] + text[place + 1 :],
            text[:place] + text[place] * 2 + text[place + 1 :],
            text[:place] + other + text[place + 1 :],
            text[:place] + text[place:][::-1],
        ]
    )


def test_forms_of_texts_mean_the_same_in_spark_and_in_plain_python(spark: SparkSession) -> None:
    chance = random.Random(7)
    texts: list[str | None] = [None, *TEXTS]
    texts += [spoilt(text, chance) for text in TEXTS if text for _ in range(4)]
    rules = [parse_rule(text) for text in FUNCTIONS]
    frame = spark.createDataFrame([(text,) for text in texts], "x string")
    found = frame.select("x", *(to_column(r).alias(f"r{n}") for n, r in enumerate(rules)))
    differences = [
        (rule.text, row["x"], row[f"r{number}"])
        for row in found.collect()
        for number, rule in enumerate(rules)
        if row[f"r{number}"] is not evaluate(rule, {"x": row["x"]})
    ]
    assert not differences, differences[:5]
    # Nothing is always refused or always let through.
    for rule in rules:
        answers = {evaluate(rule, {"x": text}) for text in texts}
        assert {True, False} <= answers, rule.text


def test_every_day_written_in_a_form_has_it_and_no_other_text_of_digits(
    spark: SparkSession,
) -> None:
    days = [date(2023, 12, 30) + timedelta(days=number) for number in range(430)]
    texts = {day.strftime("%d.%m.%Y") for day in days}
    texts |= {f"{day:02}.{month:02}.2024" for day in range(33) for month in range(14)}
    frame = spark.createDataFrame([(text,) for text in sorted(texts)], "x string")
    rule = parse_rule("is_date_as(x, 'dd.MM.yyyy')")
    found = {row[0] for row in frame.where(to_column(rule)).collect()}
    leap_year = {date(2024, 1, 1) + timedelta(days=number) for number in range(366)}
    assert found == {day.strftime("%d.%m.%Y") for day in {*days, *leap_year}}


def test_the_size_of_lists_and_mappings_is_counted(spark: SparkSession) -> None:
    schema = {"l": "array<int>", "m": "map<string,int>"}
    rows = [([1, 2], {"a": 1}), ([], {}), (None, None), ([None], {"a": None})]
    frame = spark.createDataFrame(rows, ", ".join(f"{n} {kind}" for n, kind in schema.items()))
    rules = [parse_rule(f"size({name}) > 0") for name in schema]
    found = frame.select(*(to_column(rule, types=schema) for rule in rules)).collect()
    expected = [[evaluate(r, dict(zip(schema, row, strict=True))) for r in rules] for row in rows]
    assert [list(row) for row in found] == expected


def test_an_approximate_count_is_near_the_exact_one(spark: SparkSession) -> None:
    rule = parse_rule("approx_distinct_count(x) between 900 and 1100")
    numbers = spark.range(3000).select((F.col("id") % 1000).alias("x"))
    assert numbers.agg(to_column(rule)).collect()[0][0] is True


def test_the_countries_are_those_of_the_zone_database() -> None:
    table = files("tzdata") / "zoneinfo" / "iso3166.tab"
    lines = table.read_text(encoding="utf-8").splitlines()
    assert {line[:2] for line in lines if not line.startswith("#")} == COUNTRIES
    assert len(COUNTRIES_3) == len(COUNTRIES)
    assert {text[:2] for text in IBAN_LENGTHS} <= COUNTRIES | {"XK"}
    assert {len(code) for code in COUNTRIES_3 | CURRENCIES} == {3}
    assert {len(code) for code in COUNTRIES | LANGUAGES} == {2}


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ("dd.MM.yy", "'yy' is none of yyyy, MM, dd, HH, mm, ss, SSS"),
        ("dd.MM", "'yyyy' is missing: a date has a year, a month and a day"),
        ("dd.MM.yyyy mm", "'mm' needs 'HH' beside it"),
        ("dd.MM.yyyy dd", "'dd' stands twice"),
        ("d.M.yyyy", "'d' is none of yyyy, MM, dd, HH, mm, ss, SSS"),
        ("yyyy-MM-dd" + "-" * 60, "longer than 60 characters"),
    ],
)
def test_a_form_that_is_no_form_of_dates_is_refused(form: str, problem: str) -> None:
    assert format_problem(form) == problem


def test_forms_of_dates_are_taken() -> None:
    assert [format_problem(form) for form in DATE_FORMS] == [None] * len(DATE_FORMS)
