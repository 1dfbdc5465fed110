"""Training: fit on the published training set, evaluate, judge by the gates, register a pass."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.errors import SourceError
from mlops_dagster.lifecycle.attempt import Logged, record_attempt
from mlops_dagster.lifecycle.fitting import champion_met, fit_training
from mlops_dagster.lifecycle.kept import KeptTraining, Measured, TrainingShelf
from mlops_dagster.lifecycle.overrides import NOTHING, Overrides
from mlops_dagster.lifecycle.place import Place, read_slice
from mlops_dagster.registry.bundle import SavedBundle
from mlops_dagster.registry.champion import ChampionVersion
from mlops_dagster.registry.tracking import RegisteredVersion
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished, published
from mlops_dagster.tables.slices import Slice
from mlops_dagster.training.gate_report import GateReport
from mlops_dagster.training.gates import evaluate_gates


@dataclass(frozen=True)
class Candidate:
    """A trained model, what is known of it, and where MLflow has it.

    `fitted_now` is False when an earlier try had fitted it already.
    """

    training: KeptTraining
    training_set: SlicePublished
    champion: ChampionVersion | None
    gates: GateReport
    logged: Logged
    fitted_now: bool

    @property
    def bundle(self) -> SavedBundle:
        """Its files."""
        return self.training.bundle

    @property
    def measured(self) -> Measured:
        """What was measured of it."""
        return self.training.measured

    @property
    def registered(self) -> RegisteredVersion | None:
        """Its version in the registry, or None when its gates kept it out."""
        return self.logged.version


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
    is made: the same training run again fits nothing anew and adds no version. With overrides it is
    an experiment.

    Raises:
        SourceError: The training set is not published.
        TrainingRefused: It cannot give a model.
        StorageFull: There is no room for its files.
        TrackingUnavailable: MLflow did not answer; the next try finds the bundle and goes on there.
        TransientStateError: Another run of the same training takes too long.
    """
    training_set, frame = _training_set(session, place, model)
    shelf = TrainingShelf.of(
        place,
        model,
        training_set=training_set,
        seed=model.spec.train.seed if seed is None else seed,
        overrides=overrides,
    )
    with shelf.alone():
        training = shelf.find()
        fitted_now = training is None or not _met_its_champion(place, model, training)
        if training is None or fitted_now:
            shelf.clear()
            training = fit_training(
                place,
                model,
                frame=frame,
                training_set=training_set,
                shelf=shelf,
                seed=seed,
                overrides=overrides,
            )
        crash_point(CrashPoint.BUNDLE_SAVED, model.stream)
        measured = training.measured
        gates = evaluate_gates(model.gates, measured.evaluation, measured.comparison)
        logged = record_attempt(
            place,
            model,
            training=training,
            training_set=training_set,
            gates=gates,
            reason=reason,
            overrides=overrides,
        )
    champion = champion_met(place, model, training.bundle.digest)
    return Candidate(training, training_set, champion, gates, logged, fitted_now=fitted_now)


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


def _met_its_champion(place: Place, model: ResolvedModel, training: KeptTraining) -> bool:
    """Tell whether a training was compared with the champion that it has to beat now."""
    champion = champion_met(place, model, training.bundle.digest)
    digest = None if champion is None else champion.bundle_digest
    return training.measured.compared_with == digest
