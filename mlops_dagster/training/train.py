"""A model from a training set: fitted on its fit rows, evaluated on its hold-out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from mlops_dagster.errors import HookError
from mlops_dagster.features.columns import (
    EVENT_TIME,
    LABEL,
    RESERVED,
    SPLIT,
    FeatureColumn,
)
from mlops_dagster.features.split import FIT, HOLDOUT
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.training.calibrate import fit
from mlops_dagster.training.checks import (
    check_classes,
    check_finite,
    check_request,
    check_rows,
    usable_features,
)
from mlops_dagster.training.estimators import new_pipeline
from mlops_dagster.training.evaluate import (
    evaluate_outcome,
    labelled,
    outcome_of,
    related_rows,
)
from mlops_dagster.training.evaluation import Evaluation
from mlops_dagster.training.importance import Importance, permutation_importances
from mlops_dagster.training.matrix import (
    column_kinds,
    model_input,
    read_labels,
)
from mlops_dagster.training.outcome import MetricHook, Outcome
from mlops_dagster.training.predict import FittedModel, golden_inputs, predicted_numbers
from mlops_dagster.training.threads import bounded_threads


@dataclass(frozen=True)
class TrainedModel:
    """A fitted model and all that is known of it.

    Attributes:
        fitted: The fitted estimator with its columns, task and classes.
        features: The features it takes, in its order; constant ones are gone.
        evaluation: Metrics with intervals, slices, calibration and warnings, on the labelled
            hold-out rows.
        outcome: Truth and prediction of the labelled hold-out rows.
        holdout: All hold-out rows, labelled or not, with all columns of the training set and the
            columns of `predict.prediction_columns`; the baseline of drift.
        golden: Features of a few telling rows, for the test of a stored copy.
        importances: Permutation importances, the largest first.
        fit_rows: Labelled rows the estimator was fitted on.
        dropped_features: Features that had one value on all fit rows.
        seed: What everything random was seeded with.
    """

    fitted: FittedModel
    features: tuple[FeatureColumn, ...]
    evaluation: Evaluation
    outcome: Outcome
    holdout: pd.DataFrame
    golden: pd.DataFrame
    importances: tuple[Importance, ...]
    fit_rows: int
    dropped_features: tuple[str, ...]
    seed: int

    @property
    def labelled_holdout(self) -> pd.DataFrame:
        """The hold-out rows behind `outcome`, in its order."""
        return labelled(self.holdout)


@bounded_threads()
def train_model(
    frame: pd.DataFrame,
    *,
    model: ResolvedModel,
    features: Sequence[FeatureColumn],
    hooks: Mapping[str, MetricHook] | None = None,
    seed: int | None = None,
) -> TrainedModel:
    """Return a model fitted on a training set; equal rows and seeds give equal models.

    The order of the rows does not matter: they are sorted by event time and key first. Rows without
    a label are not fitted on. Nothing of the hold-out reaches the fit, the encoding or the
    calibration.

    Args:
        frame: The training set: key, event_time, features by name, label, split, day where rows
            have a time, and holdout_group where the hold-out goes by one.
        model: The model.
        features: Its features with their Spark types.
        hooks: @metric hooks by name (`load_metric_hooks`).
        seed: Instead of the model's own seed.

    Raises:
        TrainingRefused: Too large for the client, too few labelled rows, one class, no usable
            feature, broken labels.
        HookError: The @estimator hook failed.
    """
    chosen_seed = model.spec.train.seed if seed is None else seed
    task = model.spec.task
    check_request(frame, model, features)
    rows = _in_order(frame, features)
    warnings: list[str] = []
    fit_rows = labelled(rows[rows[SPLIT] == FIT])
    holdout = rows[rows[SPLIT] == HOLDOUT].reset_index(drop=True)
    check_rows(model, fit_rows, holdout)
    labels = read_labels(fit_rows[LABEL], task)
    check_classes(model, labels)
    inputs = model_input(fit_rows, column_kinds(features))
    check_finite(model, inputs)
    check_finite(model, model_input(holdout, column_kinds(features)))
    usable = usable_features(model, inputs, features, warnings)
    columns = column_kinds(usable)
    together = related_rows(fit_rows, model, seed=chosen_seed)
    estimator = fit(
        new_pipeline(model, columns, seed=chosen_seed),
        inputs[[name for name, _ in columns]],
        labels.values,
        calibration=model.spec.train.calibrate,
        groups=None if together is None else together.of_row,
        warnings=warnings,
    )
    fitted = FittedModel(estimator, columns, task, labels.classes)
    predicted = fitted.predict(holdout)
    known = holdout[LABEL].notna().to_numpy()
    outcome = outcome_of(fitted, holdout[known], predicted[known])
    return TrainedModel(
        fitted=fitted,
        features=usable,
        evaluation=evaluate_outcome(
            outcome,
            holdout[known],
            model=model,
            hooks=hooks or {},
            seed=chosen_seed,
            unlabelled_rows=int((~known).sum()),
            warnings=tuple(warnings),
        ),
        outcome=outcome,
        holdout=holdout.join(predicted),
        golden=golden_inputs(fitted, holdout, predicted_numbers(predicted, task)),
        importances=permutation_importances(
            fitted, model_input(holdout[known], columns), outcome, seed=chosen_seed
        ),
        fit_rows=len(fit_rows),
        dropped_features=tuple(f.name for f in features if f not in usable),
        seed=chosen_seed,
    )


def load_metric_hooks(model: ResolvedModel) -> Mapping[str, MetricHook]:
    """Return the @metric hooks that a model's gates name.

    Raises:
        HookError: A hook cannot be imported, or does not say which direction is better.
    """
    from mlops_dagster.hooks import load_hook

    found: dict[str, MetricHook] = {}
    for source in model.metric_hooks:
        lower = source.option("lower_is_better")
        if not isinstance(lower, bool):
            raise HookError(
                f"the @metric {source.name} does not say which direction is better",
                where=f"{source.file}:{source.line}",
                expected="@metric(lower_is_better=True) or @metric(lower_is_better=False)",
            )
        found[source.name] = MetricHook(source.name, lower, load_hook(source))
    return found


def _in_order(frame: pd.DataFrame, features: Sequence[FeatureColumn]) -> pd.DataFrame:
    """Return the rows by event time and key: the columns that are no features and not our own."""
    names = {feature.name for feature in features}
    key = [column for column in frame.columns if column not in names and column not in RESERVED]
    first = [column for column in (EVENT_TIME, *key) if column in frame]
    if not first or frame.duplicated(first).any():
        # Rows that only their features tell apart.
        first += sorted(name for name in (*names, LABEL) if name in frame)
    return frame.sort_values(first, kind="stable", ignore_index=True)
