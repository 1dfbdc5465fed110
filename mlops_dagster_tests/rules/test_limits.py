"""Limits on failing rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.errors import ExpressionError
from mlops_dagster.rules import Limit, parse_limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("> 1 %", Limit("rate", ">", 0.01)),
        (">=0.5%", Limit("rate", ">=", 0.005)),
        ("> 0", Limit("count", ">", 0)),
        ("  >= 100 ", Limit("count", ">=", 100)),
        ("> 100 %", Limit("rate", ">", 1.0)),
    ],
)
def test_a_limit_is_a_share_or_a_number_of_rows(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 %",
        "< 1 %",
        "= 1",
        "> -1",
        "> 1.5",
        "> 101 %",
        "> 1e3",
        "> 1_000",
        "> 1 % 2",
        ">> 1",
        "> one",
        "> 1 percent",
        ">" + "1" * 400,
        "> 1; drop",
        "> \u0661",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"expected '> 1 %' \(a share of the rows\)"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("text", "failed", "total", "exceeded"),
    [
        ("> 1 %", 1, 100, False),
        ("> 1 %", 2, 100, True),
        (">= 1 %", 1, 100, True),
        ("> 0", 0, 10, False),
        ("> 0", 1, 10, True),
        (">= 100", 99, 100, False),
        (">= 100", 100, 100, True),
        ("> 0 %", 0, 0, False),
    ],
)
def test_a_limit_is_exceeded_as_it_is_written(
    text: str, failed: int, total: int, exceeded: bool
) -> None:
    assert parse_limit(text).exceeded_by(failed, total) is exceeded


@given(st.integers(0, 10_000), st.sampled_from([">", ">="]), st.sampled_from(["", " %"]))
def test_the_written_form_of_a_limit_is_read_back(
    hundredths: int, operator: str, unit: str
) -> None:
    number = hundredths / 100 if unit else hundredths
    limit = parse_limit(f"{operator} {number}{unit}")
    again = parse_limit(str(limit))
    assert (again.kind, again.operator) == (limit.kind, limit.operator)
    assert again.value == pytest.approx(limit.value, rel=1e-9)
