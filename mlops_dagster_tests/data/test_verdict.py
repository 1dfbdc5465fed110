import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster.data.builtin import RuleFacts
from mlops_dagster.data.verdict import Counts, Found, RefusedBatch, judge
from mlops_dagster.rules import Limit, parse_limit
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.tables import OnFail, UnknownPolicy

limits = st.none() | st.sampled_from(["> 0", "> 1 %", ">= 50 %", "> 3", ">= 100 %", "> 100 %"]).map(
    parse_limit
)


def counted(rows: int, failed: int, *, valid: int | None = None) -> Counts:
    kept = rows if valid is None else valid
    return Counts(rows, kept, rows - kept, 0, {"rule": failed}, {}, {})


def exceeded(limit: Limit, failed: int, rows: int) -> bool:
    """What the written form says, by plain arithmetic."""
    share = 100 * failed / rows if rows else 0
    number = float(str(limit).split()[1])
    measured = share if str(limit).endswith("%") else failed
    return measured > number or (">=" in str(limit) and measured == number)


@settings(max_examples=100)
@given(
    rows=st.integers(0, 200),
    share=st.floats(0, 1),
    on_fail=st.sampled_from(OnFail),
    warn_if=limits,
    fail_if=limits,
)
def test_a_rule_about_rows_refuses_beyond_its_limit_and_else_only_when_it_stops(
    rows: int, share: float, on_fail: OnFail, warn_if: Limit | None, fail_if: Limit | None
) -> None:
    failed = round(rows * share)
    rule = RuleFacts("rule", "x > 0", on_fail=on_fail, warn_if=warn_if, fail_if=fail_if)
    verdict = judge((rule,), counted(rows, failed))
    (result,) = verdict.results
    if fail_if is not None:
        assert verdict.refused == exceeded(fail_if, failed, rows)
    else:
        assert verdict.refused == (on_fail is OnFail.STOP and failed > 0)
    tolerated = failed == 0 if warn_if is None else not exceeded(warn_if, failed, rows)
    assert (result.status == "passed") == (tolerated and not verdict.refused)
    assert result.failed_rows == failed
    assert result.rate == (failed / rows if rows else 0.0)


@pytest.mark.parametrize("truth", [True, False, None])
@pytest.mark.parametrize("unknown", list(UnknownPolicy))
@pytest.mark.parametrize("on_fail", [OnFail.STOP, OnFail.RECORD])
def test_a_rule_about_the_data_set_refuses_when_it_stops_and_is_not_true(
    truth: bool | None, unknown: UnknownPolicy, on_fail: OnFail
) -> None:
    rule = RuleFacts("rule", "mean(x) > 0", about="data_set", on_fail=on_fail, unknown=unknown)
    verdict = judge((rule,), Counts(5, 5, 0, 0, {}, {"rule": Found(truth)}, {}))
    holds = truth is True or (truth is None and unknown is UnknownPolicy.PASS)
    assert verdict.refused == (not holds and on_fail is OnFail.STOP)
    assert (verdict.results[0].status == "passed") == holds
    assert verdict.results[0].failed_rows is None
    assert verdict.results[0].rate is None


def test_what_cannot_be_computed_refuses() -> None:
    rule = RuleFacts("rule", "y > 0", on_fail=OnFail.RECORD, severity=Severity.INFO)
    verdict = judge((rule,), Counts(5, 5, 0, 0, {}, {}, {"rule": "unknown column y"}))
    assert verdict.refused
    assert verdict.results[0].status == "error"
    assert "unknown column y" in verdict.results[0].message


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 150))
def test_counts_that_do_not_add_up_are_refused(
    valid: int, quarantined: int, dropped: int, rows_in: int
) -> None:
    if rows_in == valid + quarantined + dropped:
        assert Counts(rows_in, valid, quarantined, dropped, {}, {}, {}).rows_in == rows_in
        return
    with pytest.raises(ValueError, match=f"{rows_in} rows came in, but {valid} are valid"):
        Counts(rows_in, valid, quarantined, dropped, {}, {}, {})


def test_a_refusal_names_the_first_rules_and_carries_all_results() -> None:
    rules = tuple(RuleFacts(f"rule_{n}", "x > 0", on_fail=OnFail.STOP) for n in range(7))
    verdict = judge(rules, Counts(10, 10, 0, 0, {rule.name: 1 for rule in rules}, {}, {}))
    error = RefusedBatch("shop.bronze.sales 2013-01", verdict)
    assert "rule_0: 1 of 10 rows fail (10 %), which stops the batch" in str(error)
    assert "and 2 more" in str(error)
    assert "What was published before stays readable" in str(error)
    assert len(error.rule_results) == 7
