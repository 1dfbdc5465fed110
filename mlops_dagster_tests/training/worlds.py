"""Small models and training sets."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mlops_dagster.features.columns import FeatureColumn
from mlops_dagster.spec.models import Model, Task
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedGate, ResolvedModel
from mlops_dagster.training.outcome import Outcome

ROWS = TableRef("shop", "silver", "visits")
SMALL_BOOSTING = {"family": "hist_gradient_boosting", "max_iter": 20, "min_samples_leaf": 5}

FEATURES = (
    FeatureColumn(ROWS, "amount", "amount", "double"),
    FeatureColumn(ROWS, "age", "age", "int"),
    FeatureColumn(ROWS, "member", "member", "boolean"),
    FeatureColumn(ROWS, "city", "city", "string"),
)


def a_model(
    task: Task = Task.BINARY,
    *,
    estimator: Mapping[str, object] | None = None,
    calibrate: str = "none",
    holdout: Mapping[str, object] | None = None,
    gates: tuple[ResolvedGate, ...] = (),
    slices: tuple[str, ...] = (),
) -> ResolvedModel:
    """Return a resolved model whose rows, label and features lie in one table."""
    spec = Model.model_validate(
        {
            "task": task,
            "rows": {"table": "silver.visits"},
            "label": {"table": "silver.visits", "column": "bought"},
            "features": {"silver.visits": "all"},
            "train": {
                "estimator": dict(estimator or SMALL_BOOSTING),
                "calibrate": calibrate,
                "holdout": dict(holdout or {"by": "day", "every": 5}),
                "seed": 7,
            },
            "monitor": {"slices": list(slices)},
        },
        strict=False,
    )
    return ResolvedModel(
        name="buys",
        use_case="shop",
        spec=spec,
        rows=ROWS,
        label=ROWS,
        features={ROWS: None},
        gates=gates,
        metric_hooks=(),
        estimator_hook=None,
        code_version="1",
    )


def a_training_set(task: Task = Task.BINARY, *, rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Return 30 days of rows, with nulls, whose label depends on amount, member and city."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(size=rows)
    city = np.array(["Bonn", "Kiel", "Ulm"], dtype=object)[rng.integers(0, 3, rows)]
    member = rng.random(rows) < 0.5
    signal = amount + member + np.where(city == "Ulm", 1.0, 0.0) + 0.3 * rng.normal(size=rows)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows) * 30 // rows, unit="D")
    label: dict[Task, object] = {
        Task.BINARY: signal > 1,
        Task.MULTICLASS: np.digitize(signal, [0.3, 1.2]).astype("U1"),
        Task.REGRESSION: signal,
    }
    frame = pd.DataFrame(
        {
            "visit": [f"v{number:05}" for number in range(rows)],
            "event_time": day.tz_localize("UTC")
            + pd.to_timedelta(rng.integers(0, 86400, rows), unit="s"),
            "amount": np.where(rng.random(rows) < 0.1, np.nan, amount),
            "age": rng.integers(18, 80, rows).astype(float),
            "member": pd.Series(member).astype(object).where(rng.random(rows) > 0.1, None),
            "city": pd.Series(city).where(rng.random(rows) > 0.1, None),
            "label": label[task],
            "label_state": "labelled",
            "day": day.date,
        }
    )
    frame["split"] = np.where((np.arange(rows) * 30 // rows) % 5 == 0, "holdout", "fit")
    return frame


def an_outcome(task: Task, *, rows: int, seed: int, digits: int = 2) -> Outcome:
    """Return truth and informative predictions, rounded so that many are equal."""
    rng = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        actual = rng.normal(10, 3, rows)
        noisy = np.round(actual + rng.normal(0.3, 1, rows), digits)
        return Outcome(task, actual, noisy.astype(np.float64))
    if task is Task.BINARY:
        predicted = np.round(rng.random(rows), digits)
        actual = (rng.random(rows) < predicted).astype(float)
        actual[:2] = [0, 1]
        return Outcome(task, actual, predicted, (0, 1))
    actual = rng.integers(0, 3, rows).astype(float)
    actual[:3] = [0, 1, 2]
    scores = rng.random((rows, 3)) + np.eye(3)[actual.astype(int)]
    probabilities = np.round(scores / scores.sum(axis=1, keepdims=True), digits)
    probabilities[:, 2] = 1 - probabilities[:, :2].sum(axis=1)
    return Outcome(task, actual, probabilities, ("a", "b", "c"))
