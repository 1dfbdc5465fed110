"""The baseline of a model that was really trained."""

import pytest

from mlops_dagster.monitoring.baseline import Baseline, profile_pandas
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.summaries import DriftSeverity
from mlops_dagster.monitoring.trained import PREDICTION_COLUMNS, baseline_of
from mlops_dagster.spec.models import Task
from mlops_dagster.training.train import train_model
from mlops_dagster_tests.training.worlds import FEATURES, a_model, a_training_set


@pytest.mark.parametrize("task", list(Task))
def test_the_baseline_of_a_trained_model_is_its_holdout(task: Task) -> None:
    frame = a_training_set(task)
    trained = train_model(frame, model=a_model(task, slices=("city",)), features=FEATURES)
    baseline = baseline_of(trained, slices=["city", "absent"], rows_per_window=[600])
    assert Baseline.model_validate_json(baseline.model_dump_json()) == baseline
    assert baseline.rows == (frame["split"] == "holdout").sum()
    assert baseline.groups == 6
    kinds = {column.name: column.kind for column in baseline.grid.columns}
    name, kind = PREDICTION_COLUMNS[task]
    assert kinds == {
        "amount": "numeric",
        "age": "numeric",
        "member": "numeric",
        "city": "categorical",
        name: kind,
    }
    assert [s.name for s in baseline.grid.slices] == ["city"]
    by_metric = {e.metric: e.value for e in baseline.expected_metrics if e.slice_key is None}
    assert by_metric == {m.name: m.value for m in trained.evaluation.metrics if m.value is not None}
    assert any(e.slice_key == "city" for e in baseline.expected_metrics)
    profile = profile_pandas(trained.holdout, baseline.grid)
    report = drift_report(baseline, profile, window="w", model_version="1")
    assert report.severity is DriftSeverity.NONE
