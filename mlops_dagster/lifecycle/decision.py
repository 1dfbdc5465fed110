"""Deciding about a closed window from recorded facts alone."""

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.decision import (
    Champion,
    Decision,
    DecisionFacts,
    Training,
    TrainingOutcome,
)
from mlops_dagster.monitoring.events import MonitorHistory, history, record_decision
from mlops_dagster.monitoring.policy import decide
from mlops_dagster.registry.champion import champion_for
from mlops_dagster.registry.ledger import Attempt, ModelLedger, VersionState, read_ledger
from mlops_dagster.spec.models import RetrainPolicy
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import published_windows
from mlops_dagster.windows import WindowCalendar

_OUTCOMES = {
    VersionState.CHAMPION: TrainingOutcome.PROMOTED,
    VersionState.RETIRED: TrainingOutcome.PROMOTED,
    VersionState.REJECTED: TrainingOutcome.REJECTED,
    VersionState.FAILED_TESTS: TrainingOutcome.FAILED,
}


def decide_window(place: Place, model: ResolvedModel, calendar: WindowCalendar) -> Decision:
    """Decide about the place's window and record it; an equal decision is recorded once."""
    facts = decision_facts(place, model, calendar)
    decision = decide(facts, policy_of(model))
    record_decision(place.store, model.stream, decision, as_of=place.as_of, run_id=place.run_id)
    crash_point(CrashPoint.DECISION_RECORDED, model.stream)
    return decision


def policy_of(model: ResolvedModel) -> RetrainPolicy | None:
    """Return the model's policy; None for `retrain: never`."""
    policy = model.spec.retrain
    return policy if isinstance(policy, RetrainPolicy) else None


def decision_facts(place: Place, model: ResolvedModel, calendar: WindowCalendar) -> DecisionFacts:
    """Return what was known when the window closed: later windows and trainings do not count."""
    closed = tuple(window.key for window in calendar.between(calendar.first, place.window))
    known = set(closed)
    with_data = published_windows(place.store, model.rows)
    ledger = read_ledger(place.store, model.stream)
    told = history(place.store, model.stream, as_of=place.as_of)
    champion = champion_for(ledger, calendar, place.window)
    drift = tuple(report for window, report in told.drift.items() if window in known)
    return DecisionFacts(
        window=place.window,
        as_of=place.as_of,
        windows=closed,
        windows_with_data=tuple(window for window in closed if window in with_data),
        at_least=model.spec.train.at_least.count,
        champion=None
        if champion is None
        else Champion(version=champion.version, cutoff=champion.cutoff_window),
        trainings=_trainings(ledger, told, closed[:-1]),
        drift=drift,
        quality=tuple(report for window, report in told.quality.items() if window in known),
        faults=told.drift[place.window].faults if place.window in told.drift else (),
    )


def _trainings(
    ledger: ModelLedger, told: MonitorHistory, earlier: tuple[str, ...]
) -> tuple[Training, ...]:
    """Return the trainings of earlier windows: those asked for and those started by hand."""
    asked = {window for window, decision in told.decisions.items() if decision.kind.trains}
    tried = {attempt.cutoff_window: attempt for attempt in ledger.trainings}
    return tuple(
        Training(window=window, outcome=_outcome(tried.get(window)))
        for window in earlier
        if window in asked or window in tried
    )


def _outcome(attempt: Attempt | None) -> TrainingOutcome:
    if attempt is None:
        return TrainingOutcome.REQUESTED
    if attempt.evaluated is not None and attempt.evaluated.outcome == "inconclusive":
        return TrainingOutcome.INCONCLUSIVE
    return _OUTCOMES.get(attempt.state, TrainingOutcome.REQUESTED)
