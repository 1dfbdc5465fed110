"""Training: fit on the published training set, evaluate, judge by the gates, register a pass."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.errors import SourceError
from mlops_dagster.features.columns import RESERVED, FeatureColumn
from mlops_dagster.lifecycle.attempt import record_attempt
from mlops_dagster.lifecycle.overrides import NOTHING, Overrides
from mlops_dagster.lifecycle.place import Place, read_slice
from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.trained import baseline_of
from mlops_dagster.registry.bundle import SavedBundle, save_bundle
from mlops_dagster.registry.champion import ChampionVersion, champion_to_beat
from mlops_dagster.registry.ledger import read_ledger
from mlops_dagster.registry.manifest import BundleColumn, BundleInfo
from mlops_dagster.registry.tracking import RegisteredVersion
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished, published, published_windows
from mlops_dagster.tables.slices import Slice
from mlops_dagster.training.evaluate import compare_with_champion
from mlops_dagster.training.evaluation import ChampionEvaluation
from mlops_dagster.training.gate_report import GateReport
from mlops_dagster.training.gates import evaluate_gates
from mlops_dagster.training.outcome import MetricHook
from mlops_dagster.training.predict import FittedModel
from mlops_dagster.training.train import TrainedModel, load_metric_hooks, train_model

BASELINE_FILE = "baseline.json"
IMPORTANCES_FILE = "importances.json"
EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class Candidate:
    """A trained model, what is known of it, and its version if its gates let it through."""

    trained: TrainedModel
    baseline: Baseline
    training_set: SlicePublished
    champion: ChampionVersion | None
    comparison: ChampionEvaluation | None
    gates: GateReport
    bundle: SavedBundle
    registered: RegisteredVersion | None


def train_candidate(
    session: SparkSession,
    place: Place,
    model: ResolvedModel,
    *,
    seed: int | None = None,
    reason: str = "",
    overrides: Overrides = NOTHING,
) -> Candidate:
    """Train on the training set of the place's window; record the attempt and what became of it.

    Equal training sets and seeds give equal bundles, and a bundle is one attempt however often it
    is made: the same training run again adds no version. With overrides it is an experiment.

    Raises:
        SourceError: The training set is not published.
        TrainingRefused: It cannot give a model.
        TrackingUnavailable: MLflow did not answer; the next try finds the bundle and goes on there.
    """
    training_set, frame = _training_set(session, place, model)
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
    bundle = _save(place, model, trained, baseline, training_set, overrides=overrides)
    crash_point(CrashPoint.BUNDLE_SAVED, model.stream)
    champion = champion_to_beat(
        read_ledger(place.store, model.stream),
        place.calendar(model),
        cutoff_window=place.window,
        bundle_digest=bundle.digest,
    )
    comparison = None if champion is None else _compare(place, model, champion, trained, hooks)
    gates = evaluate_gates(model.gates, trained.evaluation, comparison)
    registered = record_attempt(
        place,
        model,
        trained=trained,
        training_set=training_set,
        gates=gates,
        bundle=bundle,
        reason=reason,
        overrides=overrides,
    )
    return Candidate(
        trained, baseline, training_set, champion, comparison, gates, bundle, registered
    )


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


def _training_set(
    session: SparkSession, place: Place, model: ResolvedModel
) -> tuple[SlicePublished, DataFrame]:
    target = Slice(model.derived("model", "training_set"), place.window)
    found = published(place.store, target.ref, place.window)
    if found is None:
        raise SourceError(
            "the training set is not published",
            where=str(target),
            next_step=f"Materialize {target.ref} for {place.window} first.",
        )
    return found, read_slice(session, place, target, found)


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
    place: Place,
    model: ResolvedModel,
    trained: TrainedModel,
    baseline: Baseline,
    training_set: SlicePublished,
    *,
    overrides: Overrides,
) -> SavedBundle:
    info = BundleInfo(
        model=model.stream,
        task=model.spec.task,
        family=model.spec.train.estimator.family,
        columns=tuple(BundleColumn.of(f.name, f.type) for f in trained.features),
        classes=trained.fitted.classes,
        cutoff_window=place.window,
        code_version=model.code_version,
        training_digest=training_set.digest,
        seed=trained.seed,
        experimental=overrides.words,
    )
    importances = {importance.feature: importance.mean for importance in trained.importances}
    return save_bundle(
        place.bundle_folder(model, place.run_id),
        model=trained.fitted.estimator,
        info=info,
        example=trained.golden,
        files={
            BASELINE_FILE: baseline.model_dump_json().encode(),
            EVALUATION_FILE: trained.evaluation.model_dump_json().encode(),
            IMPORTANCES_FILE: json.dumps(importances, sort_keys=True).encode(),
        },
    )
