"""Patterns of `like` and `rlike`: the same in Java and in Python."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.rules.patterns import (
    compiled_like,
    compiled_regex,
    like_problem,
    regex_problem,
)

PIECE = st.sampled_from(
    [
        *("a", "b", "A", "1", "_", "-", " ", "ä", "\n", ".", "^", "$", r"\d", r"\D", r"\w", r"\W"),
        *(r"\s", r"\S", r"\.", r"\$", r"\n", "[ab]", "[^a]", "[a-z_]", r"[\d.]", "[-a]", "[$.^]"),
    ]
)
QUANTIFIER = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?"])


def _quantified(piece: str, quantifier: str) -> str:
    return piece if piece in ("^", "$") else piece + quantifier


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        inner.map("({})".format),
        inner.map("(?:{})?".format),
        inner.map("(?={})".format),
        inner.map("(?!{})".format),
    )


REGEX = st.builds(
    "{}{}".format,
    st.sampled_from(["", "", "(?i)"]),
    st.recursive(st.builds(_quantified, PIECE, QUANTIFIER), _wider, max_leaves=5),
)
LIKE = st.lists(
    st.sampled_from(["a", "A", "%", "_", r"\%", r"\_", r"\\", ".", "*", "[", "\n", "ä", "😀"]),
    max_size=5,
).map("".join)
TEXT = st.text(st.sampled_from("aAbB1_- .$^\n\r\u2028\u0085äÄ😀%\\["), max_size=5)
ON_SPARK = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@ON_SPARK
@given(
    patterns=st.lists(REGEX, min_size=60, max_size=60),
    texts=st.lists(TEXT, min_size=25, max_size=25),
)
def test_a_regular_expression_means_the_same_in_java(
    spark: SparkSession, patterns: list[str], texts: list[str]
) -> None:
    patterns = [pattern for pattern in patterns if regex_problem(pattern) is None]
    assert patterns
    frame = spark.createDataFrame([(text,) for text in texts], "text string")
    found = frame.select(*[F.col("text").rlike(pattern) for pattern in patterns]).collect()
    for text, row in zip(texts, found, strict=True):
        expected = [compiled_regex(pattern).search(text) is not None for pattern in patterns]
        differing = [p for p, a, b in zip(patterns, row, expected, strict=True) if a is not b]
        assert not differing, (text, differing[0])


@ON_SPARK
@given(
    patterns=st.lists(LIKE, min_size=60, max_size=60),
    texts=st.lists(TEXT, min_size=25, max_size=25),
)
def test_a_like_pattern_means_the_same_in_spark(
    spark: SparkSession, patterns: list[str], texts: list[str]
) -> None:
    frame = spark.createDataFrame([(text,) for text in texts], "text string")
    plain = [F.col("text").like(pattern) for pattern in patterns]
    ignoring = [F.col("text").ilike(pattern) for pattern in patterns]
    for text, row in zip(texts, frame.select(*plain, *ignoring).collect(), strict=True):
        expected = [
            compiled_like(pattern, ignore_case=ignore).fullmatch(text.lower() if ignore else text)
            is not None
            for ignore in (False, True)
            for pattern in patterns
        ]
        assert list(row) == expected, text


def test_every_generated_like_pattern_is_allowed_and_a_lone_backslash_is_not() -> None:
    assert like_problem(r"a\%\_\\%_") is None
    assert like_problem("a\\") is not None
    assert like_problem("%" * 501) == "longer than 500 characters"
    assert regex_problem("a" * 501) == "longer than 500 characters"
