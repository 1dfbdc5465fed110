"""What gates say about a model: payloads of events, with the numbers they rest on."""

from enum import Enum

from mlops_dagster.training.evaluation import Interval, Payload


class GateOutcome(str, Enum):
    """What a gate says. Only `pass` and `not_applicable` let a model through."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"


class SliceResult(Payload):
    """A gate on the rows of one slice value; None stands for null."""

    value: str | None
    outcome: GateOutcome
    rows: int
    measured: float | None
    interval: Interval | None = None
    explanation: str


class GateResult(Payload):
    """What a gate says and from which numbers.

    `measured` is the metric's value or, against the champion, the improvement on it, which
    `interval` belongs to.
    """

    text: str
    metrics: tuple[str, ...]
    outcome: GateOutcome
    explanation: str
    measured: float | None = None
    threshold: str | None = None
    interval: Interval | None = None
    rows: int
    slices: tuple[SliceResult, ...] = ()


class GateReport(Payload):
    """All gates of a model and what they say together."""

    gates: tuple[GateResult, ...]

    @property
    def outcome(self) -> GateOutcome:
        """The worst outcome: error, fail, inconclusive, else pass."""
        found = {gate.outcome for gate in self.gates}
        for worst in (GateOutcome.ERROR, GateOutcome.FAIL, GateOutcome.INCONCLUSIVE):
            if worst in found:
                return worst
        return GateOutcome.PASS

    @property
    def promotable(self) -> bool:
        """Whether every gate lets the model through."""
        return self.outcome is GateOutcome.PASS

    @property
    def explanation(self) -> str:
        """One sentence a gate that does not let the model through, or that all do."""
        kept = [
            f"{gate.text}: {gate.explanation}"
            for gate in self.gates
            if gate.outcome not in (GateOutcome.PASS, GateOutcome.NOT_APPLICABLE)
        ]
        return " ".join(kept) or f"All {len(self.gates)} gates pass."
