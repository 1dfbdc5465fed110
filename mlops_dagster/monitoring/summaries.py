"""What decisions need of a drift and a quality report: light, without numbers of every column."""

from enum import Enum

from mlops_dagster.monitoring.payload import Payload


class DriftSeverity(str, Enum):
    """How much a change matters, least first; `warning` and above count toward a retraining."""

    NONE = "none"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Position in the order none < info < warning < critical."""
        return list(DriftSeverity).index(self)


class FaultKind(str, Enum):
    """How data can be broken, as opposed to changed."""

    MISSING_VALUES = "missing_values"
    UNSEEN_VALUES = "unseen_values"
    CONSTANT_COLUMN = "constant_column"
    INFINITE_VALUES = "infinite_values"
    ABSENT_COLUMN = "absent_column"
    WRONG_TYPE = "wrong_type"
    VOLUME = "volume"


class Fault(Payload):
    """Data of a window that look broken; `column` is None for the table as a whole."""

    kind: FaultKind
    column: str | None = None
    effect: float
    threshold: float
    text: str


class DriftSummary(Payload):
    """A drift report in a few words.

    Args:
        window: The window that was profiled.
        model_version: The model in charge, whose hold-out is the reference.
        rows: Rows of the window.
        severity: The worst over all rows (not slices), columns and predictions.
        columns: Columns with severity warning or above that the model uses, worst first.
        drifted_importance: Their share of the model's importance; None when unknown.
        prediction_severity: Severity of the predictions themselves.
        matters: Whether the drift counts toward a retraining: the predictions moved, or columns
            that the model relies on together.
        faults: Signs of broken data.
        verdict: One sentence.
    """

    window: str
    model_version: str
    rows: int
    severity: DriftSeverity
    columns: tuple[str, ...] = ()
    drifted_importance: float | None = None
    prediction_severity: DriftSeverity = DriftSeverity.NONE
    matters: bool
    faults: tuple[Fault, ...] = ()
    verdict: str

    @property
    def predictions_moved(self) -> bool:
        """Whether the predictions themselves are at warning or above."""
        return self.prediction_severity.rank >= DriftSeverity.WARNING.rank


class QualityVerdict(str, Enum):
    """How a window's metrics compare with the hold-out expectation of the model."""

    AS_EXPECTED = "as_expected"
    DEGRADED = "degraded"
    UNDECIDED = "undecided"


class MetricFigure(Payload):
    """A metric of a window beside what was expected of it.

    Args:
        accepted: The worst value that is no shortfall worth a retraining; None without an
            expectation.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    accepted: float | None = None
    degraded: bool = False


class QualitySummary(Payload):
    """A quality report in a few words.

    Args:
        window: The window whose predictions were measured.
        model_version: The model that made them.
        final: Whether every label is known or will never come.
        matured_share: Share of predictions whose label is decided (known, or known to be absent).
        labelled_rows: Predictions with a label.
        verdict: The comparison over all rows.
        degraded: Names of the primary metrics that are degraded.
        figures: The primary metrics over all rows; empty in summaries of earlier releases.
        text: One sentence.
    """

    window: str
    model_version: str
    final: bool
    matured_share: float
    labelled_rows: int
    verdict: QualityVerdict
    degraded: tuple[str, ...] = ()
    figures: tuple[MetricFigure, ...] = ()
    text: str
