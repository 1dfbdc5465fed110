"""The facts that a retraining decision rests on, and the decision."""

from datetime import datetime
from enum import Enum

from pydantic import model_validator

from mlops_dagster.monitoring.payload import Payload
from mlops_dagster.monitoring.summaries import DriftSummary, Fault, QualitySummary


class DecisionKind(str, Enum):
    """What is to be done after a window."""

    TRAIN_FIRST = "train_first"
    RETRAIN = "retrain"
    HOLD = "hold"
    BLOCKED = "blocked"

    @property
    def trains(self) -> bool:
        """Whether a training follows."""
        return self in (DecisionKind.TRAIN_FIRST, DecisionKind.RETRAIN)


class HoldReason(str, Enum):
    """Why nothing is trained."""

    DATA_FAULT = "data_fault"
    TOO_FEW_WINDOWS = "too_few_windows"
    NEVER = "never"
    NO_EVIDENCE = "no_evidence"
    WAIT = "wait"
    BUDGET = "budget"


class TrainingOutcome(str, Enum):
    """How a training ended; every one of them was a training."""

    REQUESTED = "requested"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"


class Training(Payload):
    """A training, by the window whose decision asked for it."""

    window: str
    outcome: TrainingOutcome = TrainingOutcome.REQUESTED


class Champion(Payload):
    """The model in charge of a window, and the window of its cutoff."""

    version: str
    cutoff: str


class DecisionFacts(Payload):
    """All that a decision may rest on.

    Args:
        window: The window that has just closed.
        as_of: The instant of the decision (UTC), for the record; no rule reads it.
        windows: Keys of all windows that have closed, oldest first; the last is `window`.
        windows_with_data: Those whose rows are in, oldest first.
        at_least: Windows with data that a first training needs.
        champion: The model in charge; None before the first promotion.
        trainings: Trainings of this model whatever their outcome.
        drift: Drift summaries of recent windows.
        quality: Quality summaries of recent windows.
        faults: Signs of broken data in this window, from its drift report or its rules.
    """

    window: str
    as_of: datetime
    windows: tuple[str, ...]
    windows_with_data: tuple[str, ...]
    at_least: int
    champion: Champion | None = None
    trainings: tuple[Training, ...] = ()
    drift: tuple[DriftSummary, ...] = ()
    quality: tuple[QualitySummary, ...] = ()
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "DecisionFacts":
        if not self.windows or self.windows[-1] != self.window:
            raise ValueError(f"the last of `windows` must be the decided window '{self.window}'")
        if len(set(self.windows)) != len(self.windows):
            raise ValueError("`windows` names a window twice")
        unknown = [t.window for t in self.trainings if t.window not in set(self.windows)]
        if unknown:
            raise ValueError(f"training of '{unknown[0]}', which is not one of `windows`")
        return self

    @property
    def champion_version(self) -> str | None:
        """Version of the model in charge."""
        return self.champion.version if self.champion else None

    @property
    def earlier_trainings(self) -> tuple[Training, ...]:
        """Trainings of earlier windows: that of this window follows from this very decision."""
        return tuple(training for training in self.trainings if training.window != self.window)

    @property
    def last_training(self) -> Training | None:
        """The training of the newest earlier window."""
        place = {window: number for number, window in enumerate(self.windows)}
        return max(self.earlier_trainings, key=lambda t: place[t.window], default=None)

    def newest(self, count: int) -> tuple[str, ...]:
        """Return the newest windows, this one included, oldest first."""
        return self.windows[-count:]

    def steps_since(self, window: str) -> int:
        """Return how many windows have closed after a window."""
        return len(self.windows) - 1 - self.windows.index(window)


class Decision(Payload):
    """What is to be done after a window, and why in one sentence.

    Args:
        refusal: Why nothing is trained; None when something is.
        evidence: A clause for each confirmed reason, also when wait or budget refused it.
        champion: Version of the model in charge when it was decided.
    """

    window: str
    kind: DecisionKind
    reason: str
    refusal: HoldReason | None = None
    evidence: tuple[str, ...] = ()
    champion: str | None = None
