"""Gates: every outcome and the sentence that explains it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster.rules import parse_gate
from mlops_dagster.spec.models import Task
from mlops_dagster.spec.workspace import ResolvedGate
from mlops_dagster.training.evaluation import (
    ChampionEvaluation,
    Evaluation,
    Interval,
    MetricDifference,
    MetricValue,
    SliceDifference,
    SliceEvaluation,
)
from mlops_dagster.training.gate_report import GateOutcome, GateReport, GateResult
from mlops_dagster.training.gates import MINIMUM_SLICE_ROWS, evaluate_gates

PASS, FAIL = GateOutcome.PASS, GateOutcome.FAIL
INCONCLUSIVE, ERROR = GateOutcome.INCONCLUSIVE, GateOutcome.ERROR


def metric(name: str, value: float | None, reason: str | None = None) -> MetricValue:
    return MetricValue(name=name, value=value, lower_is_better=name == "log_loss", reason=reason)


def evaluation(*metrics: MetricValue, slices: tuple[SliceEvaluation, ...] = ()) -> Evaluation:
    return Evaluation(
        task=Task.BINARY, rows=5000, days=60, unlabelled_rows=0, metrics=metrics, slices=slices
    )


def a_slice(value: str | None, rows: int, auc: float | None) -> SliceEvaluation:
    reason = None if auc is not None else "no row is positive"
    return SliceEvaluation(
        column="origin", value=value, rows=rows, metrics=(metric("roc_auc", auc, reason),)
    )


def difference(
    low: float | None, high: float | None, *, gain: float = 0.01, reason: str | None = None
) -> MetricDifference:
    interval = None
    if low is not None and high is not None:
        interval = Interval(
            low=low, high=high, level=0.95, groups=60, grouped_by="day", resamples=1000
        )
    return MetricDifference(
        name="roc_auc",
        challenger=0.72,
        champion=0.71,
        improvement=gain,
        interval=interval,
        reason=reason,
    )


def written(text: str, *metrics: str) -> ResolvedGate:
    return ResolvedGate(text=text, metrics=metrics, expression=parse_gate(text))


SLICED = ResolvedGate("roc_auc by origin", ("roc_auc",), at_least=0.6, slice="origin")
BETTER = ResolvedGate("roc_auc against champion", ("roc_auc",), against_champion=True, better_by=0)


def only(
    gate: ResolvedGate, found: Evaluation, champion: ChampionEvaluation | None = None
) -> GateResult:
    report = evaluate_gates((gate,), found, champion)
    assert len(report.gates) == 1
    return report.gates[0]


@pytest.mark.parametrize(("auc", "outcome"), [(0.65, PASS), (0.7, PASS), (0.6499, FAIL)])
def test_a_written_gate_holds_the_value_against_its_bound(auc: float, outcome: GateOutcome) -> None:
    found = only(written("roc_auc >= 0.65", "roc_auc"), evaluation(metric("roc_auc", auc)))
    assert found.outcome is outcome
    assert found.measured == auc
    assert f"roc_auc is {auc:.4g}" in found.explanation


def test_a_written_gate_may_combine_metrics() -> None:
    gate = written("roc_auc - log_loss > 0.2 or log_loss < 0.1", "roc_auc", "log_loss")
    values = evaluation(metric("roc_auc", 0.7), metric("log_loss", 0.4))
    assert only(gate, values).outcome is PASS


def test_an_undefined_metric_is_inconclusive_with_its_reason() -> None:
    undefined = evaluation(metric("roc_auc", None, "every row is positive"))
    bound = ResolvedGate("x", ("roc_auc",), at_least=0.6)
    for gate in (written("roc_auc >= 0.65", "roc_auc"), bound):
        found = only(gate, undefined)
        assert found.outcome is INCONCLUSIVE
        assert "every row is positive" in found.explanation


def test_an_undefined_metric_does_not_matter_where_another_one_decides() -> None:
    values = evaluation(metric("roc_auc", None, "no row is positive"), metric("log_loss", 0.05))
    gate = written("roc_auc > 0.6 or log_loss < 0.1", "roc_auc", "log_loss")
    assert only(gate, values).outcome is PASS


@pytest.mark.parametrize(
    ("value", "outcome"), [(0.1, PASS), (0.5, PASS), (0.09, FAIL), (0.51, FAIL)]
)
def test_bounds_include_their_ends(value: float, outcome: GateOutcome) -> None:
    gate = ResolvedGate("band", ("log_loss",), at_least=0.1, at_most=0.5)
    found = only(gate, evaluation(metric("log_loss", value)))
    assert found.outcome is outcome
    assert found.threshold == "at least 0.1 and at most 0.5"


def test_a_metric_that_was_not_measured_is_an_error_and_blocks() -> None:
    report = evaluate_gates((written("peak_cost <= 40", "peak_cost"),), evaluation(), None)
    assert report.outcome is ERROR
    assert not report.promotable
    assert "metric peak_cost was not measured" in report.explanation


def test_a_gate_that_breaks_is_an_error_and_the_others_are_still_evaluated() -> None:
    broken = ResolvedGate(text="nothing", metrics=())
    report = evaluate_gates(
        (broken, written("roc_auc > 0.5", "roc_auc")), evaluation(metric("roc_auc", 0.7)), None
    )
    assert [gate.outcome for gate in report.gates] == [ERROR, PASS]
    assert "IndexError" in report.gates[0].explanation


def test_every_slice_must_keep_the_bound() -> None:
    slices = (a_slice("JFK", 2000, 0.7), a_slice("LGA", 1500, 0.55), a_slice(None, 900, 0.58))
    found = only(SLICED, evaluation(slices=slices))
    assert found.outcome is FAIL
    assert "2 of 3 values of origin do not pass" in found.explanation
    assert "origin 'LGA'" in found.explanation
    assert "origin null" in found.explanation


@pytest.mark.parametrize(
    "unjudged", [a_slice("EWR", MINIMUM_SLICE_ROWS - 1, 0.2), a_slice("EWR", 5000, None)]
)
def test_a_slice_that_cannot_be_judged_is_listed_and_does_not_block(
    unjudged: SliceEvaluation,
) -> None:
    found = only(SLICED, evaluation(slices=(a_slice("JFK", 2000, 0.7), unjudged)))
    assert found.outcome is PASS
    assert [piece.outcome for piece in found.slices] == [PASS, INCONCLUSIVE]
    assert "1 of 2 values of origin; the others cannot be judged" in found.explanation


def test_a_gate_without_any_slice_to_judge_is_inconclusive() -> None:
    assert only(SLICED, evaluation(slices=(a_slice("JFK", 20, 0.7),))).outcome is INCONCLUSIVE


def test_a_slice_column_that_the_rows_do_not_have_is_an_error() -> None:
    found = only(SLICED, evaluation())
    assert found.outcome is ERROR
    assert "not sliced by column origin" in found.explanation


def test_without_a_champion_its_gate_does_not_apply_and_lets_pass() -> None:
    report = evaluate_gates((BETTER,), evaluation(), None)
    assert report.gates[0].outcome is GateOutcome.NOT_APPLICABLE
    assert report.promotable


@pytest.mark.parametrize(
    ("low", "high", "outcome", "sentence"),
    [
        (0.002, 0.02, PASS, "it is better at all"),
        (-0.002, 0.02, INCONCLUSIVE, "does not settle"),
        (0.0, 0.02, INCONCLUSIVE, "does not settle"),
        (-0.02, -0.002, FAIL, "it is not better at all"),
    ],
)
def test_the_whole_interval_must_be_clear_of_the_champion(
    low: float, high: float, outcome: GateOutcome, sentence: str
) -> None:
    champion = ChampionEvaluation(evaluation=None, differences=(difference(low, high),))
    found = only(BETTER, evaluation(), champion)
    assert found.outcome is outcome
    assert sentence in found.explanation
    assert "over 60 days" in found.explanation


def test_equal_models_are_inconclusive_so_that_the_champion_stays() -> None:
    champion = ChampionEvaluation(evaluation=None, differences=(difference(0, 0, gain=0),))
    assert only(BETTER, evaluation(), champion).outcome is INCONCLUSIVE


def test_a_negative_margin_asks_for_not_much_worse() -> None:
    gate = ResolvedGate("not worse", ("roc_auc",), against_champion=True, better_by=-0.01)
    champion = ChampionEvaluation(evaluation=None, differences=(difference(-0.005, 0.003),))
    assert only(gate, evaluation(), champion).outcome is PASS


def test_a_difference_without_interval_is_inconclusive_with_its_reason() -> None:
    missing = difference(None, None, reason="no interval: 3 days, at least 5 are needed")
    champion = ChampionEvaluation(evaluation=None, differences=(missing,))
    found = only(BETTER, evaluation(), champion)
    assert found.outcome is INCONCLUSIVE
    assert "3 days" in found.explanation


def test_a_champion_that_cannot_be_scored_is_inconclusive_with_its_problem() -> None:
    champion = ChampionEvaluation(evaluation=None, problem="the rows lack feature columns")
    found = only(BETTER, evaluation(), champion)
    assert found.outcome is INCONCLUSIVE
    assert "lack feature columns" in found.explanation


def test_a_metric_not_compared_with_the_champion_is_an_error() -> None:
    assert only(BETTER, evaluation(), ChampionEvaluation(evaluation=None)).outcome is ERROR


def test_slices_are_compared_with_the_champion_each() -> None:
    gate = ResolvedGate(
        "by origin", ("roc_auc",), slice="origin", against_champion=True, better_by=-0.02
    )
    pieces = tuple(
        SliceDifference(
            column="origin", value=value, rows=rows, difference=difference(low, low + 0.01)
        )
        for value, rows, low in (("JFK", 2000, -0.01), ("LGA", 2000, -0.06), ("EWR", 9, -0.5))
    )
    found = only(gate, evaluation(), ChampionEvaluation(evaluation=None, slices=pieces))
    assert found.outcome is FAIL
    assert [piece.outcome for piece in found.slices] == [PASS, FAIL, INCONCLUSIVE]


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_the_report_says_the_worst_of_its_gates(size: int) -> None:
    order = [ERROR, FAIL, INCONCLUSIVE]
    for outcomes in itertools.product(GateOutcome, repeat=size):
        gates = tuple(
            GateResult(text="g", metrics=(), outcome=outcome, explanation="e", rows=1)
            for outcome in outcomes
        )
        expected = next((worst for worst in order if worst in outcomes), PASS)
        report = GateReport(gates=gates)
        assert report.outcome is expected
        assert report.promotable is (expected is PASS)


def test_a_report_survives_json() -> None:
    report = evaluate_gates((SLICED,), evaluation(slices=(a_slice(None, 900, 0.7),)), None)
    assert GateReport.model_validate_json(report.model_dump_json()) == report


@settings(max_examples=100, deadline=None)
@given(
    low=st.floats(-1, 1), width=st.floats(0, 1), margin=st.floats(-0.5, 0.5), auc=st.floats(0, 1)
)
def test_no_gate_passes_unless_the_whole_interval_lies_above_the_margin(
    low: float, width: float, margin: float, auc: float
) -> None:
    gate = ResolvedGate("g", ("roc_auc",), against_champion=True, better_by=margin)
    champion = ChampionEvaluation(evaluation=None, differences=(difference(low, low + width),))
    found = only(gate, evaluation(metric("roc_auc", auc)), champion)
    assert (found.outcome is PASS) == (low > margin)
    assert (found.outcome is FAIL) == (low + width < margin)
