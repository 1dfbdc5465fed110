"""Reading of rules and gates: trees, places, and everything that is refused."""

import sys
from datetime import date, datetime, timezone
from pathlib import Path
from subprocess import run

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.errors import ExpressionError
from mlops_dagster.rules import parse_gate, parse_rule
from mlops_dagster.rules.columns import to_column
from mlops_dagster.rules.expression import walk
from mlops_dagster.rules.nodes import (
    Aggregate,
    Between,
    ColumnRef,
    Comparison,
    Interval,
    IsNull,
    Literal,
    Not,
    RegexMatch,
    StringTest,
    TextTest,
    Unit,
)

CORPUS = Path(__file__).with_name("refused_rules.txt")
REFUSED = [
    tuple(line.rsplit(" => ", 1))
    for line in CORPUS.read_text(encoding="utf-8").splitlines()
    if not line.startswith("# ")
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_a_malicious_or_broken_rule_is_refused_with_a_message(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_rule(text.replace("\\n", "\n"), table="customers")
    assert message in str(caught.value)
    assert "^" in str(caught.value)


def test_the_corpus_of_refused_rules_is_large() -> None:
    assert len(REFUSED) > 150


def test_the_message_shows_the_text_with_a_caret_below_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_rule("a > 1; drop table t")
    assert str(caught.value) == (
        "a second statement is not part of the rule language\n  a > 1; drop table t\n       ^"
    )


def test_the_message_underlines_the_whole_word_and_names_the_nearest() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_rule("amount > 0 and lenght(name) > 2")
    assert str(caught.value) == (
        "unknown function, found lenght (did you mean length?)\n"
        "  amount > 0 and lenght(name) > 2\n"
        "                 ^^^^^^"
    )


def test_the_error_of_a_text_of_several_lines_has_its_line_and_column() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_rule("a > 1\nand b >\n  20_000")
    assert (caught.value.line, caught.value.column) == (3, 3)
    assert str(caught.value).endswith("\n    20_000\n    ^^^^^^")


def test_a_long_text_is_shown_around_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_rule("a > 1 and " * 100 + "b ? 1" + " and a > 1" * 100)
    shown, carets = str(caught.value).splitlines()[1:]
    assert len(shown) < 120
    assert shown[carets.index("^")] == "?"


def test_a_text_cannot_write_on_the_terminal() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_rule("a = '\x1b[31m' ; b")
    assert "\x1b" not in str(caught.value)


def test_a_rule_knows_its_columns_and_whether_it_is_about_rows() -> None:
    rows = parse_rule("departed_at = scheduled + make_interval(mins => delay) or `odd.name` > 1")
    assert rows.columns == {"departed_at", "scheduled", "delay", "odd.name"}
    assert not rows.aggregates
    data_set = parse_rule("null_rate(tail) < 0.1 and row_count between 20000 and 40000")
    assert data_set.columns == {"tail"}
    assert data_set.aggregates


def test_bare_names_of_statistics_are_statistics_and_quoted_ones_are_columns() -> None:
    assert parse_rule("column_count > 5").aggregates
    assert parse_rule("`row_count` > 5").columns == {"row_count"}


def test_a_column_may_be_qualified_by_the_tables_own_name() -> None:
    rule = parse_rule("customers.id is not null", table="customers")
    assert isinstance(rule.root, Not)
    assert isinstance(rule.root.value, IsNull)
    assert rule.columns == {"id"}
    with pytest.raises(ExpressionError, match=r"expected id, found customers\.id"):
        parse_rule("customers.id is not null")


def test_a_test_of_a_text_is_read_from_a_column_a_qualified_column_and_a_call() -> None:
    for value in ("name", "customers.name", "`name`", "lower(name)", "(name)"):
        rule = parse_rule(f'{value}.str.contains("x")', table="customers")
        assert isinstance(rule.root, StringTest)
        assert (rule.root.test, rule.root.part) == (TextTest.CONTAINS, "x")
        assert rule.columns == {"name"}
    assert parse_rule("startswith(name, 'x')").root == parse_rule("name.str.startswith('x')").root


def test_a_column_may_be_called_str() -> None:
    assert parse_rule("str = 'a'").columns == {"str"}
    assert parse_rule("t.str = 'a'", table="t").columns == {"str"}


def test_equal_rules_have_equal_trees_wherever_their_parts_stand() -> None:
    assert parse_rule("a>1").root == parse_rule("  (a)  >  1").root
    assert parse_rule("a <> 1").root == parse_rule("a != 1").root


def test_every_node_shows_its_own_text() -> None:
    rule = parse_rule("x + 1 between 2 and (abs(y)) and not name like 'a%'")
    sources = {type(node).__name__: rule.source(node) for node in walk(rule.root)}
    assert sources["Between"] == "x + 1 between 2 and (abs(y))"
    assert sources["FunctionCall"] == "(abs(y))"
    assert sources["Not"] == "not name like 'a%'"


def test_literals_become_typed_values() -> None:
    found = {
        text: node.value
        for text in ("1", "-2.5", "1e3", "'it''s'", '"a\\"b"', "true", r"'\d'", r"'\n'")
        for node in walk(parse_rule(f"a = {text}").root)
        if isinstance(node, Literal)
    }
    assert list(found.values()) == [1, -2.5, 1000.0, "it's", 'a"b', True, "\\d", "\n"]


def test_times_without_an_offset_are_utc() -> None:
    rule = parse_rule(
        "t in (date '2024-01-31', timestamp '2024-01-31 12:00', "
        "timestamp '2024-01-31T12:00:00.5+01:00')"
    )
    values = [node.value for node in walk(rule.root) if isinstance(node, Literal)]
    assert values == [
        date(2024, 1, 31),
        datetime(2024, 1, 31, 12, tzinfo=timezone.utc),
        datetime(2024, 1, 31, 11, 0, 0, 500_000, tzinfo=timezone.utc),
    ]


def test_an_interval_is_written_in_three_ways() -> None:
    for text in ("interval 30 days", "INTERVAL '30' day", "make_interval(days => 30)"):
        rule = parse_rule(f"t + {text} > u")
        interval = next(node for node in walk(rule.root) if isinstance(node, Interval))
        assert [unit for unit, _ in interval.parts] == [Unit.DAY]


def test_other_names_of_the_same_function_give_the_same_tree() -> None:
    assert parse_rule("avg(x) > 1").root == parse_rule("mean(x) > 1").root
    assert parse_rule("count(distinct x) > 1").root == parse_rule("DISTINCT_COUNT(x) > 1").root
    assert parse_rule("count(*) > 1").root == parse_rule("row_count > 1").root
    assert isinstance(parse_rule("x ~ 'a'").root, RegexMatch)


def test_the_names_of_a_gate_are_metrics() -> None:
    gate = parse_gate("roc_auc >= 0.65 and expected_calibration_error <= 0.05 or row_count > 1")
    assert gate.columns == {"roc_auc", "expected_calibration_error", "row_count"}
    assert not any(isinstance(node, Aggregate) for node in walk(gate.root))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean(x) > 1", "a gate compares metrics and sees no rows"),
        ("model.auc > 1", "the name of a metric has no dots"),
        ("roc_auc", "a gate is a condition, this is a number"),
        ("roc_auc > 'a'", "a number cannot be compared with a text"),
        ("lower(roc_auc) = 'a'", "expected a text, found a number"),
        ("1 > 0", "the gate names no metric"),
        ("", "the text ends too early"),
    ],
)
def test_a_gate_that_is_no_condition_on_metrics_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse_gate(text)


HOSTILE = {
    "parentheses": "(" * 3000 + "a" + ")" * 900,
    "nots": "not " * 900 + "a",
    "signs": "- " * 1500 + "a > 1",
    "calls": "abs(" * 900 + "a",
    "sums": "a" + "+a" * 1900 + " > 1",
    "nested sums": "(" * 30 + "a" + "+1+1+1+1+1+1+1+1+1+1)" * 30 + " > 1",
    "conditions": "a or " * 790 + "a",
    "characters": "a = '" + "x" * 5000 + "'",
    "commas": "a in (" + "1," * 1990 + "1)",
    "zero byte": "a = \0",
    "quotes": "'" * 3999,
    "backslashes": "'" + "\\" * 3998,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_refused_before_it_costs_anything(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_rule(text)


WORDS = (
    *("a", "b", "and", "or", "not", "is", "null", "in", "between", "like", "(", ")", ",", ".", "'"),
    *('"', "`", "+", "-", "*", "/", "%", "=", "<", ">", "1", "2.5", "date", "interval", "days"),
    *("str", "contains", "mean", "count", "row_count", "=>", ";", "--", "\\", "\0"),
)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    for parse in (parse_rule, parse_gate):
        try:
            expression = parse(text)
        except ExpressionError:
            continue
        assert expression.text == text


SAME_IN_SQL = [
    "a = 1 or b = 2 and c = 3",
    "not a = 1 and b = 2",
    "not (a = 1 and b = 2) or c is null",
    "a + b * c = 7",
    "a - b - c = -1",
    "a - (b - c) = 2",
    "-a + b > 0",
    "- a * b < - c",
    "a * b % c = 2",
    "a between 1 and 2 and b > 0",
    "a not between b and c or c = 3",
    "not a in (1, 2) and b not in (2)",
    "a is not null and not c is null",
    "a = b or not a < c and a <> b",
    "coalesce(a, b) > least(b, c) - 1",
    "length(upper('x')) = a",
    "a / b * c > 1.0",
    "not not a > 1 or a + 1 > b",
    "`a` >= 1 and a <= +2",
    "weekday(date '2024-01-01') + a = a",
]


def test_a_text_that_is_also_sql_means_what_spark_reads_in_it(spark: SparkSession) -> None:
    values = [None, 1, 2, 3]
    rows = [(a, b, c) for a in values for b in values for c in values]
    frame = spark.createDataFrame(rows, "a bigint, b bigint, c bigint")
    ours = [to_column(parse_rule(text)) for text in SAME_IN_SQL]
    theirs = [F.expr(text) for text in SAME_IN_SQL]
    for row in frame.select(*ours, *theirs).collect():
        assert list(row[: len(ours)]) == list(row[len(ours) :]), dict(
            zip(SAME_IN_SQL, row, strict=False)
        )


def test_importing_the_package_imports_neither_spark_nor_the_sql_parser() -> None:
    code = (
        "import sys, mlops_dagster.rules, mlops_dagster.rules.oracle; "
        "print([name for name in ('pyspark', 'sqlglot', 'numpy', 'pandas') if name in sys.modules])"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nodes_of_every_kind_of_test_are_read() -> None:
    assert isinstance(parse_rule("a > 1").root, Comparison)
    assert isinstance(parse_rule("a between 1 and 2").root, Between)
    assert isinstance(parse_rule("active").root, ColumnRef)
