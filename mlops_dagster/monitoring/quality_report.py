"""The quality report: metrics of a window's predictions beside what the hold-out led to expect."""

from typing import Literal

from mlops_dagster.monitoring.payload import Payload
from mlops_dagster.monitoring.summaries import MetricFigure, QualitySummary, QualityVerdict
from mlops_dagster.spec.models import Task
from mlops_dagster.training.evaluation import CalibrationBin


class LabelCounts(Payload):
    """Predictions by what is known of their labels: known, never to come, still pending."""

    labelled: int
    never: int
    pending: int

    @property
    def rows(self) -> int:
        """All predictions."""
        return self.labelled + self.never + self.pending

    @property
    def matured_share(self) -> float:
        """Share of predictions whose label is known or will never come."""
        return 1.0 - self.pending / self.rows if self.rows else 0.0


class MeasuredMetric(Payload):
    """A metric of a window beside what the hold-out led to expect.

    Args:
        shortfall: By how much it is worse than expected, in its own units; negative when better.
        margin: Half-width of the interval of the shortfall: both intervals' half-widths, squared
            and added; where the window has too few days for an interval, the hold-out's stands in,
            widened for fewer rows. None when neither has one.
        tolerance: Shortfall that is accepted, with what noise adds on fewer rows than the hold-out.
        accepted: The value at that shortfall.
        reason: Why a value or an interval is missing.
    """

    metric: str
    primary: bool
    slice_key: str | None = None
    slice_value: str | None = None
    rows: int
    value: float | None
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    shortfall: float | None = None
    margin: float | None = None
    tolerance: float | None = None
    accepted: float | None = None
    verdict: QualityVerdict
    reason: str | None = None


class QualityReport(Payload):
    """Metrics of one window's predictions by one model version; all rows first, then slices.

    `calibration` are the bins behind the calibration error; none for a regression.
    """

    version: Literal[1] = 1
    window: str
    model_version: str
    task: Task
    labels: LabelCounts
    final: bool
    metrics: tuple[MeasuredMetric, ...]
    calibration: tuple[CalibrationBin, ...] = ()
    verdict: QualityVerdict
    text: str

    @property
    def overall(self) -> tuple[MeasuredMetric, ...]:
        """The metrics over all rows."""
        return tuple(m for m in self.metrics if m.slice_key is None)

    @property
    def summary(self) -> QualitySummary:
        """What a decision needs of this report."""
        degraded = QualityVerdict.DEGRADED
        primary = [m for m in self.overall if m.primary]
        return QualitySummary(
            window=self.window,
            model_version=self.model_version,
            final=self.final,
            matured_share=self.labels.matured_share,
            labelled_rows=self.labels.labelled,
            verdict=self.verdict,
            degraded=tuple(m.metric for m in primary if m.verdict is degraded),
            figures=tuple(
                MetricFigure(
                    metric=m.metric,
                    value=m.value,
                    low=m.low,
                    high=m.high,
                    expected=m.expected,
                    accepted=m.accepted,
                    degraded=m.verdict is degraded,
                )
                for m in primary
            ),
            text=self.text,
        )
