"""Regular expressions that take time without end are refused, and only those."""

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlops_dagster.rules.patterns import compiled_regex, regex_problem
from mlops_dagster.spec.rule_texts import PATTERNS

ENDLESS = [
    *("(a+)+$", "(a*)*b", "(a|a)*b", "(a|aa)+$", "(.*a){10,}", "(x+x+)+y", "(a{2,}){2,}b"),
    *("([a-zA-Z]+)*$", r"(\w+\s?)+$", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(\w|\d)*x"),
    *(r"(\w{1,20}){1,20}$", "(?:(?:a?)*)*b", "(a*b?)*c", r"^(?:\d+,?)*$", "(?=(a+)+b)x"),
    *("(?i)(a|A)*b", "(a?b?a?)*c", "([à-ü]|é)*x", "^(?:(?:ab|a)b?)*$", "((a|b)*?){4,}c"),
]
SOUND = [
    *("^N[0-9A-Z]{1,5}$", r"^\d{4}-\d{2}-\d{2}$", r"^(\w+,)*\w+$", "(a+b)*", "^(?:a|b|c)*$"),
    *(r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$", ".*foo.*bar", "^[^,]*(?:,[^,]*)*$", "([a-z]{2}){3}"),
    *("(?:ab|ac)*", "^.{1,255}$", "(?!0000)[0-9]{4}", r"^\s*$", r"(\d+\.)*\d+", "(?i)(a|b)*c"),
    *("^(?:[A-Z]{2}[0-9]{2} )+$", r"^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$", "^.{999}$", "(a?)*"),
    *("^(?:[A-Z][a-z]+ ?){1,3}$", "a?" * 240, "(?:" + "|".join("abcdefgh" * 25) + ")", "(?:a|)*b"),
    "(?:" + "|".join(chr(0x4E00 + number) for number in range(240)) + ")*",
]


@pytest.mark.parametrize("pattern", ENDLESS)
def test_a_pattern_that_may_take_time_without_end_is_refused(pattern: str) -> None:
    problem = regex_problem(pattern)
    assert problem is not None
    assert "in so many ways that it takes time without end; let each repetition begin" in problem


@pytest.mark.parametrize("pattern", [*SOUND, *PATTERNS.values()], ids=lambda text: text[:30])
def test_a_pattern_that_takes_no_such_time_is_let_through_at_once(pattern: str) -> None:
    started = time.process_time()
    assert regex_problem(pattern) is None
    assert time.process_time() - started < 1


def test_the_message_names_the_place_of_the_repetition() -> None:
    assert "around 4 " in str(regex_problem("x-(a+)+$"))


@pytest.mark.parametrize("pattern", ["(" * 240 + "a" + ")" * 240, "((((\\d{9}){9}){9}){9}){9}"])
def test_a_pattern_that_cannot_be_checked_is_refused(pattern: str) -> None:
    assert "too large to be checked" in str(regex_problem(pattern))


PIECE = st.sampled_from(["a", "b", "[ab]", ".", r"\w", "ab", "a?", "b*"])


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quantifier = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}", "{1,9}"])
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("({}){}".format, inner, quantifier),
    )


@settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.recursive(PIECE, _wider, max_leaves=6), st.lists(st.sampled_from("ab"), min_size=1))
def test_what_is_let_through_answers_in_time(pattern: str, letters: list[str]) -> None:
    whole = f"^(?:{pattern})$"
    if regex_problem(whole) is not None:
        return
    text = ("".join(letters[:3]) * 28)[:28] + "!"
    started = time.process_time()
    compiled_regex(whole).search(text)
    # A pattern with two ways a letter would take more than a minute.
    assert time.process_time() - started < 2


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", r"(\w+\s?)+$"])
def test_what_is_refused_takes_twice_the_time_for_a_letter_or_two_more(pattern: str) -> None:
    def seconds(letters: int) -> float:
        started = time.process_time()
        compiled_regex(pattern).match("a" * letters + "!")
        return time.process_time() - started

    assert seconds(22) > 4 * seconds(14)
