"""A model on hold-out rows: metrics, intervals, slices, and the champion on the same rows."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.features.columns import DAY, HOLDOUT_GROUP, LABEL
from mlops_dagster.spec.models import Task
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.training.calibration_bins import calibration_table
from mlops_dagster.training.evaluation import (
    ChampionEvaluation,
    Evaluation,
    SliceDifference,
    SliceEvaluation,
)
from mlops_dagster.training.intervals import (
    Bootstrap,
    Groups,
    day_groups,
    metric_difference,
    row_groups,
    value_groups,
    with_interval,
)
from mlops_dagster.training.matrix import class_positions, read_labels
from mlops_dagster.training.metrics import measure_all
from mlops_dagster.training.outcome import MetricHook, Outcome
from mlops_dagster.training.predict import FittedModel, predicted_numbers
from mlops_dagster.training.slices import slices_of
from mlops_dagster.training.threads import bounded_threads


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose label is known."""
    return frame[frame[LABEL].notna()]


def outcome_of(fitted: FittedModel, rows: pd.DataFrame, predicted: pd.DataFrame) -> Outcome:
    """Return truth and prediction side by side.

    Args:
        fitted: The model that predicted.
        rows: Labelled rows.
        predicted: What it predicted for them, in their order.
    """
    numbers = predicted_numbers(predicted, fitted.task)
    if len(rows) == 0:
        return Outcome(fitted.task, np.empty(0), numbers, fitted.classes)
    labels = read_labels(rows[LABEL], fitted.task)
    if fitted.task is Task.MULTICLASS:
        actual = class_positions(labels.values, fitted.classes)
    else:
        actual = labels.values.astype(np.float64)
    return Outcome(fitted.task, actual, numbers, fitted.classes)


@bounded_threads()
def evaluate_model(
    fitted: FittedModel,
    frame: pd.DataFrame,
    *,
    model: ResolvedModel,
    hooks: Mapping[str, MetricHook],
    seed: int,
    warnings: tuple[str, ...] = (),
) -> tuple[Evaluation, Outcome]:
    """Return the evaluation of a model on rows, and the truth and predictions behind it.

    Args:
        fitted: The model.
        frame: Hold-out rows of a training set; those without a label are counted only.
        model: Says how rows hang together (hold-out by day or by row) and what to slice by.
        hooks: @metric hooks by name.
        seed: Seeds the bootstrap.
        warnings: What the reader of the evaluation should know beside what is found here.
    """
    rows = labelled(frame)
    outcome = outcome_of(fitted, rows, fitted.predict(rows))
    return evaluate_outcome(
        outcome,
        rows,
        model=model,
        hooks=hooks,
        seed=seed,
        unlabelled_rows=len(frame) - len(rows),
        warnings=warnings,
    ), outcome


def evaluate_outcome(
    outcome: Outcome,
    rows: pd.DataFrame,
    *,
    model: ResolvedModel,
    hooks: Mapping[str, MetricHook],
    seed: int,
    unlabelled_rows: int,
    warnings: tuple[str, ...] = (),
) -> Evaluation:
    """Return the evaluation of predictions that are already made; see `evaluate_model`."""
    notes = list(warnings)
    bootstrap = Bootstrap(groups_of(rows, model, seed=seed), seed)
    metrics = tuple(
        with_interval(metric, outcome, bootstrap=bootstrap, hooks=hooks)
        for metric in measure_all(outcome, hooks)
    )
    notes += [
        f"{m.name} is undefined on the hold-out: {m.reason}" for m in metrics if m.value is None
    ]
    slices = tuple(
        SliceEvaluation(
            column=column,
            value=value,
            rows=int(mask.sum()),
            metrics=measure_all(outcome.take(mask), hooks),
        )
        for column, value, mask in slices_of(rows, model, notes)
    )
    return Evaluation(
        task=outcome.task,
        rows=outcome.rows,
        days=int(rows[DAY].nunique()) if DAY in rows else None,
        unlabelled_rows=unlabelled_rows,
        metrics=metrics,
        slices=slices,
        calibration=calibration_table(outcome),
        positive_share=_positive_share(outcome),
        warnings=tuple(notes),
    )


@bounded_threads()
def compare_with_champion(
    champion: FittedModel,
    challenger: Outcome,
    rows: pd.DataFrame,
    *,
    model: ResolvedModel,
    hooks: Mapping[str, MetricHook],
    seed: int,
) -> ChampionEvaluation:
    """Return the champion's evaluation on a challenger's hold-out rows and the paired differences.

    A champion that cannot be scored on them (a feature is gone, its estimator fails) is a
    `problem`, not an error: the gates then find the comparison inconclusive.

    Args:
        champion: The model in charge.
        challenger: The challenger's truth and predictions.
        rows: The labelled rows behind `challenger`, in the same order.
        model: As in `evaluate_model`; its gates say which slices are compared.
        hooks: @metric hooks by name.
        seed: Seeds the bootstrap.
    """
    try:
        outcome = outcome_of(champion, rows, champion.predict(rows))
    except MlopsDagsterError as error:
        return ChampionEvaluation(evaluation=None, problem=str(error))
    except Exception as error:
        return ChampionEvaluation(evaluation=None, problem=f"{type(error).__name__}: {error}")
    evaluation = evaluate_outcome(
        outcome, rows, model=model, hooks=hooks, seed=seed, unlabelled_rows=0
    )
    bootstrap = Bootstrap(groups_of(rows, model, seed=seed), seed)
    differences = tuple(
        metric_difference(metric.name, challenger, outcome, bootstrap=bootstrap, hooks=hooks)
        for metric in evaluation.metrics
    )
    wanted = {
        (gate.slice, gate.metrics[0])
        for gate in model.gates
        if gate.slice is not None and (gate.against_champion or gate.better_by is not None)
    }
    slices = tuple(
        SliceDifference(
            column=column,
            value=value,
            rows=int(mask.sum()),
            difference=metric_difference(
                name,
                challenger.take(mask),
                outcome.take(mask),
                bootstrap=Bootstrap(groups_of(rows[mask], model, seed=seed), seed),
                hooks=hooks,
            ),
        )
        for column, value, mask in slices_of(rows, model, [])
        for wanted_column, name in sorted(wanted)
        if wanted_column == column
    )
    return ChampionEvaluation(evaluation=evaluation, differences=differences, slices=slices)


def groups_of(rows: pd.DataFrame, model: ResolvedModel, *, seed: int) -> Groups:
    """Return which rows belong together: those of a day or of a hold-out group, else none.

    Rows by days where the hold-out goes by days or windows, by groups where it goes by groups.
    """
    return related_rows(rows, model, seed=seed) or row_groups(len(rows), seed=seed)


def related_rows(rows: pd.DataFrame, model: ResolvedModel, *, seed: int) -> Groups | None:
    """Return the days or hold-out groups of rows; None when rows are split one by one."""
    if by_group(rows, model):
        return value_groups(rows[HOLDOUT_GROUP].to_numpy().astype(str), seed=seed)
    return day_groups(rows[DAY].to_numpy().astype(str)) if by_day(rows, model) else None


def by_group(rows: pd.DataFrame, model: ResolvedModel) -> bool:
    """Tell whether rows are split and resampled by the hold-out's groups."""
    return model.spec.train.holdout.group is not None and HOLDOUT_GROUP in rows


def by_day(rows: pd.DataFrame, model: ResolvedModel) -> bool:
    """Tell whether rows are split and resampled by days rather than one by one."""
    return model.spec.train.holdout.share is None and DAY in rows and bool(rows[DAY].notna().all())


def _positive_share(outcome: Outcome) -> float | None:
    if outcome.task is not Task.BINARY or outcome.rows == 0:
        return None
    return float(outcome.actual.mean())
