from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster.errors import StateConflict, TransitionRefused
from mlops_dagster.registry.champion import (
    champion_at_cutoff,
    champion_for,
    champion_to_beat,
    current_champion,
    last_training_window,
)
from mlops_dagster.registry.events import (
    Evaluated,
    Promoted,
    Registered,
    Rejected,
    Retired,
    StagingTested,
    Trained,
    VersionEvent,
    model_stream,
)
from mlops_dagster.registry.ledger import (
    ModelLedger,
    VersionState,
    ended_trainings,
    fold_ledger,
    read_ledger,
    record,
    record_after,
)
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.state import EventStore, open_store
from mlops_dagster.windows import Grain, WindowCalendar
from mlops_dagster_tests.state.events import AS_OF, Noted

MODEL = "shop.buys"
MONTHS = WindowCalendar(Grain.MONTH, first="2024-01", last="2024-12")


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    return open_store(tmp_path / "events.db")


def trained(window: str, digest: str) -> Trained:
    return Trained(
        cutoff_window=window, bundle_digest=digest, code_version="1", training_digest="t", rows=9
    )


def evaluated(window: str, digest: str, report: str = "r") -> Evaluated:
    return Evaluated(
        cutoff_window=window,
        bundle_digest=digest,
        outcome="pass",
        explanation="All 1 gates pass.",
        report_digest=report,
    )


def rejected(window: str, digest: str) -> Rejected:
    return Rejected(cutoff_window=window, bundle_digest=digest, reason="roc_auc too low")


def registered(window: str, digest: str, version: str) -> Registered:
    return Registered(
        cutoff_window=window,
        bundle_digest=digest,
        version=version,
        tracking_run_id=f"run{version}",
        model_uri=f"models:/m-{version}",
    )


def staged(window: str, digest: str, version: str, *, passed: bool = True) -> StagingTested:
    return StagingTested(cutoff_window=window, bundle_digest=digest, version=version, passed=passed)


def promoted(window: str, digest: str, version: str) -> Promoted:
    return Promoted(cutoff_window=window, bundle_digest=digest, version=version)


def retired(window: str, digest: str, version: str) -> Retired:
    return Retired(cutoff_window=window, bundle_digest=digest, version=version, reason="bad")


def add(store: EventStore, *events: VersionEvent) -> ModelLedger:
    ledger = read_ledger(store, MODEL)
    for event in events:
        ledger = record(store, MODEL, event, as_of=AS_OF, run_id="r")
    return ledger


def promote(store: EventStore, window: str, digest: str, version: str) -> ModelLedger:
    """Walk a version from its training to its promotion."""
    return add(
        store,
        trained(window, digest),
        evaluated(window, digest),
        registered(window, digest, version),
        staged(window, digest, version),
        promoted(window, digest, version),
    )


def state(ledger: ModelLedger, window: str, digest: str) -> VersionState:
    attempt = ledger.attempt(window, digest)
    assert attempt is not None
    return attempt.state


def test_a_version_walks_from_training_to_champion(store: EventStore) -> None:
    ledger = promote(store, "2024-03", "d", "1")

    attempt = ledger.latest("2024-03")
    assert attempt is not None
    assert (attempt.state, attempt.version) == (VersionState.CHAMPION, "1")
    assert ledger == read_ledger(store, MODEL)
    assert ledger.by_version("1") == attempt
    assert ledger.champions == (attempt,)


def experiment(window: str, digest: str) -> Trained:
    return trained(window, digest).model_copy(update={"experimental": ("gates ignored",)})


def test_an_experiment_may_be_registered_and_tested_but_never_promoted(store: EventStore) -> None:
    ledger = add(
        store,
        experiment("2024-03", "d"),
        evaluated("2024-03", "d"),
        registered("2024-03", "d", "1"),
        staged("2024-03", "d", "1"),
    )
    assert state(ledger, "2024-03", "d") is VersionState.TESTED
    with pytest.raises(TransitionRefused, match=r"never promoted, found gates ignored. Train it"):
        add(store, promoted("2024-03", "d", "1"))
    store.append_next(
        model_stream(MODEL), promoted("2024-03", "d", "1"), as_of=AS_OF, run_id="forged"
    )
    with pytest.raises(TransitionRefused, match="an experimental version is never promoted"):
        read_ledger(store, MODEL)


def test_an_experiment_is_no_training_of_its_window(store: EventStore) -> None:
    promote(store, "2024-03", "d", "1")
    ledger = add(store, experiment("2024-03", "e"), evaluated("2024-03", "e"))
    ledger = add(store, rejected("2024-03", "e"), experiment("2024-04", "f"))
    latest, tried = ledger.latest("2024-03"), ledger.latest_experiment("2024-03")
    assert latest is not None
    assert tried is not None
    assert (latest.bundle_digest, tried.bundle_digest) == ("d", "e")
    assert [a.bundle_digest for a in ledger.trainings] == ["d"]
    assert len(ledger.attempts) == 3
    assert last_training_window(ledger, MONTHS) == "2024-03"
    assert ended_trainings(store, MODEL) == {"2024-03"}
    add(store, evaluated("2024-04", "f"), rejected("2024-04", "f"))
    assert ended_trainings(store, MODEL) == {"2024-03"}


def test_running_everything_again_writes_nothing(store: EventStore) -> None:
    ledger = promote(store, "2024-03", "d", "1")
    assert promote(store, "2024-03", "d", "1") == ledger
    assert len(store.read(model_stream(MODEL))) == 5


def test_another_bundle_at_the_same_cutoff_is_another_attempt(store: EventStore) -> None:
    promote(store, "2024-03", "d", "1")
    ledger = add(
        store, trained("2024-03", "e"), evaluated("2024-03", "e"), rejected("2024-03", "e")
    )

    latest = ledger.latest("2024-03")
    assert latest is not None
    assert latest.bundle_digest == "e"
    assert [a.bundle_digest for a in ledger.trainings] == ["d", "e"]
    champion = champion_at_cutoff(ledger, "2024-03")
    assert champion is not None
    assert champion.bundle_digest == "d"


@pytest.mark.parametrize(
    ("before", "event", "message"),
    [
        ([], evaluated("2024-03", "d"), "not allowed while the model version is not trained"),
        ([], promoted("2024-03", "d", "1"), "expected 'model_trained'"),
        (
            [trained("2024-03", "d")],
            registered("2024-03", "d", "1"),
            "'model_registered' is not allowed while the model version is trained",
        ),
        (
            [trained("2024-03", "d"), evaluated("2024-03", "d"), rejected("2024-03", "d")],
            registered("2024-03", "d", "1"),
            "while the model version is rejected",
        ),
        (
            [
                trained("2024-03", "d"),
                evaluated("2024-03", "d"),
                registered("2024-03", "d", "1"),
            ],
            promoted("2024-03", "d", "1"),
            "while the model version is registered",
        ),
        (
            [
                trained("2024-03", "d"),
                evaluated("2024-03", "d"),
                registered("2024-03", "d", "1"),
                staged("2024-03", "d", "1", passed=False),
            ],
            promoted("2024-03", "d", "1"),
            "while the model version is failed its staging tests",
        ),
    ],
)
def test_no_step_may_be_left_out(
    store: EventStore, before: list[VersionEvent], event: VersionEvent, message: str
) -> None:
    ledger = add(store, *before)
    with pytest.raises(TransitionRefused, match=message) as refused:
        add(store, event)
    assert "shop.buys, cutoff 2024-03, bundle d" in str(refused.value)
    assert read_ledger(store, MODEL) == ledger


def test_a_version_that_failed_its_tests_may_be_tested_again(store: EventStore) -> None:
    add(
        store,
        trained("2024-03", "d"),
        evaluated("2024-03", "d"),
        registered("2024-03", "d", "1"),
        staged("2024-03", "d", "1", passed=False),
    )
    ledger = add(store, staged("2024-03", "d", "1"), promoted("2024-03", "d", "1"))
    assert state(ledger, "2024-03", "d") is VersionState.CHAMPION


def test_changed_gates_judge_a_rejected_version_anew(store: EventStore) -> None:
    add(store, trained("2024-03", "d"), evaluated("2024-03", "d"), rejected("2024-03", "d"))
    ledger = add(store, evaluated("2024-03", "d", "other gates"), registered("2024-03", "d", "1"))
    attempt = ledger.latest("2024-03")
    assert attempt is not None
    assert (attempt.state, attempt.rejected) == (VersionState.REGISTERED, None)


def test_changed_gates_take_back_the_tests_but_not_a_promotion(store: EventStore) -> None:
    ledger = promote(store, "2024-03", "d", "1")
    ledger = add(store, evaluated("2024-03", "d", "other gates"))
    assert state(ledger, "2024-03", "d") is VersionState.CHAMPION

    add(store, trained("2024-04", "e"), evaluated("2024-04", "e"))
    add(store, registered("2024-04", "e", "2"), staged("2024-04", "e", "2"))
    ledger = add(store, evaluated("2024-04", "e", "other gates"))
    assert state(ledger, "2024-04", "e") is VersionState.EVALUATED
    ledger = add(store, registered("2024-04", "e", "2"))
    assert state(ledger, "2024-04", "e") is VersionState.REGISTERED


def test_a_lost_registry_can_be_filled_again(store: EventStore) -> None:
    promote(store, "2024-03", "d", "7")
    ledger = add(
        store,
        registered("2024-03", "d", "1"),
        staged("2024-03", "d", "1"),
        promoted("2024-03", "d", "1"),
    )
    champion = champion_for(ledger, MONTHS, "2024-04")
    assert champion is not None
    assert champion.version == "1"


def test_a_retired_version_does_not_come_back_by_a_re_run(store: EventStore) -> None:
    promote(store, "2024-03", "d", "1")
    ledger = add(store, retired("2024-03", "d", "1"))
    assert champion_for(ledger, MONTHS, "2024-06") is None
    with pytest.raises(TransitionRefused, match="no further event, retired is final"):
        add(store, staged("2024-03", "d", "1", passed=False))


def test_retiring_the_champion_puts_the_one_before_in_charge(store: EventStore) -> None:
    promote(store, "2024-03", "d", "1")
    promote(store, "2024-06", "e", "2")
    ledger = add(store, retired("2024-06", "e", "2"))
    champion = champion_for(ledger, MONTHS, "2024-09")
    assert champion is not None
    assert champion.version == "1"


def test_a_decision_on_an_old_ledger_is_refused(store: EventStore) -> None:
    ledger = add(store, trained("2024-03", "d"))
    add(store, trained("2024-04", "e"))
    with pytest.raises(StateConflict):
        record_after(store, ledger, evaluated("2024-03", "d"), as_of=AS_OF, run_id="r")


def test_events_of_other_kinds_in_the_stream_are_passed_over(store: EventStore) -> None:
    store.append_next(model_stream(MODEL), Noted(text="hello"), as_of=AS_OF, run_id="r")
    ledger = add(store, trained("2024-03", "d"))
    assert (ledger.last_seq, len(ledger.trainings)) == (2, 1)


def test_a_back_fill_is_scored_by_the_champion_of_its_time(store: EventStore) -> None:
    promote(store, "2024-03", "d", "1")
    ledger = promote(store, "2024-06", "e", "2")

    versions = {}
    for window in MONTHS.between("2024-01", "2024-12"):
        champion = champion_for(ledger, MONTHS, window.key)
        versions[window.key] = champion.version if champion else None
    assert versions == {
        **dict.fromkeys(["2024-01", "2024-02", "2024-03"]),
        **dict.fromkeys(["2024-04", "2024-05", "2024-06"], "1"),
        **dict.fromkeys(["2024-07", "2024-08", "2024-09", "2024-10", "2024-11", "2024-12"], "2"),
    }


def test_a_training_done_late_does_not_replace_a_newer_cutoff(store: EventStore) -> None:
    promote(store, "2024-06", "e", "1")
    ledger = promote(store, "2024-03", "d", "2")
    newest = current_champion(ledger, MONTHS)
    assert newest is not None
    assert newest.version == "1"
    assert last_training_window(ledger, MONTHS) == "2024-06"
    in_may = champion_for(ledger, MONTHS, "2024-05")
    assert in_may is not None
    assert in_may.version == "2"


def test_a_challenger_meets_the_champion_before_its_cutoff_on_every_run(store: EventStore) -> None:
    promote(store, "2024-03", "d", "1")
    ledger = promote(store, "2024-06", "e", "2")
    for digest in ("e", "not yet known"):
        rival = champion_to_beat(ledger, MONTHS, cutoff_window="2024-06", bundle_digest=digest)
        assert rival is not None
        assert rival.version == "1"
    assert champion_to_beat(ledger, MONTHS, cutoff_window="2024-03", bundle_digest="d") is None


def test_without_windows_the_newest_promotion_is_in_charge(store: EventStore) -> None:
    promote(store, STATIC, "d", "1")
    ledger = promote(store, STATIC, "e", "2")
    champion = champion_for(ledger, None, STATIC)
    assert champion is not None
    assert champion.version == "2"
    for digest, beaten in (("d", None), ("e", "1"), ("new", "2")):
        rival = champion_to_beat(ledger, None, cutoff_window=STATIC, bundle_digest=digest)
        assert (rival.version if rival else None) == beaten


def test_an_empty_ledger_has_no_champion_and_reading_it_creates_nothing(tmp_path: Path) -> None:
    ledger = read_ledger(open_store(tmp_path / "state" / "events.db"), MODEL)
    assert champion_for(ledger, MONTHS, "2024-04") is None
    assert last_training_window(ledger, MONTHS) is None
    assert list(tmp_path.iterdir()) == []


MOVES = st.tuples(
    st.sampled_from(
        [
            "trained",
            "evaluated",
            "registered",
            "rejected",
            "passed",
            "failed",
            "promoted",
            "retired",
        ]
    ),
    st.sampled_from(["2024-02", "2024-05", "2024-08"]),
    st.sampled_from(["d", "e"]),
)


def event_of(move: str, window: str, digest: str) -> VersionEvent:
    version = f"{window}{digest}"
    return {
        "trained": trained(window, digest),
        "evaluated": evaluated(window, digest),
        "registered": registered(window, digest, version),
        "rejected": rejected(window, digest),
        "passed": staged(window, digest, version),
        "failed": staged(window, digest, version, passed=False),
        "promoted": promoted(window, digest, version),
        "retired": retired(window, digest, version),
    }[move]


@settings(max_examples=60, deadline=None)
@given(st.lists(MOVES, max_size=40))
def test_whatever_happens_only_tested_versions_before_a_window_score_it(
    moves: list[tuple[str, str, str]],
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "events.db")
        for move in moves:
            try:
                add(store, event_of(*move))
            except TransitionRefused:
                continue
        stored = store.read(model_stream(MODEL))
        ledger = fold_ledger(MODEL, stored)
        for window in MONTHS.between("2024-01", "2024-12"):
            champion = champion_for(ledger, MONTHS, window.key)
            if champion is None:
                continue
            assert MONTHS.window(champion.cutoff_window).end <= window.start
            history = [
                s.event
                for s in stored
                if isinstance(s.event, VersionEvent)
                and (s.event.cutoff_window, s.event.bundle_digest)
                == (champion.cutoff_window, champion.bundle_digest)
            ]
            assert any(isinstance(e, Evaluated) for e in history)
            assert any(isinstance(e, StagingTested) and e.passed for e in history)
            assert not any(isinstance(e, Retired) for e in history)


def test_as_of_of_an_attempt_is_that_of_its_training(store: EventStore) -> None:
    record(store, MODEL, trained("2024-03", "d"), as_of=AS_OF, run_id="r")
    later = AS_OF + timedelta(days=3)
    ledger = record(store, MODEL, evaluated("2024-03", "d"), as_of=later, run_id="r")
    assert ledger.trainings[0].as_of == AS_OF
