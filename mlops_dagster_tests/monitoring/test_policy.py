"""The retraining decision: a table of cases, and invariants over random histories."""

from datetime import datetime, timezone
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_dagster.monitoring.decision import (
    Champion,
    Decision,
    DecisionFacts,
    DecisionKind,
    HoldReason,
    Training,
    TrainingOutcome,
)
from mlops_dagster.monitoring.policy import decide
from mlops_dagster.monitoring.summaries import (
    DriftSeverity,
    DriftSummary,
    Fault,
    FaultKind,
    QualitySummary,
    QualityVerdict,
)
from mlops_dagster.spec.base import Budget, Frequency
from mlops_dagster.spec.models import RetrainPolicy, RetrainReason
from mlops_dagster.windows import Duration, DurationUnit

WINDOWS = tuple(f"2013-{month:02d}" for month in range(1, 13))
AS_OF = datetime(2014, 1, 1, tzinfo=timezone.utc)
FAULT = Fault(
    kind=FaultKind.MISSING_VALUES,
    column="seats",
    effect=0.5,
    threshold=0.2,
    text="seats is missing in 50 % of rows against 0 %",
)


def drift(
    window: str, *, matters: bool = True, version: str = "1", fault: bool = False
) -> DriftSummary:
    return DriftSummary(
        window=window,
        model_version=version,
        rows=1000,
        severity=DriftSeverity.WARNING if matters else DriftSeverity.INFO,
        columns=("seats",) if matters else (),
        matters=matters,
        faults=(FAULT,) if fault else (),
        verdict="",
    )


def quality(window: str, *, degraded: bool = True, version: str = "1") -> QualitySummary:
    return QualitySummary(
        window=window,
        model_version=version,
        final=True,
        matured_share=1.0,
        labelled_rows=1000,
        verdict=QualityVerdict.DEGRADED if degraded else QualityVerdict.AS_EXPECTED,
        degraded=("roc_auc",) if degraded else (),
        text="",
    )


def facts(
    months: int,
    *,
    champion: str | None = "2013-03",
    trainings: tuple[Training, ...] | None = None,
    drifted: tuple[int, ...] = (),
    degraded: tuple[int, ...] = (),
    with_data: int | None = None,
    faults: tuple[Fault, ...] = (),
    **changes: object,
) -> DecisionFacts:
    windows = WINDOWS[:months]
    if trainings is None:
        trainings = (
            (Training(window=champion, outcome=TrainingOutcome.PROMOTED),) if champion else ()
        )
    return DecisionFacts(
        window=windows[-1],
        as_of=AS_OF,
        windows=windows,
        windows_with_data=windows[: months if with_data is None else with_data],
        at_least=3,
        champion=Champion(version="1", cutoff=champion) if champion else None,
        trainings=trainings,
        drift=tuple(drift(w, matters=i + 1 in drifted) for i, w in enumerate(windows)),
        quality=tuple(quality(w, degraded=i + 1 in degraded) for i, w in enumerate(windows)),
        faults=faults,
    ).model_copy(update=changes)


DEFAULT = RetrainPolicy()


class Case(NamedTuple):
    name: str
    facts: DecisionFacts
    policy: RetrainPolicy | None
    kind: DecisionKind
    refusal: HoldReason | None
    reason: str


REJECTED = TrainingOutcome.REJECTED
CASES = [
    Case(
        "two of three windows are in",
        facts(2, champion=None),
        DEFAULT,
        DecisionKind.HOLD,
        HoldReason.TOO_FEW_WINDOWS,
        "2 of 3 windows are in; the first model is trained when all are",
    ),
    Case(
        "the third window is in",
        facts(3, champion=None),
        DEFAULT,
        DecisionKind.TRAIN_FIRST,
        None,
        "no champion and 3 windows are in, at least 3 are needed",
    ),
    Case(
        "the first training needs no policy",
        facts(3, champion=None),
        None,
        DecisionKind.TRAIN_FIRST,
        None,
        "no champion and 3 windows are in, at least 3 are needed",
    ),
    Case(
        "windows without data do not count",
        facts(4, champion=None, with_data=2),
        DEFAULT,
        DecisionKind.HOLD,
        HoldReason.TOO_FEW_WINDOWS,
        "2 of 3 windows are in; the first model is trained when all are",
    ),
    Case(
        "a rejected first training waits",
        facts(4, champion=None, trainings=(Training(window="2013-03", outcome=REJECTED),)),
        None,
        DecisionKind.HOLD,
        HoldReason.WAIT,
        "there is no champion, but only 1 of 2 windows have passed since the training of 2013-03 "
        "(rejected)",
    ),
    Case(
        "and is tried again afterwards",
        facts(5, champion=None, trainings=(Training(window="2013-03", outcome=REJECTED),)),
        DEFAULT,
        DecisionKind.TRAIN_FIRST,
        None,
        "no champion and 5 windows are in, at least 3 are needed",
    ),
    Case(
        "broken data block even the first training",
        facts(3, champion=None, faults=(FAULT, FAULT)),
        DEFAULT,
        DecisionKind.BLOCKED,
        HoldReason.DATA_FAULT,
        "data fault in 2013-03: seats is missing in 50 % of rows against 0 % and 1 more; nothing "
        "is trained on broken data",
    ),
    Case(
        "broken data block a confirmed retraining",
        facts(6, drifted=(5, 6), degraded=(5, 6), faults=(FAULT,)),
        DEFAULT,
        DecisionKind.BLOCKED,
        HoldReason.DATA_FAULT,
        "data fault in 2013-06: seats is missing in 50 % of rows against 0 %; nothing is trained "
        "on broken data",
    ),
    Case(
        "never",
        facts(6, drifted=(4, 5, 6), degraded=(4, 5, 6)),
        None,
        DecisionKind.HOLD,
        HoldReason.NEVER,
        "the policy of this model is never to retrain",
    ),
    Case(
        "one drifted window confirms nothing",
        facts(6, drifted=(6,)),
        DEFAULT,
        DecisionKind.HOLD,
        HoldReason.NO_EVIDENCE,
        "drift in 1, quality in 0 of the last 3 windows, 2 of 3 windows are needed",
    ),
    Case(
        "drift in one and lost quality in another do not add up",
        facts(6, drifted=(5,), degraded=(6,)),
        DEFAULT,
        DecisionKind.HOLD,
        HoldReason.NO_EVIDENCE,
        "drift in 1, quality in 1 of the last 3 windows, 2 of 3 windows are needed",
    ),
    Case(
        "two of three windows confirm",
        facts(6, drifted=(4, 6)),
        DEFAULT,
        DecisionKind.RETRAIN,
        None,
        "drift in 2 of the last 3 windows (seats)",
    ),
    Case(
        "both reasons are named",
        facts(6, drifted=(5, 6), degraded=(4, 5, 6)),
        DEFAULT,
        DecisionKind.RETRAIN,
        None,
        "drift in 2 of the last 3 windows (seats) and lost quality in 3 of the last 3 windows "
        "(roc_auc)",
    ),
    Case(
        "a policy that only minds quality ignores drift",
        facts(6, drifted=(4, 5, 6)),
        RetrainPolicy(when=[RetrainReason.QUALITY]),
        DecisionKind.HOLD,
        HoldReason.NO_EVIDENCE,
        "quality in 0 of the last 3 windows, 2 of 3 windows are needed",
    ),
    Case(
        "the wait is kept",
        facts(
            6,
            drifted=(5, 6),
            trainings=(
                Training(window="2013-03", outcome=TrainingOutcome.PROMOTED),
                Training(window="2013-05", outcome=TrainingOutcome.INCONCLUSIVE),
            ),
        ),
        DEFAULT,
        DecisionKind.HOLD,
        HoldReason.WAIT,
        "drift in 2 of the last 3 windows (seats), but only 1 of 2 windows have passed since the "
        "training of 2013-05 (inconclusive)",
    ),
    Case(
        "the budget is kept, failed trainings included",
        facts(
            11,
            drifted=(10, 11),
            trainings=tuple(
                Training(window=w, outcome=TrainingOutcome.FAILED) for w in WINDOWS[1:9:2]
            ),
        ),
        DEFAULT,
        DecisionKind.HOLD,
        HoldReason.BUDGET,
        "drift in 2 of the last 3 windows (seats), but 4 of 4 trainings per 12 windows are spent",
    ),
    Case(
        "drift of an earlier model is no evidence",
        facts(6, drift=tuple(drift(w, version="0") for w in WINDOWS[:6])),
        DEFAULT,
        DecisionKind.HOLD,
        HoldReason.NO_EVIDENCE,
        "drift in 0, quality in 0 of the last 3 windows, 2 of 3 windows are needed",
    ),
    Case(
        "drift in a window with broken data is no evidence",
        facts(6, drift=(drift(WINDOWS[4], fault=True), drift(WINDOWS[5]))),
        DEFAULT,
        DecisionKind.HOLD,
        HoldReason.NO_EVIDENCE,
        "drift in 1, quality in 0 of the last 3 windows, 2 of 3 windows are needed",
    ),
    Case(
        "the training that this decision asked for does not refuse it when decided again",
        facts(
            6,
            drifted=(5, 6),
            trainings=(Training(window="2013-03"), Training(window="2013-06")),
        ),
        DEFAULT,
        DecisionKind.RETRAIN,
        None,
        "drift in 2 of the last 3 windows (seats)",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_decision_of(case: Case) -> None:
    found = decide(case.facts, case.policy)
    assert (found.kind, found.refusal, found.reason) == (case.kind, case.refusal, case.reason)
    assert found.window == case.facts.window
    assert Decision.model_validate_json(found.model_dump_json()) == found


def test_a_refused_retraining_keeps_its_evidence() -> None:
    found = decide(facts(5, champion="2013-04", drifted=(4, 5)), DEFAULT)
    assert found.refusal is HoldReason.WAIT
    assert found.evidence == ("drift in 2 of the last 3 windows (seats)",)


def test_facts_whose_last_window_is_not_the_decided_one_are_refused() -> None:
    with pytest.raises(ValidationError, match="the last of `windows` must be the decided window"):
        DecisionFacts(
            window="2013-02",
            as_of=AS_OF,
            windows=("2013-02", "2013-03"),
            windows_with_data=(),
            at_least=1,
        )


def test_a_training_outside_the_windows_is_refused() -> None:
    with pytest.raises(ValidationError, match="training of '2012-12'"):
        DecisionFacts.model_validate(
            {**facts(3).model_dump(), "trainings": [{"window": "2012-12"}]}
        )


def test_the_instant_of_the_decision_changes_nothing() -> None:
    later = datetime(2031, 5, 5, tzinfo=timezone.utc)
    for case in CASES:
        moved = case.facts.model_copy(update={"as_of": later})
        assert decide(moved, case.policy) == decide(case.facts, case.policy)


class World(NamedTuple):
    policy: RetrainPolicy
    at_least: int
    signals: list[tuple[bool, bool, bool, TrainingOutcome]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    span = draw(st.integers(1, 6))
    policy = RetrainPolicy(
        confirm=Frequency(count=draw(st.integers(1, span)), windows=span),
        wait=Duration(draw(st.integers(0, 5)), DurationUnit.WINDOW),
        at_most=Budget(count=draw(st.integers(0, 4)), windows=draw(st.integers(1, 10))),
    )
    outcomes = st.sampled_from([o for o in TrainingOutcome if o is not TrainingOutcome.REQUESTED])
    signal = st.tuples(
        st.booleans(), st.booleans(), st.integers(0, 9).map(lambda n: n == 0), outcomes
    )
    return World(policy, draw(st.integers(1, 4)), draw(st.lists(signal, min_size=1, max_size=40)))


def lived(world: World) -> list[Decision]:
    """Run the loop of windows: decide, train as decided, promote as the world says."""
    decisions: list[Decision] = []
    trainings: list[Training] = []
    champion: Champion | None = None
    seen: list[DriftSummary] = []
    lost: list[QualitySummary] = []
    names = tuple(f"w{n:03d}" for n in range(len(world.signals)))
    for n, (drifted, degraded, broken, outcome) in enumerate(world.signals):
        version = champion.version if champion else "none"
        seen.append(drift(names[n], matters=drifted, version=version))
        lost.append(quality(names[n], degraded=degraded, version=version))
        now = DecisionFacts(
            window=names[n],
            as_of=AS_OF,
            windows=names[: n + 1],
            windows_with_data=names[: n + 1],
            at_least=world.at_least,
            champion=champion,
            trainings=tuple(trainings),
            drift=tuple(seen),
            quality=tuple(lost),
            faults=(FAULT,) if broken else (),
        )
        found = decide(now, world.policy)
        assert decide(now, world.policy) == found
        decisions.append(found)
        if found.kind.trains:
            trainings.append(Training(window=names[n], outcome=outcome))
            again = now.model_copy(update={"trainings": tuple(trainings)})
            assert decide(again, world.policy) == found
            if outcome is TrainingOutcome.PROMOTED:
                champion = Champion(version=f"v{n}", cutoff=names[n])
    return decisions


@settings(max_examples=100)
@given(worlds())
def test_no_history_breaks_wait_budget_or_the_block_of_broken_data(world: World) -> None:
    decisions = lived(world)
    trained = [n for n, d in enumerate(decisions) if d.kind.trains]
    for earlier, later in pairwise(trained):
        assert later - earlier >= max(1, world.policy.wait.count)
    budget = world.policy.at_most
    for n in range(len(decisions)):
        assert sum(n - budget.windows < t <= n for t in trained) <= budget.count
    for (_, _, broken, _), found in zip(world.signals, decisions, strict=True):
        assert (found.kind is DecisionKind.BLOCKED) == broken
    assert all(n + 1 >= world.at_least for n in trained)


@settings(max_examples=100)
@given(worlds())
def test_nothing_is_retrained_without_evidence(world: World) -> None:
    confirm = world.policy.confirm
    for n, found in enumerate(lived(world)):
        if found.kind is DecisionKind.RETRAIN:
            span = world.signals[max(0, n + 1 - confirm.windows) : n + 1]
            assert max(sum(s[0] for s in span), sum(s[1] for s in span)) >= confirm.count
            assert found.evidence
