"""Fitting a model: from the rows of a training set to a kept bundle and what was measured."""

import json
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import DataFrame

from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.features.columns import RESERVED, FeatureColumn
from mlops_dagster.lifecycle.kept import KeptTraining, Measured, TrainingShelf
from mlops_dagster.lifecycle.overrides import Overrides
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.trained import baseline_of
from mlops_dagster.registry.bundle import SavedBundle, save_bundle
from mlops_dagster.registry.champion import ChampionVersion, champion_to_beat
from mlops_dagster.registry.ledger import read_ledger
from mlops_dagster.registry.manifest import BundleColumn, BundleInfo
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished, published_windows
from mlops_dagster.training.evaluate import compare_with_champion
from mlops_dagster.training.evaluation import ChampionEvaluation
from mlops_dagster.training.outcome import MetricHook
from mlops_dagster.training.predict import FittedModel
from mlops_dagster.training.train import TrainedModel, load_metric_hooks, train_model

BASELINE_FILE = "baseline.json"
IMPORTANCES_FILE = "importances.json"
EVALUATION_FILE = "evaluation.json"


def fit_training(
    place: Place,
    model: ResolvedModel,
    *,
    frame: DataFrame,
    training_set: SlicePublished,
    shelf: TrainingShelf,
    seed: int | None,
    overrides: Overrides,
) -> KeptTraining:
    """Fit a model on the rows of a training set, evaluate it and keep it with what was measured.

    Args:
        place: The window it belongs to.
        model: The model.
        frame: The rows of the training set.
        training_set: Their publication.
        shelf: Where it is kept.
        seed: Instead of the model's own seed.
        overrides: What makes it an experiment.

    Raises:
        TrainingRefused: The rows cannot give a model.
        StorageFull: There is no room for its files.
        TrackingUnavailable: The champion to beat is not here, and MLflow did not answer.
    """
    hooks = load_metric_hooks(model)
    key = place.workspace.table(model.rows).spec.key
    features = training_features(frame, model, key)
    chosen = overrides.rows_of(frame, key)
    rows = rows_to_client(chosen, what=f"training set of {model.stream} {place.window}")
    trained = train_model(rows, model=model, features=features, hooks=hooks, seed=seed)
    baseline = baseline_of(
        trained,
        slices=model.spec.monitor.slices,
        rows_per_window=_rows_per_window(place, model, training_set),
    )
    bundle = _save(
        shelf.folder,
        model,
        trained=trained,
        baseline=baseline,
        training_set=training_set,
        overrides=overrides,
        cutoff_window=place.window,
    )
    champion = champion_met(place, model, bundle.digest)
    comparison = None if champion is None else _compare(place, model, champion, trained, hooks)
    measured = Measured(
        bundle_digest=bundle.digest,
        fit_rows=trained.fit_rows,
        seed=trained.seed,
        evaluation=trained.evaluation,
        compared_with=None if champion is None else champion.bundle_digest,
        comparison=comparison,
        importances=trained.importances,
    )
    shelf.keep(measured)
    return KeptTraining(bundle, measured)


def training_features(
    frame: DataFrame, model: ResolvedModel, key: list[str]
) -> tuple[FeatureColumn, ...]:
    """Return the features of a training set: columns that are neither key nor bookkeeping."""
    other = {*RESERVED, *key}
    return tuple(
        FeatureColumn(model.rows, field.name, field.name, field.dataType.simpleString())
        for field in frame.schema.fields
        if field.name not in other
    )


def champion_met(place: Place, model: ResolvedModel, bundle_digest: str) -> ChampionVersion | None:
    """Return the champion that a bundle of the place's window has to beat, or None."""
    return champion_to_beat(
        read_ledger(place.store, model.stream),
        place.calendar(model),
        cutoff_window=place.window,
        bundle_digest=bundle_digest,
    )


def _compare(
    place: Place,
    model: ResolvedModel,
    champion: ChampionVersion,
    trained: TrainedModel,
    hooks: Mapping[str, MetricHook],
) -> ChampionEvaluation:
    loaded = place.load(champion)
    fitted = FittedModel(
        loaded.estimator, loaded.info.column_kinds, loaded.info.task, loaded.info.classes
    )
    return compare_with_champion(
        fitted,
        trained.outcome,
        trained.labelled_holdout,
        model=model,
        hooks=hooks,
        seed=trained.seed,
    )


def _rows_per_window(
    place: Place, model: ResolvedModel, training_set: SlicePublished
) -> tuple[int, ...]:
    """Return the rows of the windows that the training set was made of: the volume to expect."""
    windows = {
        window
        for source in training_set.inputs
        if source.ref == str(model.rows)
        for window in source.windows
    }
    return tuple(
        publication.rows
        for window, publication in published_windows(place.store, model.rows).items()
        if window in windows
    )


def _save(
    folder: Path,
    model: ResolvedModel,
    *,
    trained: TrainedModel,
    baseline: Baseline,
    training_set: SlicePublished,
    overrides: Overrides,
    cutoff_window: str,
) -> SavedBundle:
    info = BundleInfo(
        model=model.stream,
        task=model.spec.task,
        family=model.spec.train.estimator.family,
        columns=tuple(BundleColumn.of(f.name, f.type) for f in trained.features),
        classes=trained.fitted.classes,
        cutoff_window=cutoff_window,
        code_version=model.code_version,
        training_digest=training_set.digest,
        seed=trained.seed,
        experimental=overrides.words,
    )
    importances = {importance.feature: importance.mean for importance in trained.importances}
    return save_bundle(
        folder,
        model=trained.fitted.estimator,
        info=info,
        example=trained.golden,
        files={
            BASELINE_FILE: baseline.model_dump_json().encode(),
            EVALUATION_FILE: trained.evaluation.model_dump_json().encode(),
            IMPORTANCES_FILE: json.dumps(importances, sort_keys=True).encode(),
        },
    )
