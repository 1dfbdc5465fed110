"""The ledger of a model: what happened to every version, folded from its stream.

A version is an attempt: a cutoff window and the digest of the bundle that its training gave. A
re-run that gives the same bundle continues the attempt and writes nothing twice; another bundle is
a new attempt beside the earlier one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from mlops_dagster.errors import StateConflict, TransitionRefused
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
from mlops_dagster.state.machine import Machine
from mlops_dagster.state.store import EventStore, StoredEvent

_ATTEMPTS = 50


class VersionState(str, Enum):
    """Where an attempt stands."""

    NEW = "not trained"
    TRAINED = "trained"
    EVALUATED = "evaluated"
    REJECTED = "rejected"
    REGISTERED = "registered"
    TESTED = "tested"
    FAILED_TESTS = "failed its staging tests"
    CHAMPION = "champion"
    RETIRED = "retired"


_S = VersionState

# A change of gates judges a version anew, which takes back what followed from the former judgement;
# of a champion it takes nothing back, because only Retired withdraws what windows were scored with.
# Retired is final: a re-run of the training must not bring back what somebody withdrew.
VERSIONS: Machine[VersionState] = Machine(
    thing="model version",
    initial=_S.NEW,
    transitions={
        _S.NEW: {Trained: _S.TRAINED},
        _S.TRAINED: {Evaluated: _S.EVALUATED},
        _S.EVALUATED: {
            Evaluated: _S.EVALUATED,
            Registered: _S.REGISTERED,
            Rejected: _S.REJECTED,
        },
        _S.REJECTED: {Evaluated: _S.EVALUATED},
        _S.REGISTERED: {
            Evaluated: _S.EVALUATED,
            Registered: _S.REGISTERED,
            StagingTested: _S.TESTED,
        },
        _S.TESTED: {
            Evaluated: _S.EVALUATED,
            Registered: _S.REGISTERED,
            StagingTested: _S.TESTED,
            Promoted: _S.CHAMPION,
        },
        _S.FAILED_TESTS: {
            Evaluated: _S.EVALUATED,
            Registered: _S.REGISTERED,
            StagingTested: _S.TESTED,
        },
        _S.CHAMPION: {
            Evaluated: _S.CHAMPION,
            # The registry was lost and the bundle registered again: tests and promotion follow.
            Registered: _S.REGISTERED,
            StagingTested: _S.CHAMPION,
            Retired: _S.RETIRED,
        },
    },
)


@dataclass(frozen=True)
class Attempt:
    """One training and what became of it; `as_of` and `seq` are those of its first event."""

    cutoff_window: str
    bundle_digest: str
    state: VersionState
    as_of: datetime
    seq: int
    trained: Trained | None = None
    evaluated: Evaluated | None = None
    rejected: Rejected | None = None
    registered: Registered | None = None
    tested: StagingTested | None = None
    promoted: Promoted | None = None
    promoted_seq: int | None = None
    promoted_as_of: datetime | None = None
    retired: Retired | None = None

    @property
    def version(self) -> str | None:
        """The version in the registry, once registered."""
        return self.registered.version if self.registered is not None else None

    @property
    def experimental(self) -> tuple[str, ...]:
        """What its run overrode of gates or data; an ordinary attempt overrode nothing."""
        return self.trained.experimental if self.trained is not None else ()

    def holds(self, event: VersionEvent) -> bool:
        """Tell whether the event says nothing new about this attempt."""
        known = (self.evaluated, self.rejected, self.registered, self.tested, self.promoted)
        return isinstance(event, Trained) or event in (*known, self.retired)


@dataclass(frozen=True)
class ModelLedger:
    """All attempts of a model in the order of their first event; `last_seq` is the last event."""

    model: str
    attempts: Mapping[tuple[str, str], Attempt] = field(default_factory=dict)
    last_seq: int = 0

    def attempt(self, cutoff_window: str, bundle_digest: str) -> Attempt | None:
        """Return an attempt, or None."""
        return self.attempts.get((cutoff_window, bundle_digest))

    def latest(self, cutoff_window: str) -> Attempt | None:
        """Return the newest attempt at a cutoff window, or None; experiments do not count."""
        found = [a for a in self.trainings if a.cutoff_window == cutoff_window]
        return found[-1] if found else None

    def latest_experiment(self, cutoff_window: str) -> Attempt | None:
        """Return the newest experimental attempt at a cutoff window, or None."""
        found = [
            attempt
            for attempt in self.attempts.values()
            if attempt.cutoff_window == cutoff_window and attempt.experimental
        ]
        return found[-1] if found else None

    def by_version(self, version: str) -> Attempt | None:
        """Return the attempt that is registered under a version, or None."""
        return next((a for a in self.attempts.values() if a.version == version), None)

    @property
    def trainings(self) -> tuple[Attempt, ...]:
        """Every attempt but the experimental ones, oldest first."""
        return tuple(a for a in self.attempts.values() if not a.experimental)

    @property
    def champions(self) -> tuple[Attempt, ...]:
        """The attempts whose promotion stands, oldest first."""
        return tuple(a for a in self.attempts.values() if a.state is VersionState.CHAMPION)


def fold_ledger(model: str, events: Iterable[StoredEvent]) -> ModelLedger:
    """Return the ledger after a stream's events.

    Raises:
        TransitionRefused: The stream holds an event that its state did not allow.
    """
    ledger = ModelLedger(model)
    for stored in events:
        ledger = after(ledger, stored)
    return ledger


def after(ledger: ModelLedger, stored: StoredEvent) -> ModelLedger:
    """Return the ledger after one more event; events that are not about versions change nothing.

    Raises:
        TransitionRefused: The attempt's state does not allow the event.
    """
    event = stored.event
    if not isinstance(event, VersionEvent):
        return replace(ledger, last_seq=stored.seq)
    key = (event.cutoff_window, event.bundle_digest)
    known = ledger.attempts.get(key) or Attempt(
        *key, state=VERSIONS.initial, as_of=stored.as_of, seq=stored.seq
    )
    attempts = {**ledger.attempts, key: _advanced(known, stored, event, model=ledger.model)}
    return replace(ledger, attempts=attempts, last_seq=stored.seq)


def read_ledger(store: EventStore, model: str) -> ModelLedger:
    """Return the ledger of a model named `<use_case>.<model>`; empty when nothing happened yet."""
    return fold_ledger(model, store.read(model_stream(model)))


# From these no further step of the same training follows.
_ENDED = frozenset(
    {
        VersionState.REJECTED,
        VersionState.FAILED_TESTS,
        VersionState.CHAMPION,
        VersionState.RETIRED,
    }
)


def ended_trainings(store: EventStore, model: str) -> frozenset[str]:
    """Return the cutoff windows whose training came to an end, good or bad."""
    ledger = read_ledger(store, model)
    return frozenset(a.cutoff_window for a in ledger.trainings if a.state in _ENDED)


def record(
    store: EventStore, model: str, event: VersionEvent, *, as_of: datetime, run_id: str
) -> ModelLedger:
    """Write an event if it says something new and is allowed; return the ledger with it.

    Raises:
        TransitionRefused: The attempt's state does not allow the event.
        StateConflict: Others appended to the stream every time.
    """
    for _ in range(_ATTEMPTS):
        ledger = read_ledger(store, model)
        try:
            return record_after(store, ledger, event, as_of=as_of, run_id=run_id)
        except StateConflict:
            continue
    raise StateConflict(f"no event could be appended in {_ATTEMPTS} attempts", where=model)


def record_after(
    store: EventStore, ledger: ModelLedger, event: VersionEvent, *, as_of: datetime, run_id: str
) -> ModelLedger:
    """Write an event as `record` does, but only if this ledger is still the newest.

    Raises:
        TransitionRefused: The attempt's state does not allow the event.
        StateConflict: Something else happened to the model since the ledger was read.
    """
    known = ledger.attempt(event.cutoff_window, event.bundle_digest)
    if known is not None and known.holds(event):
        return ledger
    _next_state(known, event, model=ledger.model)
    stored = store.append(
        model_stream(ledger.model), ledger.last_seq, event, as_of=as_of, run_id=run_id
    )
    return after(ledger, stored)


def _advanced(known: Attempt, stored: StoredEvent, event: VersionEvent, *, model: str) -> Attempt:
    before = known.state
    known = replace(known, state=_next_state(known, event, model=model))
    match event:
        case Trained():
            known = replace(known, trained=event)
        case Evaluated() if before is VersionState.CHAMPION:
            known = replace(known, evaluated=event)
        case Evaluated():
            known = replace(known, evaluated=event, rejected=None, registered=None, tested=None)
        case Rejected():
            known = replace(known, rejected=event)
        case Registered():
            known = replace(known, registered=event, tested=None, promoted=None)
        case StagingTested(passed=False) if before is not VersionState.CHAMPION:
            known = replace(known, tested=event, state=VersionState.FAILED_TESTS)
        case StagingTested():
            known = replace(known, tested=event)
        case Promoted():
            known = replace(
                known, promoted=event, promoted_seq=stored.seq, promoted_as_of=stored.as_of
            )
        case Retired():
            known = replace(known, retired=event)
    return known


def _next_state(known: Attempt | None, event: VersionEvent, *, model: str) -> VersionState:
    if known is not None and known.experimental and isinstance(event, Promoted):
        raise TransitionRefused(
            "an experimental version is never promoted",
            where=_place(model, event),
            found=", ".join(known.experimental),
            next_step="Train it again without overriding anything",
        )
    state = known.state if known is not None else VERSIONS.initial
    return VERSIONS.after(state, type(event), where=_place(model, event))


def _place(model: str, event: VersionEvent) -> str:
    return f"{model}, cutoff {event.cutoff_window}, bundle {event.bundle_digest[:12]}"
