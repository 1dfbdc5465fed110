"""Which alerts a window gives."""

from mlops_dagster.monitoring.alerts import alerts_of
from mlops_dagster.monitoring.decision import Decision, DecisionKind
from mlops_dagster.monitoring.summaries import (
    DriftSeverity,
    DriftSummary,
    Fault,
    FaultKind,
    QualitySummary,
    QualityVerdict,
)
from mlops_dagster.spec.use_case import AlertKind

RETRAIN = Decision(window="2013-06", kind=DecisionKind.RETRAIN, reason="drift in 2 of 3 windows")
HOLD = Decision(window="2013-06", kind=DecisionKind.HOLD, reason="nothing happened")
DRIFT = DriftSummary(
    window="2013-06",
    model_version="1",
    rows=100,
    severity=DriftSeverity.WARNING,
    columns=("temperature",),
    matters=True,
    verdict="temperature drifted",
)
FAULTY = DRIFT.model_copy(
    update={
        "faults": (
            Fault(kind=FaultKind.VOLUME, effect=0.1, threshold=0.5, text="a tenth of the rows"),
        )
    }
)
WORSE = QualitySummary(
    window="2013-06",
    model_version="1",
    final=True,
    matured_share=1.0,
    labelled_rows=90,
    verdict=QualityVerdict.DEGRADED,
    degraded=("roc_auc",),
    text="roc_auc is worse than expected",
)


def kinds(
    drift: DriftSummary | None,
    quality: QualitySummary | None,
    decision: Decision,
    wanted: tuple[AlertKind, ...] = tuple(AlertKind),
) -> list[AlertKind]:
    found = alerts_of(
        model="u.m",
        window="2013-06",
        wanted=wanted,
        drift=drift,
        quality=quality,
        decision=decision,
    )
    return [alert.kind for alert in found]


def test_a_quiet_window_gives_no_alert() -> None:
    quiet = DRIFT.model_copy(
        update={"columns": (), "matters": False, "severity": DriftSeverity.NONE}
    )
    assert kinds(quiet, None, HOLD) == []
    assert kinds(None, None, HOLD) == []


def test_the_gravest_alert_comes_first() -> None:
    assert kinds(FAULTY, WORSE, RETRAIN) == [
        AlertKind.DATA_FAULT,
        AlertKind.QUALITY,
        AlertKind.DRIFT,
        AlertKind.RETRAINING,
    ]


def test_only_kinds_that_were_asked_for_are_told() -> None:
    assert kinds(FAULTY, WORSE, RETRAIN, wanted=(AlertKind.QUALITY,)) == [AlertKind.QUALITY]
    assert kinds(FAULTY, WORSE, RETRAIN, wanted=()) == []
