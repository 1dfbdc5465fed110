"""The metrics that gates may name: for which tasks they exist and which direction is better."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_dagster.spec.models import Task


@dataclass(frozen=True)
class MetricDefinition:
    """A built-in metric; of signed ones (`best_is_zero`) the absolute value counts."""

    name: str
    tasks: frozenset[Task]
    lower_is_better: bool
    best_is_zero: bool = False


_CLASSIFICATION = frozenset({Task.BINARY, Task.MULTICLASS})
_BINARY = frozenset({Task.BINARY})
_MULTICLASS = frozenset({Task.MULTICLASS})
_REGRESSION = frozenset({Task.REGRESSION})

METRICS: Mapping[str, MetricDefinition] = {
    definition.name: definition
    for definition in (
        MetricDefinition("roc_auc", _BINARY, lower_is_better=False),
        MetricDefinition("average_precision", _BINARY, lower_is_better=False),
        MetricDefinition("log_loss", _CLASSIFICATION, lower_is_better=True),
        MetricDefinition("brier_score", _BINARY, lower_is_better=True),
        MetricDefinition("expected_calibration_error", _CLASSIFICATION, lower_is_better=True),
        MetricDefinition("accuracy", _CLASSIFICATION, lower_is_better=False),
        MetricDefinition("f1", _BINARY, lower_is_better=False),
        MetricDefinition("f1_macro", _MULTICLASS, lower_is_better=False),
        MetricDefinition("roc_auc_ovr", _MULTICLASS, lower_is_better=False),
        MetricDefinition("mean_absolute_error", _REGRESSION, lower_is_better=True),
        MetricDefinition("root_mean_squared_error", _REGRESSION, lower_is_better=True),
        MetricDefinition("r2", _REGRESSION, lower_is_better=False),
        MetricDefinition("median_absolute_error", _REGRESSION, lower_is_better=True),
        MetricDefinition("bias", _REGRESSION, lower_is_better=True, best_is_zero=True),
    )
}


def metrics_for(task: Task) -> Mapping[str, MetricDefinition]:
    """Return the built-in metrics of a task by name."""
    return {name: definition for name, definition in METRICS.items() if task in definition.tasks}
