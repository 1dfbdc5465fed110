"""Train, retrain, hold or blocked: the decision of a window, from recorded facts alone.

`decide` is pure: equal facts give equal decisions, and the wall clock is no fact. Windows are
counted by their place in `DecisionFacts.windows`, so `wait: 2 windows` means the same on hours and
months, and a replay of last year decides as last year did.

Why the defaults of `RetrainPolicy` (drift and quality, 2 of 3 windows, wait 2, at most 4 per 12):
- On monthly flights the season moves month and temperature under any test. Drift only counts when
  the predictions moved or the model relies on what moved (`Thresholds.relied_importance`): a model
  of January to March hardly does, and is not retrained in spring for being in spring. What it
  loses is calibration, since the late share moves between 14 % and 30 %: June and July confirm it.
- Wait 2 and at most 4 in 12: a model of January to June gains 0.017 of AUC over one of January to
  March in the second half of the year, one of January to April gains nothing, one of January to
  August 0.018. A training every two to three months is worth its price, one every month is not;
  the budget is spent after a year of it, and the gate against the champion sorts out the rest.
- 2 of 3 windows: one odd month (a storm, a strike) is not a new world; a change that stays is seen
  one window later. 3 of 3 would let a single quiet window in between reset the evidence.
- A window asks for one training at most: its own training is no fact of its decision, so deciding
  it again from equal facts gives an equal decision.
- Trainings that failed, were rejected or inconclusive count against wait and budget too: the same
  data would give the same answer, and a loop of failing trainings is what a budget is for.
"""

from collections.abc import Sequence

from mlops_dagster.monitoring.decision import (
    Decision,
    DecisionFacts,
    DecisionKind,
    HoldReason,
)
from mlops_dagster.monitoring.summaries import (
    DriftSummary,
    QualitySummary,
    QualityVerdict,
)
from mlops_dagster.spec.models import RetrainPolicy, RetrainReason


def decide(facts: DecisionFacts, policy: RetrainPolicy | None) -> Decision:
    """Decide about the window that has just closed.

    The order of the questions is part of the contract: broken data come first and stop everything;
    without a champion only the amount of data counts; `retrain: never` (policy None) holds; then
    evidence, and only confirmed evidence is held against wait and budget.

    Args:
        facts: What is known at the window's close.
        policy: When to retrain; None never does. The first training needs no policy.
    """
    if facts.faults:
        more = f" and {len(facts.faults) - 1} more" if len(facts.faults) > 1 else ""
        return _decision(
            facts,
            DecisionKind.BLOCKED,
            f"data fault in {facts.window}: {facts.faults[0].text}{more}; "
            "nothing is trained on broken data",
            refusal=HoldReason.DATA_FAULT,
        )
    if facts.champion is None:
        return _decide_first(facts, policy)
    if policy is None:
        return _hold(facts, HoldReason.NEVER, "the policy of this model is never to retrain")
    evidence = _evidence(facts, policy)
    if not evidence:
        return _hold(facts, HoldReason.NO_EVIDENCE, _no_evidence(facts, policy))
    text = " and ".join(evidence)
    refused = _waiting(facts, policy) or _over_budget(facts, policy)
    if refused is not None:
        reason, why = refused
        return _hold(facts, reason, f"{text}, but {why}", evidence=evidence)
    return _decision(facts, DecisionKind.RETRAIN, text, evidence=evidence)


def _decide_first(facts: DecisionFacts, policy: RetrainPolicy | None) -> Decision:
    found, needed = len(facts.windows_with_data), facts.at_least
    if found < needed:
        text = f"{found} of {needed} windows are in; the first model is trained when all are"
        return _hold(facts, HoldReason.TOO_FEW_WINDOWS, text)
    # A first training that failed waits and spends like any other, also under `never`.
    limits = policy or RetrainPolicy()
    refused = _waiting(facts, limits) or _over_budget(facts, limits)
    if refused is not None:
        return _hold(facts, refused[0], f"there is no champion, but {refused[1]}")
    text = f"no champion and {found} windows are in, at least {needed} are needed"
    return _decision(facts, DecisionKind.TRAIN_FIRST, text)


def _evidence(facts: DecisionFacts, policy: RetrainPolicy) -> tuple[str, ...]:
    """Return a clause for each confirmed reason, in the order of the policy."""
    newest = facts.newest(policy.confirm.windows)
    found: list[str] = []
    for reason in policy.when:
        if reason is RetrainReason.DRIFT:
            drifted = _drifted(facts, newest)
            if len(drifted) >= policy.confirm.count:
                found.append(_drift_clause(drifted, len(newest)))
        else:
            degraded = _degraded(facts, newest)
            if len(degraded) >= policy.confirm.count:
                found.append(_quality_clause(degraded, len(newest)))
    return tuple(found)


def _drifted(facts: DecisionFacts, windows: Sequence[str]) -> list[DriftSummary]:
    """Return the windows whose drift matters to the model in charge, faults left out."""
    reports = {d.window: d for d in facts.drift if d.model_version == facts.champion_version}
    return [
        reports[w] for w in windows if w in reports and reports[w].matters and not reports[w].faults
    ]


def _degraded(facts: DecisionFacts, windows: Sequence[str]) -> list[QualitySummary]:
    reports = {q.window: q for q in facts.quality if q.model_version == facts.champion_version}
    bad = QualityVerdict.DEGRADED
    return [reports[w] for w in windows if w in reports and reports[w].verdict is bad]


def _drift_clause(drifted: Sequence[DriftSummary], looked_at: int) -> str:
    names = sorted({name for summary in drifted for name in summary.columns})
    if any(s.predictions_moved for s in drifted):
        names.insert(0, "predictions")
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"drift in {len(drifted)} of the last {looked_at} windows ({shown})"


def _quality_clause(degraded: Sequence[QualitySummary], looked_at: int) -> str:
    names = sorted({name for summary in degraded for name in summary.degraded})
    return f"lost quality in {len(degraded)} of the last {looked_at} windows ({', '.join(names)})"


def _no_evidence(facts: DecisionFacts, policy: RetrainPolicy) -> str:
    newest = facts.newest(policy.confirm.windows)
    counts = {
        RetrainReason.DRIFT: len(_drifted(facts, newest)),
        RetrainReason.QUALITY: len(_degraded(facts, newest)),
    }
    seen = ", ".join(f"{reason.value} in {counts[reason]}" for reason in policy.when)
    needed = f"{policy.confirm.count} of {policy.confirm.windows} windows"
    return f"{seen} of the last {len(newest)} windows, {needed} are needed"


def _waiting(facts: DecisionFacts, policy: RetrainPolicy) -> tuple[HoldReason, str] | None:
    last = facts.last_training
    if last is None or facts.steps_since(last.window) >= policy.wait.count:
        return None
    passed = f"{facts.steps_since(last.window)} of {policy.wait.count} windows have passed"
    why = f"only {passed} since the training of {last.window} ({last.outcome.value})"
    return HoldReason.WAIT, why


def _over_budget(facts: DecisionFacts, policy: RetrainPolicy) -> tuple[HoldReason, str] | None:
    budget = policy.at_most
    span = set(facts.newest(budget.windows))
    spent = sum(1 for training in facts.earlier_trainings if training.window in span)
    if spent < budget.count:
        return None
    why = f"{spent} of {budget.count} trainings per {budget.windows} windows are spent"
    return HoldReason.BUDGET, why


def _hold(
    facts: DecisionFacts, refusal: HoldReason, text: str, *, evidence: tuple[str, ...] = ()
) -> Decision:
    return _decision(facts, DecisionKind.HOLD, text, refusal=refusal, evidence=evidence)


def _decision(
    facts: DecisionFacts,
    kind: DecisionKind,
    text: str,
    *,
    refusal: HoldReason | None = None,
    evidence: tuple[str, ...] = (),
) -> Decision:
    return Decision(
        window=facts.window,
        kind=kind,
        reason=text,
        refusal=refusal,
        evidence=evidence,
        champion=facts.champion_version,
    )
