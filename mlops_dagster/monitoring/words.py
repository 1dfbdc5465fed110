"""How numbers stand in sentences, and the sentences of verdicts."""

from collections.abc import Sequence

from mlops_dagster.monitoring.report import ColumnDrift, DriftTest
from mlops_dagster.monitoring.summaries import DriftSeverity, Fault


def percent(share: float) -> str:
    """Return a share as `12 %`, with a decimal below ten."""
    text = f"{100 * share:.0f}" if share >= 0.0995 or share == 0 else f"{100 * share:.1f}"
    return f"{text} %"


def number(value: float) -> str:
    """Return a number with at most four significant digits."""
    return f"{value:.4g}"


def q_text(q_value: float) -> str:
    """Return a q-value, very small ones as a bound."""
    return "q < 0.001" if q_value < 0.001 else f"q {q_value:.3f}"


def column_verdict(drift: ColumnDrift) -> str:
    """Return one sentence about a column."""
    where = f" where {drift.slice_key} is {drift.slice_value}" if drift.slice_key else ""
    name = f"{drift.column}{where}"
    if drift.undecided is not None:
        return f"{name}: not tested, {drift.undecided}"
    worst = max(drift.tests, key=lambda test: (test.severity.rank, test.effect / test.threshold))
    if worst.severity is DriftSeverity.NONE:
        return f"{name}: no change that matters ({_evidence(worst, drift)})"
    return f"{name} {_what(worst, drift)}: {_evidence(worst, drift)}{_use(drift)}"


def report_verdict(
    *,
    severity: DriftSeverity,
    columns: Sequence[ColumnDrift],
    faults: Sequence[Fault],
    rows: int,
) -> str:
    """Return one sentence about a window."""
    if faults:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        return f"data fault: {faults[0].text}{more}"
    tested = [c for c in columns if c.undecided is None]
    if not tested:
        return f"nothing could be tested on {rows:,} rows"
    drifted = [c for c in tested if c.severity is severity and severity is not DriftSeverity.NONE]
    if not drifted:
        return f"no drift in {len(tested)} columns over {rows:,} rows"
    names = ", ".join(c.column for c in drifted[:5])
    more = f" and {len(drifted) - 5} more" if len(drifted) > 5 else ""
    return f"{severity.value} drift in {len(drifted)} of {len(tested)} columns: {names}{more}"


def _what(test: DriftTest, drift: ColumnDrift) -> str:
    if test.measure == "missing":
        shares = f"{percent(drift.missing_window)} of rows against"
        return f"is missing in {shares} {percent(drift.missing_reference)}"
    if test.measure == "unseen":
        return f"holds {percent(drift.unseen or 0.0)} values never seen before"
    outside = drift.out_of_range or 0.0
    return f"moved, {percent(outside)} out of range" if outside >= 0.01 else "moved"


def _evidence(test: DriftTest, drift: ColumnDrift) -> str:
    effect = number(test.effect)
    if test.measure == "ks" and test.effect_bound > test.effect:
        effect = f"{effect} to {number(test.effect_bound)}"
    name = {"ks": "KS distance", "tv": "excess total variation", "missing": "change of share"}
    words = name.get(test.measure, "unexpected share")
    sizes = f"{drift.values_window:,} against {drift.values_reference:,} values"
    return f"{words} {effect}, threshold {number(test.threshold)}, {q_text(test.q_value)}, {sizes}"


def _use(drift: ColumnDrift) -> str:
    if drift.role == "prediction":
        return "; this is the prediction"
    if drift.importance is None:
        return ""
    if not drift.used:
        return f"; the model hardly uses it ({percent(drift.importance)} of importance)"
    return f"; {percent(drift.importance)} of the model's importance"
