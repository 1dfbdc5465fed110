"""Model families: from what a use case writes to an unfitted pipeline of standard parts.

Only classes of scikit-learn and LightGBM, so that the types in a stored model are few and can be
reviewed. The pipeline takes a frame as `matrix.model_input` makes it: encoding is a part of the
model, never a step beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_dagster.errors import HookError, TrainingRefused
from mlops_dagster.spec.models import (
    HistGradientBoosting,
    HookEstimator,
    LightGbm,
    LogisticRegression,
    Ridge,
    Task,
)
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.training.encoders import for_linear, for_trees
from mlops_dagster.workers.score import ColumnKind

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Unfitted:
    """A pipeline and the parameters that its `fit` needs beside rows and labels."""

    pipeline: "Pipeline"
    fit_parameters: Mapping[str, list[int]] = field(default_factory=dict)


def new_pipeline(
    model: ResolvedModel, columns: Sequence[tuple[str, ColumnKind]], *, seed: int
) -> Unfitted:
    """Return the unfitted pipeline of a model: encoding, then the estimator.

    Equal arguments give pipelines that fit to equal models on equal rows. Boosting never stops
    early: the number of iterations is what the use case says.

    Args:
        model: The model; its estimator hook is imported when it has one.
        columns: Name and kind of the features that the pipeline takes.
        seed: Seeds everything random.

    Raises:
        TrainingRefused: The family cannot do the task.
        HookError: The @estimator hook failed or returned no estimator.
    """
    from sklearn.pipeline import Pipeline

    spec, task = model.spec.train.estimator, model.spec.task
    numeric = [name for name, kind in columns if kind == "number"]
    categorical = [name for name, kind in columns if kind == "category"]
    # The encoder puts numbers first, then the category codes.
    codes = list(range(len(numeric), len(columns)))
    if isinstance(spec, Ridge | LogisticRegression):
        return Unfitted(
            Pipeline(
                [
                    ("encode", for_linear(numeric, categorical)),
                    ("model", _linear(spec, task, seed)),
                ]
            )
        )
    fit_parameters: dict[str, list[int]] = {}
    if isinstance(spec, HistGradientBoosting):
        last: BaseEstimator = _hist_gradient_boosting(spec, task, codes=codes, seed=seed)
    elif isinstance(spec, LightGbm):
        last = _lightgbm(spec, task, seed=seed)
        # LightGBM takes this only when fitting; its constructor ignores it with a warning.
        fit_parameters = {"model__categorical_feature": codes} if codes else {}
    else:
        last = _from_hook(model, spec, seed=seed)
    encode = for_trees(numeric, categorical)
    return Unfitted(Pipeline([("encode", encode), ("model", last)]), fit_parameters)


def _hist_gradient_boosting(
    spec: HistGradientBoosting, task: Task, *, codes: list[int], seed: int
) -> "BaseEstimator":
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    shared = {
        "learning_rate": spec.learning_rate,
        "max_iter": spec.max_iter,
        "max_leaf_nodes": spec.max_leaf_nodes,
        "min_samples_leaf": spec.min_samples_leaf,
        "l2_regularization": spec.l2_regularization,
        "categorical_features": codes or None,
        "early_stopping": False,
        "random_state": seed,
    }
    if task is Task.REGRESSION:
        _refuse_class_weight(spec, task)
        return HistGradientBoostingRegressor(**shared)
    return HistGradientBoostingClassifier(class_weight=_class_weight(spec), **shared)


def _lightgbm(spec: LightGbm, task: Task, *, seed: int) -> "BaseEstimator":
    from lightgbm import LGBMClassifier, LGBMRegressor

    shared = {
        "learning_rate": spec.learning_rate,
        "n_estimators": spec.n_estimators,
        "num_leaves": spec.num_leaves,
        "min_child_samples": spec.min_child_samples,
        "reg_lambda": spec.reg_lambda,
        "random_state": seed,
        # The result must not depend on the number of threads, and the model must not carry one: 0
        # leaves it to the process, which is `bounded_threads` here and one on a Spark worker.
        "deterministic": True,
        "n_jobs": 0,
        "force_row_wise": True,
        "verbose": -1,
    }
    if task is Task.REGRESSION:
        _refuse_class_weight(spec, task)
        return LGBMRegressor().set_params(**shared)
    return LGBMClassifier(class_weight=_class_weight(spec)).set_params(**shared)


def _linear(spec: Ridge | LogisticRegression, task: Task, seed: int) -> "BaseEstimator":
    from sklearn import linear_model

    if isinstance(spec, Ridge):
        if task is not Task.REGRESSION:
            raise _wrong_task(
                "ridge", task, expected="task: regression", nearest="logistic_regression"
            )
        return linear_model.Ridge(alpha=spec.alpha, random_state=seed)
    if task is Task.REGRESSION:
        raise _wrong_task(
            "logistic_regression", task, expected="task: binary or multiclass", nearest="ridge"
        )
    return linear_model.LogisticRegression(
        C=spec.c, class_weight=_class_weight(spec), max_iter=1000, random_state=seed
    )


def _from_hook(model: ResolvedModel, spec: HookEstimator, *, seed: int) -> "BaseEstimator":
    from sklearn.base import BaseEstimator

    from mlops_dagster.hooks import load_hook

    if model.estimator_hook is None:
        raise HookError(f"model {model.stream} names no @estimator", expected=spec.hook)
    function = load_hook(model.estimator_hook)
    where = f"{model.estimator_hook.file}:{model.estimator_hook.line}"
    try:
        made = function(seed=seed)
    except Exception as error:
        raise HookError(
            f"the @estimator {spec.hook} failed",
            where=where,
            found=f"{type(error).__name__}: {error}",
        ) from error
    needed = "predict" if model.spec.task is Task.REGRESSION else "predict_proba"
    if not isinstance(made, BaseEstimator) or not callable(getattr(made, needed, None)):
        raise HookError(
            f"the @estimator {spec.hook} returned something else",
            where=where,
            expected=f"an unfitted scikit-learn estimator with {needed}",
            found=type(made).__name__,
        )
    return made


def _class_weight(spec: HistGradientBoosting | LightGbm | LogisticRegression) -> str | None:
    return "balanced" if spec.class_weight == "balanced" else None


def _refuse_class_weight(spec: HistGradientBoosting | LightGbm, task: Task) -> None:
    if spec.class_weight != "none":
        raise TrainingRefused(
            "a regression has no classes to weigh",
            where="train.estimator.class_weight",
            expected="none",
            found=spec.class_weight,
        )


def _wrong_task(family: str, task: Task, *, expected: str, nearest: str) -> TrainingRefused:
    return TrainingRefused(
        f"family {family} cannot do this task",
        where="train.estimator.family",
        expected=expected,
        found=f"task: {task.value}",
        nearest=nearest,
    )
