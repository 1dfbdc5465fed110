"""Which features a model relies on: permutation importance on a bounded sample of the hold-out."""

import numpy as np
import pandas as pd

from mlops_dagster.spec.models import Task
from mlops_dagster.training.evaluation import Payload
from mlops_dagster.training.metrics import improvement, measure
from mlops_dagster.training.outcome import Outcome
from mlops_dagster.training.predict import FittedModel, predicted_numbers

SAMPLE_ROWS = 2000
REPEATS = 3

_METRIC = {
    Task.BINARY: "roc_auc",
    Task.MULTICLASS: "log_loss",
    Task.REGRESSION: "mean_absolute_error",
}


class Importance(Payload):
    """How much worse `metric` gets when a feature is shuffled: mean and deviation over shuffles."""

    feature: str
    metric: str
    mean: float
    deviation: float


def permutation_importances(
    fitted: FittedModel, inputs: pd.DataFrame, outcome: Outcome, *, seed: int
) -> tuple[Importance, ...]:
    """Return the importances of the features, the largest first; none for an undefined metric.

    Breiman 2001 ("Random Forests"), on held-out rows. Features that say the same share their
    importance. Cost: REPEATS predictions of at most SAMPLE_ROWS rows a feature.

    Args:
        fitted: The model.
        inputs: Features of hold-out rows as `matrix.model_input` makes them.
        outcome: Their truth and predictions.
        seed: Seeds the sample and the shuffles.
    """
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.permutation(outcome.rows)[:SAMPLE_ROWS])
    rows, truth = inputs.iloc[sample].reset_index(drop=True), outcome.take(sample)
    name = _METRIC[outcome.task]
    whole = measure(name, truth)
    if whole.value is None:
        return ()
    found: list[Importance] = []
    for feature in rows.columns:
        losses = []
        for _ in range(REPEATS):
            shuffled = rows.copy(deep=False)
            shuffled[feature] = rows[feature].to_numpy()[rng.permutation(len(rows))]
            numbers = predicted_numbers(fitted.predict(shuffled), truth.task)
            changed = Outcome(truth.task, truth.actual, numbers, truth.classes)
            value = measure(name, changed).value
            if value is not None:
                losses.append(improvement(whole.value, value, metric=whole))
        if losses:
            found.append(
                Importance(
                    feature=str(feature),
                    metric=name,
                    mean=float(np.mean(losses)),
                    deviation=float(np.std(losses)),
                )
            )
    return tuple(sorted(found, key=lambda importance: (-importance.mean, importance.feature)))
