"""Alerts: what of a window's deliveries, reports and decision somebody asked to be told."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mlops_dagster.monitoring.decision import Decision
from mlops_dagster.monitoring.summaries import DriftSummary, QualitySummary
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.use_case import AlertKind


@dataclass(frozen=True)
class Alert:
    """One thing to tell: what kind, how grave, about what and which window, in one sentence.

    `model` is `<use_case>.<model>`, or empty where it is about a `table`. Where it is about several
    `windows`, `window` is the newest of them. `tells_of` names the recorded facts that it tells of,
    where two texts may tell of the same and one text of several.
    """

    kind: AlertKind
    severity: Severity
    model: str
    window: str
    text: str
    table: str = ""
    windows: tuple[str, ...] = ()
    tells_of: tuple[str, ...] = ()


def alerts_of(
    *,
    model: str,
    window: str,
    wanted: Collection[AlertKind],
    drift: DriftSummary | None,
    quality: QualitySummary | None,
    decision: Decision,
) -> tuple[Alert, ...]:
    """Return the alerts of a window that the use case asks for, gravest first.

    Args:
        model: Name of the model, `<use_case>.<model>`.
        window: The window that closed.
        wanted: Kinds of the use case's `alerts`.
        drift: The window's drift, None when nothing was compared.
        quality: The newest quality, None when nothing has matured.
        decision: What was decided.
    """
    found = [
        Alert(kind, severity, model, window, text)
        for kind, severity, text in _candidates(drift, quality, decision)
        if kind in wanted
    ]
    return tuple(sorted(found, key=lambda alert: -alert.severity.rank))


def _candidates(
    drift: DriftSummary | None, quality: QualitySummary | None, decision: Decision
) -> Iterator[tuple[AlertKind, Severity, str]]:
    if drift is not None:
        for fault in drift.faults:
            yield AlertKind.DATA_FAULT, Severity.CRITICAL, fault.text
        if drift.matters:
            yield AlertKind.DRIFT, Severity.WARNING, drift.verdict
    if quality is not None and quality.degraded:
        yield AlertKind.QUALITY, Severity.ERROR, quality.text
    if decision.kind.trains:
        yield AlertKind.RETRAINING, Severity.INFO, decision.reason
