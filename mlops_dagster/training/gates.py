"""Gates: may this model be promoted? Pure decisions, each with a sentence that explains it."""

import math
from collections.abc import Iterable, Sequence

from mlops_dagster.rules import Expression
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
from mlops_dagster.training.gate_report import GateOutcome, GateReport, GateResult, SliceResult

# A share measured on fewer rows has a standard error of up to 0.05: no ground to refuse a model.
MINIMUM_SLICE_ROWS = 100


def evaluate_gates(
    gates: Sequence[ResolvedGate],
    evaluation: Evaluation,
    champion_evaluation: ChampionEvaluation | None,
) -> GateReport:
    """Return what the gates say.

    - A bound or an expression is held against the values on the hold-out. An undefined metric is
      inconclusive.
    - With `slice`, every value of the column must keep the bound; a value with fewer than
      MINIMUM_SLICE_ROWS rows, or on which the metric is undefined, is listed as inconclusive and
      does not count.
    - Against the champion, the paired interval of the improvement decides: above `better_by`
      passes, below fails, and one that touches or spans it is inconclusive. Without a champion the
      gate does not apply.
    - A gate that cannot be evaluated is an error and blocks.

    Args:
        gates: The gates of the model.
        evaluation: The model on its hold-out.
        champion_evaluation: The champion on the same rows (`evaluate.compare`); None when there is
            no champion.
    """
    return GateReport(
        gates=tuple(_guarded(gate, evaluation, champion_evaluation) for gate in gates)
    )


def _guarded(
    gate: ResolvedGate, evaluation: Evaluation, champion: ChampionEvaluation | None
) -> GateResult:
    try:
        if gate.expression is not None:
            return _expression(gate, gate.expression, evaluation)
        if gate.against_champion or gate.better_by is not None:
            return _against_champion(gate, evaluation, champion)
        return _bounds(gate, evaluation)
    except Exception as error:
        return _result(
            gate,
            evaluation,
            outcome=GateOutcome.ERROR,
            explanation=f"The gate could not be evaluated: {type(error).__name__}: {error}.",
        )


def _expression(gate: ResolvedGate, expression: Expression, evaluation: Evaluation) -> GateResult:
    from mlops_dagster.rules.oracle import evaluate

    measured = [_required(evaluation.metric(name), name) for name in gate.metrics]
    holds = evaluate(expression, {metric.name: metric.value for metric in measured})
    values = ", ".join(f"{m.name} is {_number(m.value)}" for m in measured)
    if holds is None:
        why = "; ".join(f"{m.name}: {m.reason}" for m in measured if m.value is None)
        outcome, text = GateOutcome.INCONCLUSIVE, f"Not measurable: {why or values}."
    elif isinstance(holds, bool):
        outcome = GateOutcome.PASS if holds else GateOutcome.FAIL
        text = f"{values}."
    else:
        raise TypeError(f"the gate gave {holds!r}, not true or false")
    only = measured[0] if len(measured) == 1 else None
    return _result(
        gate,
        evaluation,
        outcome=outcome,
        explanation=text,
        measured=only.value if only else None,
        interval=only.interval if only else None,
        threshold=gate.text,
    )


def _bounds(gate: ResolvedGate, evaluation: Evaluation) -> GateResult:
    name = gate.metrics[0]
    if gate.slice is not None:
        pieces = [piece for piece in evaluation.slices if piece.column == gate.slice]
        return _sliced(gate, evaluation, [_bounded_slice(gate, name, piece) for piece in pieces])
    metric = _required(evaluation.metric(name), name)
    outcome, text = _within(gate, metric)
    return _result(
        gate,
        evaluation,
        outcome=outcome,
        explanation=text,
        measured=metric.value,
        interval=metric.interval,
        threshold=_threshold(gate),
    )


def _bounded_slice(gate: ResolvedGate, name: str, piece: SliceEvaluation) -> SliceResult:
    metric = _required(piece.metric(name), name)
    outcome, text = _within(gate, metric)
    if piece.rows < MINIMUM_SLICE_ROWS:
        outcome, text = GateOutcome.INCONCLUSIVE, _too_few(piece.rows)
    return SliceResult(
        value=piece.value, outcome=outcome, rows=piece.rows, measured=metric.value, explanation=text
    )


def _within(gate: ResolvedGate, metric: MetricValue) -> tuple[GateOutcome, str]:
    if metric.value is None:
        return GateOutcome.INCONCLUSIVE, f"{metric.name} is not measurable: {metric.reason}."
    below = gate.at_least is not None and metric.value < gate.at_least
    above = gate.at_most is not None and metric.value > gate.at_most
    text = f"{metric.name} is {_number(metric.value)}, {_threshold(gate)} is asked for."
    return (GateOutcome.FAIL if below or above else GateOutcome.PASS), text


def _against_champion(
    gate: ResolvedGate, evaluation: Evaluation, champion: ChampionEvaluation | None
) -> GateResult:
    if champion is None:
        return _result(
            gate,
            evaluation,
            outcome=GateOutcome.NOT_APPLICABLE,
            explanation="There is no champion yet.",
        )
    if champion.problem is not None:
        return _result(
            gate,
            evaluation,
            outcome=GateOutcome.INCONCLUSIVE,
            explanation=f"The champion could not be scored on the same rows: {champion.problem}.",
        )
    name = gate.metrics[0]
    if gate.slice is not None:
        pieces = [
            piece
            for piece in champion.slices
            if piece.column == gate.slice and piece.difference.name == name
        ]
        return _sliced(gate, evaluation, [_compared_slice(gate, piece) for piece in pieces])
    difference = champion.difference(name)
    if difference is None:
        raise LookupError(f"metric {name} was not compared with the champion")
    outcome, text = _compared(gate, difference)
    return _result(
        gate,
        evaluation,
        outcome=outcome,
        explanation=text,
        measured=difference.improvement,
        interval=difference.interval,
        threshold=_threshold(gate),
    )


def _compared_slice(gate: ResolvedGate, piece: SliceDifference) -> SliceResult:
    outcome, text = _compared(gate, piece.difference)
    if piece.rows < MINIMUM_SLICE_ROWS:
        outcome, text = GateOutcome.INCONCLUSIVE, _too_few(piece.rows)
    return SliceResult(
        value=piece.value,
        outcome=outcome,
        rows=piece.rows,
        measured=piece.difference.improvement,
        interval=piece.difference.interval,
        explanation=text,
    )


def _compared(gate: ResolvedGate, difference: MetricDifference) -> tuple[GateOutcome, str]:
    margin = gate.better_by or 0.0
    interval = difference.interval
    if interval is None:
        return GateOutcome.INCONCLUSIVE, f"Not comparable: {difference.reason}."
    numbers = (
        f"{difference.name} is {_number(difference.challenger)}, the champion's "
        f"{_number(difference.champion)}; better by {_number(difference.improvement)}, between "
        f"{_number(interval.low)} and {_number(interval.high)} at {interval.level:.0%} over "
        f"{interval.groups} {interval.grouped_by}s"
    )
    asked = "better at all" if margin == 0 else f"better by {_number(margin)}"
    if interval.low > margin:
        return GateOutcome.PASS, f"{numbers}: it is {asked}."
    if interval.high < margin:
        return GateOutcome.FAIL, f"{numbers}: it is not {asked}."
    return GateOutcome.INCONCLUSIVE, f"{numbers}: that does not settle whether it is {asked}."


def _sliced(gate: ResolvedGate, evaluation: Evaluation, slices: list[SliceResult]) -> GateResult:
    """Return what the slices that can be judged say; the others are listed and do not count."""
    if not slices:
        raise LookupError(f"the rows were not sliced by column {gate.slice}")
    judged = [
        piece for piece in slices if piece.rows >= MINIMUM_SLICE_ROWS and piece.measured is not None
    ]
    outcome = _worst(piece.outcome for piece in judged)
    worst = [piece for piece in judged if piece.outcome is outcome]
    if not judged:
        text = (
            f"No value of {gate.slice} has {MINIMUM_SLICE_ROWS} rows on which it can be measured."
        )
    elif outcome is GateOutcome.PASS:
        text = f"It holds for {len(judged)} of {len(slices)} values of {gate.slice}"
        text += "." if len(judged) == len(slices) else "; the others cannot be judged."
    else:
        shown = "; ".join(f"{_shown(gate, piece)}: {piece.explanation}" for piece in worst[:5])
        text = f"{len(worst)} of {len(slices)} values of {gate.slice} do not pass. {shown}"
    return _result(
        gate,
        evaluation,
        outcome=outcome,
        explanation=text,
        threshold=_threshold(gate),
        slices=tuple(slices),
    )


def _worst(outcomes: Iterable[GateOutcome]) -> GateOutcome:
    found = set(outcomes)
    if GateOutcome.FAIL in found:
        return GateOutcome.FAIL
    if not found or GateOutcome.INCONCLUSIVE in found:
        return GateOutcome.INCONCLUSIVE
    return GateOutcome.PASS


def _result(
    gate: ResolvedGate,
    evaluation: Evaluation,
    *,
    outcome: GateOutcome,
    explanation: str,
    measured: float | None = None,
    interval: Interval | None = None,
    threshold: str | None = None,
    slices: tuple[SliceResult, ...] = (),
) -> GateResult:
    return GateResult(
        text=gate.text,
        metrics=gate.metrics,
        outcome=outcome,
        explanation=explanation,
        measured=measured,
        interval=interval,
        threshold=threshold,
        rows=evaluation.rows,
        slices=slices,
    )


def _required(metric: MetricValue | None, name: str) -> MetricValue:
    if metric is None:
        raise LookupError(f"metric {name} was not measured")
    return metric


def _threshold(gate: ResolvedGate) -> str:
    if gate.at_least is None and gate.at_most is None:
        return f"better by {_number(gate.better_by or 0.0)}"
    bounds = [("at least", gate.at_least), ("at most", gate.at_most)]
    return " and ".join(f"{word} {_number(bound)}" for word, bound in bounds if bound is not None)


def _shown(gate: ResolvedGate, piece: SliceResult) -> str:
    return f"{gate.slice} {'null' if piece.value is None else repr(piece.value)}"


def _too_few(rows: int) -> str:
    return f"{rows} rows, fewer than {MINIMUM_SLICE_ROWS}."


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "undefined"
    return f"{value:.4g}"
