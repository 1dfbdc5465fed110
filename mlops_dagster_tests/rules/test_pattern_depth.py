"""Long texts do not end Java's stack: beyond a limit the answer of a pattern is unknown."""

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.rules import parse_rule
from mlops_dagster.rules.columns import to_column
from mlops_dagster.rules.oracle import evaluate
from mlops_dagster.rules.pattern_depth import text_limit
from mlops_dagster.rules.patterns import regex_problem
from mlops_dagster.spec.rule_texts import PATTERNS, value_text

# A pattern, what it repeats, how many characters of it Java 17 took (interpreted, a stack of 1 MB).
MEASURED = [
    ("^(?:a|b)*$", "a", 1203),
    (r"^(?:\w+,)*\w*$", "a,", 2806),
    ("^(?:(?:(?:a|b)c?)+d)*$", "ad", 954),
    ("^(?:a?b?c?d?e?f?g?h?i?j?k?l?m?n?o?p?q?r?s?t?u?v?w?x?y?z)*$", "z", 265),
    ("^(?:(?:(?:(?:a|b)))|c)*$", "a", 503),
    ("^(?:a|bc|de|fg|hi|jk)*?$", "a", 1167),
    ("^(?:(?=[a-z])a|(?!c)b)*$", "a", 1016),
    ("^((((a)|b)|c)|d)*$", "a", 444),
    ("^(?:ab?)*$", "a", 1438),
]


@pytest.mark.parametrize(("pattern", "piece", "held"), MEASURED)
def test_the_limit_is_below_what_the_stack_holds(pattern: str, piece: str, held: int) -> None:
    limit = text_limit(pattern)
    assert limit is not None
    assert 100 < limit < held


@pytest.mark.parametrize(
    "pattern",
    [r"^[\w,]*$", ".*foo.*", "^.{1,255}$", "^(?:ab|c){1,9}$", "(?!x)y", *PATTERNS.values()],
)
def test_a_pattern_without_a_group_repeated_without_bound_takes_any_text(pattern: str) -> None:
    assert text_limit(pattern) is None


def test_a_pattern_that_ends_the_stack_on_short_texts_is_refused() -> None:
    assert regex_problem("^(?:x{1,3}a){1,900}$") == (
        "its repeated groups nest too deeply; write it in a shorter way"
    )


def test_a_text_beyond_the_limit_is_unknown_in_spark_and_in_plain_python(
    spark: SparkSession,
) -> None:
    limits = [(pattern, piece, text_limit(pattern) or 0) for pattern, piece, _ in MEASURED]
    texts = sorted(
        {
            (piece * limit)[: limit // len(piece) * len(piece)] + "a" * more
            for _, piece, limit in limits
            for more in (0, 1, 5000)
        }
    )
    rules = [parse_rule(f"x rlike {value_text(pattern)}") for pattern, _, _ in limits]
    frame = spark.createDataFrame([(text,) for text in texts], "x string")
    found = frame.select("x", *(to_column(r).alias(f"r{n}") for n, r in enumerate(rules))).collect()
    for row in found:
        for number, rule in enumerate(rules):
            assert row[f"r{number}"] is evaluate(rule, {"x": row["x"]}), (rule.text, len(row["x"]))
    assert {row[f"r{n}"] for row in found for n in range(len(rules))} == {True, False, None}
