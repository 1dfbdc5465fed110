"""The baseline of a model that has just been trained: its hold-out and its evaluation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlops_dagster.features.columns import DAY, LABEL
from mlops_dagster.monitoring.baseline import Baseline, fit_baseline
from mlops_dagster.monitoring.grid import ColumnKind
from mlops_dagster.monitoring.quality import expected_metrics
from mlops_dagster.spec.models import Task

if TYPE_CHECKING:
    from mlops_dagster.training.train import TrainedModel

# The column whose drift is the drift of predictions, as scoring names it.
PREDICTION_COLUMNS: dict[Task, tuple[str, ColumnKind]] = {
    Task.BINARY: ("score", "numeric"),
    Task.MULTICLASS: ("prediction", "categorical"),
    Task.REGRESSION: ("prediction", "numeric"),
}


def baseline_of(
    trained: "TrainedModel", *, slices: Sequence[str] = (), rows_per_window: Sequence[int] = ()
) -> Baseline:
    """Fit the baseline of a trained model on all its hold-out rows, labelled or not.

    Args:
        trained: The model; texts are categories, everything else is a number.
        slices: Columns by whose values everything is counted apart; absent ones are left out.
        rows_per_window: Rows of past windows, the expectation for a window's volume.
    """
    from mlops_dagster.training.matrix import column_kinds

    frame, task = trained.holdout, trained.fitted.task
    features: list[tuple[str, ColumnKind]] = [
        (name, "numeric" if kind == "number" else "categorical")
        for name, kind in column_kinds(trained.features)
    ]
    grouped = DAY in frame and bool(frame[DAY].notna().all())
    return fit_baseline(
        frame,
        features=features,
        prediction=PREDICTION_COLUMNS[task],
        group=DAY if grouped else None,
        slices=[name for name in slices if name in frame],
        label=LABEL,
        label_kind="numeric" if task is Task.REGRESSION else "categorical",
        rows_per_window=rows_per_window,
        expected_metrics=expected_metrics(trained.evaluation),
    )
