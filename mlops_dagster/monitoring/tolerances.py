"""Which metrics decide about quality, and which shortfall against the hold-out is accepted."""

from collections.abc import Mapping
from typing import NamedTuple

from mlops_dagster.spec.models import Task

# The metrics whose shortfall means lost quality: ranking and calibration are separate abilities,
# and one can be lost without the other.
PRIMARY_METRICS: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: ("roc_auc", "expected_calibration_error"),
    Task.MULTICLASS: ("accuracy", "log_loss"),
    Task.REGRESSION: ("mean_absolute_error",),
}


class Tolerance(NamedTuple):
    """An accepted shortfall: points, or a share of the expected value."""

    points: float = 0.0
    share: float = 0.0

    def of(self, expected: float) -> float:
        """Return the shortfall that is accepted beside an expected value."""
        return self.points + self.share * abs(expected)


# A hold-out is drawn from the same months as the fit, a window comes after: a little is always
# lost, and a retraining wins it back only if more was lost than that. On flights the months after a
# training differ by 0.01 to 0.04 of AUC among each other; a retraining on three more months gains
# 0.017. Two points are the size that such a gain can repair; calibration is held to the same, and
# errors in units of the label to a tenth of what was expected.
_TOLERANCES: Mapping[str, Tolerance] = {
    "roc_auc": Tolerance(points=0.02),
    "expected_calibration_error": Tolerance(points=0.02),
    "accuracy": Tolerance(points=0.02),
    "log_loss": Tolerance(share=0.1),
    "mean_absolute_error": Tolerance(share=0.1),
    "average_precision": Tolerance(points=0.03),
    "brier_score": Tolerance(share=0.1),
    "f1": Tolerance(points=0.03),
    "f1_macro": Tolerance(points=0.03),
    "roc_auc_ovr": Tolerance(points=0.02),
    "root_mean_squared_error": Tolerance(share=0.1),
    "median_absolute_error": Tolerance(share=0.1),
    "r2": Tolerance(points=0.05),
}


def tolerance_of(metric: str) -> Tolerance | None:
    """Return the accepted shortfall of a metric; None for one without a documented tolerance."""
    return _TOLERANCES.get(metric)
