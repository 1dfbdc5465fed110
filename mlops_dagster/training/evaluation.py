"""What is known of a trained model: metrics, slices, calibration, the champion beside it.

Payloads of events and of run metadata: frozen, JSON without NaN. A value that does not exist is
None with a reason.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mlops_dagster.spec.models import Task

Grouping = Literal["day", "group", "row"]


class Payload(BaseModel):
    """A frozen model without unknown keys and without NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(Payload):
    """A confidence interval from a bootstrap that resamples whole groups of rows."""

    low: float
    high: float
    level: float
    groups: int
    grouped_by: Grouping
    resamples: int


class MetricValue(Payload):
    """A metric on some rows. `reason` says why the value, or else its interval, is missing."""

    name: str
    value: float | None
    lower_is_better: bool
    best_is_zero: bool = False
    interval: Interval | None = None
    reason: str | None = None


class SliceEvaluation(Payload):
    """The metrics of the rows in which `column` has one value; None stands for null."""

    column: str
    value: str | None
    rows: int
    metrics: tuple[MetricValue, ...]

    def metric(self, name: str) -> MetricValue | None:
        """Return a metric by name, None when it was not measured."""
        return _find(self.metrics, name)


class CalibrationBin(Payload):
    """Rows of similar probability: the mean that was predicted and the share that came true."""

    low: float
    high: float
    rows: int
    mean_predicted: float
    observed_share: float


class Evaluation(Payload):
    """A model on its labelled hold-out rows."""

    task: Task
    rows: int
    days: int | None
    unlabelled_rows: int
    metrics: tuple[MetricValue, ...]
    slices: tuple[SliceEvaluation, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    positive_share: float | None = None
    warnings: tuple[str, ...] = ()

    def metric(self, name: str) -> MetricValue | None:
        """Return a metric by name, None when it was not measured."""
        return _find(self.metrics, name)

    @property
    def values(self) -> Mapping[str, float | None]:
        """Metric values by name."""
        return {metric.name: metric.value for metric in self.metrics}

    @property
    def sliced_columns(self) -> frozenset[str]:
        """Columns by which the rows were sliced."""
        return frozenset(piece.column for piece in self.slices)


class MetricDifference(Payload):
    """A metric of challenger and champion on the same rows.

    `improvement` is positive when the challenger is better, whatever the direction of the metric;
    its interval comes from resampling both models' rows together (paired).
    """

    name: str
    challenger: float | None
    champion: float | None
    improvement: float | None
    interval: Interval | None = None
    reason: str | None = None


class SliceDifference(Payload):
    """A difference on the rows in which `column` has one value; None stands for null."""

    column: str
    value: str | None
    rows: int
    difference: MetricDifference


class ChampionEvaluation(Payload):
    """The champion on a challenger's hold-out rows; `problem` says why it could not be scored."""

    evaluation: Evaluation | None
    differences: tuple[MetricDifference, ...] = ()
    slices: tuple[SliceDifference, ...] = ()
    problem: str | None = None

    def difference(self, name: str) -> MetricDifference | None:
        """Return the difference of a metric, None when it was not measured."""
        return next((found for found in self.differences if found.name == name), None)


def _find(metrics: tuple[MetricValue, ...], name: str) -> MetricValue | None:
    return next((metric for metric in metrics if metric.name == name), None)
