"""Spark columns against the plain-Python oracle, on generated rules and rows."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.rules import check_columns, parse_rule
from mlops_dagster.rules.columns import to_column
from mlops_dagster.rules.nodes import MomentName
from mlops_dagster.rules.oracle import evaluate, evaluate_aggregates
from mlops_dagster.rules.tokens import TokenKind, tokenise

SCHEMA = {
    "a": "bigint",
    "b": "bigint",
    "x": "double",
    "y": "double",
    "p": "decimal(10,2)",
    "flag": "boolean",
    "name": "string",
    "odd.na`me ü": "string",
    "t": "timestamp",
    "u": "timestamp",
    "d": "date",
}
Row = dict[str, object]

WHOLE = [0, 1, -1, 7, -13, 1000, 2**31, 2**53 + 1, -(2**53) - 1, 2**62, 2**63 - 1, -(2**63)]
DOUBLES = [
    *(0.0, -0.0, 0.5, -2.5, 3.0, 0.1, 1e16, 9007199254740992.0, 1.7e308, -1e-300),
    *(math.nan, math.inf, -math.inf),
]
DECIMALS = [Decimal(text) for text in ("0.00", "1.10", "-2.50", "12345678.90", "7.00")]
TEXTS = [
    "",
    "a",
    "A",
    " ab ",
    "x%y",
    "x_y",
    "a\\b",
    "äöü",
    "日本",
    "😀x",
    "line\nend",
    "line\n",
    "'q\"`",
    "2024-02-29",
    "2023-02-29",
    "0000-01-01",
    "2024-02-29\n",
    " 2024-01-31",
    "20240131",
    "2024-1-31",
    "9999-12-31T23:59:59.123456Z",
    "2024-01-31 24:00",
    "2024-01-31 12:30+17:59",
    "2024-02-30T12:30",
    "2024-01-31T12:30:60",
]
TIMES = [
    datetime(2024, 1, 31, 12, 30, 15, 250_000, tzinfo=timezone.utc),
    datetime(2024, 2, 29, tzinfo=timezone.utc),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc),
    datetime(2024, 1, 31, 12, 45, 15, 250_000, tzinfo=timezone.utc),
]
MOMENTS = {
    MomentName.AS_OF: datetime(2024, 2, 1, 12, tzinfo=timezone.utc),
    MomentName.WINDOW_START: datetime(2024, 1, 1, tzinfo=timezone.utc),
    MomentName.WINDOW_END: datetime(2024, 2, 1, tzinfo=timezone.utc),
}
DATES = [date(2024, 1, 31), date(2024, 2, 29), date(1970, 1, 1), date(1900, 3, 1)]


def or_null(values: Sequence[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.none(), st.sampled_from(values))


ROW = st.fixed_dictionaries(
    {
        "a": or_null(WHOLE),
        "b": or_null(WHOLE),
        "x": or_null(DOUBLES),
        "y": or_null(DOUBLES),
        "p": or_null(DECIMALS),
        "flag": or_null([True, False]),
        "name": or_null(TEXTS),
        "odd.na`me ü": or_null(TEXTS),
        "t": or_null(TIMES),
        "u": or_null(TIMES),
        "d": or_null(DATES),
    }
)

WHOLE_LEAF = st.sampled_from(["a", "b", "0", "2", "-3", "1000", "9007199254740993"])
DOUBLE_LEAF = st.sampled_from(["x", "y", "0.5", "-2.5", "1e16", "0.0", "3.0"])
TEXT = st.sampled_from(
    [
        *("name", "`odd.na``me ü`", "'a'", "'ÄÖÜ'", "lower(name)", "upper(`odd.na``me ü`)"),
        *("trim(name)", "coalesce(name, `odd.na``me ü`)", "least(name, 'b')"),
    ]
)
COMPARATOR = st.sampled_from(["=", "==", "!=", "<>", "<", "<=", ">", ">="])
TIME = st.sampled_from(
    [
        *("as_of()", "window_start()", "window_end() - interval 1 month"),
        *("t", "u", "d", "date '2024-02-29'", "timestamp '2024-01-31 12:30:15.25'", "date(t)"),
        *("t + interval 15 minutes", "t - interval '1' month", "d + interval 1 day"),
        *("d + interval 1 month", "t + make_interval(secs => x)", "interval 1 year + d"),
        *("t - make_interval(hours => 3, mins => p)", "t + make_interval(days => 1, secs => a)"),
    ]
)


def joined(parts: Sequence[str]) -> str:
    return "(" + " ".join(parts) + ")"


def numbers(leaf: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operator = st.sampled_from(["+", "-", "*", "/", "%"])
        function = st.sampled_from(["abs({})", "-({})", "floor({})", "ceil({})", "round({})"])
        return st.one_of(
            st.tuples(inner, operator, inner).map(joined),
            st.builds(lambda form, value: form.format(value), function, inner),
        )

    return st.recursive(leaf, wider, max_leaves=4)


NUMBER = st.one_of(
    numbers(WHOLE_LEAF),
    numbers(DOUBLE_LEAF),
    st.tuples(numbers(WHOLE_LEAF), st.sampled_from(["+", "*", "%"]), numbers(DOUBLE_LEAF)).map(
        joined
    ),
    st.sampled_from(
        [
            *(
                "p",
                "p + 1",
                "p * 2 - p",
                "round(p, 1)",
                "floor(p)",
                "round(x, 2)",
                "coalesce(a, b)",
            ),
            *("greatest(x, y)", "least(x, y, 0.5)", "coalesce(x, y)", "length(name)", "year(t)"),
            *(
                "quarter(d)",
                "month(t)",
                "day(d)",
                "weekday(t)",
                "hour(t)",
                "minute(u)",
                "second(t)",
            ),
            *("sqrt(x)", "sqrt(a)", "ln(y)", "ln(p)", "slot(t, 3600)", "slot(d, 86400)"),
            *("slot(as_of(), 7)", "slot(u, 1)", "date_diff(window_end(), window_start())"),
            *("date_diff(t, d)", "length(trim(name)) * a", "hour(d)"),
        ]
    ),
)

TEST = st.one_of(
    st.tuples(NUMBER, COMPARATOR, NUMBER).map(joined),
    st.tuples(TEXT, COMPARATOR, TEXT).map(joined),
    st.tuples(TIME, COMPARATOR, TIME).map(joined),
    st.builds("{} between {} and {}".format, NUMBER, NUMBER, NUMBER),
    st.builds("{} not between {} and {}".format, TIME, TIME, TIME),
    st.builds("{} in (1, 0.5, -13)".format, NUMBER),
    st.builds("{} not in (1, 7, 9007199254740992)".format, numbers(WHOLE_LEAF)),
    st.builds("{} in ('a', '', 'äöü')".format, TEXT),
    st.builds("{} {} null".format, NUMBER, st.sampled_from(["is", "is not"])),
    st.builds(
        "{} {} '{}'".format,
        TEXT,
        st.sampled_from(["like", "not like", "ilike"]),
        st.sampled_from(["%", "_", "a%", r"x\%_", r"%\\%", "%ö%", "line_end", "%\n", "_x", "A"]),
    ),
    st.builds(
        "{} {} '{}'".format,
        TEXT,
        st.sampled_from(["rlike", "~", "not rlike"]),
        st.sampled_from(
            ["^a", "b$", "d$", ".", r"\w+", r"^\s*$", "(?i)AB", "[^a-z]", "x[%_]y", "e.e", "^..$"]
        ),
    ),
    st.builds(
        '{}.str.{}("{}")'.format,
        st.sampled_from(["name", "`odd.na``me ü`", "lower(name)"]),
        st.sampled_from(["contains", "startswith", "endswith"]),
        st.sampled_from(["", "a", "ö", "%", ".", "😀", "\\\\"]),
    ),
    st.builds("t - u {} interval 15 minutes".format, COMPARATOR),
    st.sampled_from(
        [
            "is_date(name)",
            "is_timestamp(name)",
            "is_date(trim(name))",
            "flag",
            "not flag",
            "flag = true",
            "isnan(x)",
            "isnan(x / y)",
            "t - d > t - u",
        ]
    ),
)


def conditions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(joined),
        inner.map("not ({})".format),
    )


RULE = st.recursive(TEST, conditions, max_leaves=4)
SPARK_SETTINGS = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def frame_of(
    spark: SparkSession, rows: Sequence[Row], schema: Mapping[str, str] = SCHEMA
) -> DataFrame:
    columns = ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in schema.items())
    return spark.createDataFrame([tuple(row[name] for name in schema) for row in rows], columns)


# Names that mean something else, are no words, or differ from their neighbours in one sign.
ODD_NAMES = [
    *("and", "row_count", "select", "a.b", "tick`s", "two words", "1st", "Ünï", "日本"),
    *("p(x)", "it's", "UPPER", "_", "😀", 'quo"te'),
]
NARROW = {"b": ("bigint", "int", "smallint", "tinyint"), "y": ("double", "float")}
BITS = {"bigint": 63, "int": 31, "smallint": 15, "tinyint": 7}


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, tuple[str, str]]:
    """Return for each column of SCHEMA, in any order, another name and perhaps a narrower type."""
    names = draw(st.permutations(ODD_NAMES))
    order = draw(st.permutations(list(SCHEMA)))
    types = SCHEMA | {column: draw(st.sampled_from(kinds)) for column, kinds in NARROW.items()}
    return {column: (name, types[column]) for column, name in zip(order, names, strict=False)}


def renamed(text: str, names: Mapping[str, tuple[str, str]]) -> str:
    """Return a rule about other names of the columns."""
    written, end = "", 0
    tokens = tokenise(text)
    for token, following in pairwise(tokens):
        column = token.kind in (TokenKind.WORD, TokenKind.QUOTED_NAME) and token.value in names
        if column and following.value != "(" and following.kind is not TokenKind.TEXT:
            name = names[token.value][0].replace("`", "``")
            written += f"{text[end : token.span.start]}`{name}`"
            end = token.span.end
    return written + text[end:]


def fitting(value: object, kind: str) -> object:
    """Return the value, or null where a column of this type cannot hold it."""
    if (
        kind in BITS
        and isinstance(value, int)
        and not -(2 ** BITS[kind]) <= value < 2 ** BITS[kind]
    ):
        return None
    if kind == "float" and isinstance(value, float):
        with np.errstate(over="ignore"):
            return value if math.isnan(value) or float(np.float32(value)) == value else None
    return value


@SPARK_SETTINGS
@given(
    texts=st.lists(RULE, min_size=256, max_size=256),
    values=st.lists(ROW, min_size=16, max_size=16),
    names=schemas(),
)
def test_a_rule_means_the_same_in_spark_and_in_plain_python(
    spark: SparkSession,
    texts: list[str],
    values: list[Row],
    names: dict[str, tuple[str, str]],
) -> None:
    schema = dict(names.values())
    rows: list[Row] = [
        {name: fitting(row[column], kind) for column, (name, kind) in names.items()}
        for row in values
    ]
    rules = [parse_rule(renamed(text, names)) for text in texts]
    assert [check_columns(rule, schema) for rule in rules] == [()] * len(rules)
    found = frame_of(spark, rows, schema).select(
        *[
            to_column(rule, types=schema, moments=MOMENTS).alias(f"r{number}")
            for number, rule in enumerate(rules)
        ]
    )
    differences = [
        (rule.text, row, answers[index], evaluate(rule, row, moments=MOMENTS))
        for row, answers in zip(rows, found.collect(), strict=True)
        for index, rule in enumerate(rules)
        if answers[index] is not evaluate(rule, row, moments=MOMENTS)
    ]
    assert not differences, differences[0]


SOME = parse_rule("a is null or a > 0")
AGGREGATE_RULES = [
    "row_count = 7",
    "row_count between 1 and 9",
    "count(*) > count(x)",
    "column_count = 11",
    "mean(x) > 1.25",
    "avg(a) <= 3",
    "sum(x) = sum(y)",
    "sum(a) % 2 = 0",
    "min(x) < max(y)",
    "max(name) = 'b'",
    "min(d) >= date '2024-01-31'",
    "max(t) - min(t) < interval 1 day",
    "stddev(x) > 0.7",
    "distinct_count(x) = 3",
    "count(distinct name) > 1",
    "null_rate(name) <= 0.25",
    "null_rate(x + a) > 0.5 or row_count = 0",
    "quantile(x, 0.5) >= 1",
    "quantile(a, 0.99) > 2 and quantile(a, 0) < 0",
    "min(x) is null",
    "not (mean(a) / sum(a) < 0.2)",
    "mean(length(name)) >= 1",
    "sum(p) > 3",
    "count_if(x > 0) = 2",
    "share(name = 'a') between 0.2 and 0.7",
    "share(x is null or x > 1) < 0.5",
    "variance(a) > 4",
    "skewness(a) > 0.1",
    "kurtosis(a) < -1",
    "skewness(x) is null",
    "max(t) < as_of() - interval 1 hour",
    "ln(row_count) > 1.5 and sqrt(row_count) < 2.7",
    "distinct_count(slot(t, 60)) >= 2",
    "median(x) >= 0.5",
    "median(a) < quantile(a, 0.75)",
    "mode(a) = 2",
    "mode(name) in ('a', '日本')",
    "mode(d) = date '2024-02-29'",
    "corr(a, x) > 0.3",
    "corr(x, y) between -0.9 and 0.2",
    "corr(a, b) is null",
    "approx_distinct_count(b) <= 1",
]


@SPARK_SETTINGS
@given(
    sets=st.lists(
        st.lists(
            st.fixed_dictionaries(
                {
                    "a": or_null([-2, 0, 1, 2, 5]),
                    "b": or_null([1]),
                    "x": or_null([0.0, -0.0, 1.25, -2.5, math.nan]),
                    "y": or_null([0.0, 1.25]),
                    "p": or_null(DECIMALS[:3]),
                    "flag": st.none(),
                    "name": or_null(["a", "b", "", "日本"]),
                    "odd.na`me ü": st.none(),
                    "t": or_null(TIMES),
                    "u": st.none(),
                    "d": or_null(DATES),
                }
            ),
            max_size=9,
        ),
        min_size=6,
        max_size=6,
    )
)
def test_a_rule_about_a_data_set_means_the_same_in_spark_and_in_plain_python(
    spark: SparkSession, sets: list[list[Row]]
) -> None:
    rules = [parse_rule(text) for text in AGGREGATE_RULES]
    frame = frame_of(spark, [row for rows in sets for row in rows], SCHEMA)
    group = [number for number, rows in enumerate(sets) for _ in rows]
    numbered = spark.createDataFrame(
        [(number, *row) for number, row in zip(group, _tuples(sets), strict=True)],
        "g int, " + ", ".join(f"c{i} {kind}" for i, kind in enumerate(SCHEMA.values())),
    )
    names = {f"c{index}": name for index, name in enumerate(SCHEMA)}
    frame = numbered.withColumnsRenamed(names)
    columns = [
        to_column(rule, column_count=len(SCHEMA), moments=MOMENTS, where=limit).alias(f"r{n}{tag}")
        for n, rule in enumerate(rules)
        for tag, limit in (("", None), ("_some", F.coalesce(to_column(SOME), F.lit(False))))
    ]
    answers = {row["g"]: row for row in frame.groupBy("g").agg(*columns).collect()}
    answers[-1] = frame.where(F.lit(False)).agg(*columns).collect()[0]
    for number, rows in [*enumerate(sets), (-1, [])]:
        if number >= 0 and not rows:
            continue
        for index, rule in enumerate(rules):
            for tag, where in (("", None), ("_some", SOME)):
                expected = evaluate_aggregates(
                    rule, rows, column_count=len(SCHEMA), moments=MOMENTS, where=where
                )
                assert answers[number][f"r{index}{tag}"] is expected, (rule.text, tag, rows)


def _tuples(sets: Sequence[Sequence[Row]]) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in SCHEMA) for rows in sets for row in rows]


def test_narrow_numbers_are_computed_in_64_bits_when_the_types_are_given(
    spark: SparkSession,
) -> None:
    types = {"i": "int", "f": "float"}
    frame = frame_of(spark, [{"i": 2**31 - 1, "f": 0.1}], types)
    product = parse_rule("i * i = 4611686014132420609")
    sum_ = parse_rule("f + f = 0.20000000298023224")
    columns = [to_column(rule, types=types) for rule in (product, sum_)]
    assert list(frame.select(*columns).collect()[0]) == [True, True]
    assert frame.select(to_column(product)).collect()[0][0] is None


def test_a_rule_with_five_hundred_conditions_is_computed(spark: SparkSession) -> None:
    text = " or ".join(f"a={number}" for number in range(240))
    frame = frame_of(spark, [{"a": 239}, {"a": 240}], {"a": "bigint"})
    found = frame.select(to_column(parse_rule(text))).collect()
    assert [row[0] for row in found] == [True, False]


def test_the_deepest_rule_is_computed(spark: SparkSession) -> None:
    sums = "a" + "+1" * 30
    calls = "abs(" * 11 + "a" + ")" * 11
    tests = "a" + " between false and true)" * 30
    frame = frame_of(spark, [{"a": 1, "b": True}], {"a": "bigint", "b": "boolean"})
    texts = [f"{sums} = 31", f"{calls} = 1", "(" * 30 + tests.replace("a between", "b between", 1)]
    columns = [F.when(~F.array(to_column(parse_rule(text)))[0], 0).otherwise(1) for text in texts]
    assert list(frame.select(*columns).collect()[0]) == [1, 1, 1]


def test_a_rule_with_column_count_needs_the_number_of_columns() -> None:
    with pytest.raises(ValueError, match="needs the number of columns"):
        to_column(parse_rule("column_count > 5"))


def test_a_row_of_the_flights_sketch_is_judged_as_written(spark: SparkSession) -> None:
    rule = parse_rule("departed_at = scheduled_departure + make_interval(mins => delay_minutes)")
    scheduled = datetime(2013, 1, 1, 10, 15, tzinfo=timezone.utc)
    rows: list[Row] = [
        {"scheduled_departure": scheduled, "departed_at": scheduled + timedelta(minutes=delay)}
        | {"delay_minutes": minutes}
        for delay, minutes in [(2, 2), (-3, -3), (5, 4)]
    ]
    types = {
        "scheduled_departure": "timestamp",
        "departed_at": "timestamp",
        "delay_minutes": "bigint",
    }
    found = frame_of(spark, rows, types).select(to_column(rule, types=types)).collect()
    assert [row[0] for row in found] == [True, True, False]
