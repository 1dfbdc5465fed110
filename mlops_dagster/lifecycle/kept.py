"""Trainings kept on disk by what they are made of: what failed after a fit goes on after it.

A training set, a code version and a seed make one training. Its bundle and what
was measured lie in the state folder before anything is told to MLflow, so a run that MLflow or a
crash interrupts does not fit the model again.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_dagster.engine.locks import exclusively
from mlops_dagster.errors import ModelRefused, TransientStateError
from mlops_dagster.lifecycle.overrides import Overrides
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.registry.bundle import SavedBundle, load_bundle
from mlops_dagster.registry.folder import write_file
from mlops_dagster.registry.manifest import library_versions
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.training.evaluation import ChampionEvaluation, Evaluation
from mlops_dagster.training.importance import Importance

# As long as the longest training that somebody may wait for.
WAIT_SECONDS = 3600.0


class Measured(BaseModel):
    """What is known of a trained model beside its bundle.

    `compared_with` is the bundle of the champion that it was compared with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle_digest: str
    fit_rows: int
    seed: int
    evaluation: Evaluation
    compared_with: str | None
    comparison: ChampionEvaluation | None
    importances: tuple[Importance, ...]


@dataclass(frozen=True)
class KeptTraining:
    """A finished training: its bundle, and what was measured."""

    bundle: SavedBundle
    measured: Measured


@dataclass(frozen=True)
class TrainingShelf:
    """Where the training of given contents is kept."""

    folder: Path

    @classmethod
    def of(
        cls,
        place: Place,
        model: ResolvedModel,
        *,
        training_set: SlicePublished,
        seed: int,
        overrides: Overrides,
    ) -> "TrainingShelf":
        """Return the place of a training that is made of these.

        Args:
            place: The window it belongs to.
            model: What is trained.
            training_set: The rows.
            seed: What everything random is seeded with.
            overrides: What makes it an experiment.
        """
        contents = {
            "training_set": training_set.digest,
            "inputs": [one.model_dump(mode="json") for one in training_set.inputs],
            "code_version": model.code_version,
            "seed": seed,
            "overrides": list(overrides.words),
            "slices": list(model.spec.monitor.slices),
            "libraries": dict(library_versions(model.spec.train.estimator.family)),
        }
        digest = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
        return cls(place.bundle_folder(model, digest[:32]))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the shelf for the block: of two runs of one training the second finds the first's.

        Raises:
            TransientStateError: Another run holds it for too long.
        """
        lock = self.folder.with_name(".training.lock")
        with exclusively(lock, wait_seconds=WAIT_SECONDS) as alone:
            if not alone:
                raise TransientStateError(
                    "Another run trains the same model and window",
                    where=str(self.folder.parent),
                    next_step="Its result will be found; this may be tried again",
                )
            yield

    def find(self) -> KeptTraining | None:
        """Return the training, or None; one that is damaged or half written is removed."""
        try:
            measured = Measured.model_validate_json(self._record.read_bytes())
            loaded = load_bundle(self.folder, expected_digest=measured.bundle_digest)
        except (FileNotFoundError, ValidationError, ModelRefused):
            self.clear()
            return None
        return KeptTraining(SavedBundle(self.folder, loaded.digest, loaded.manifest), measured)

    def clear(self) -> None:
        """Remove what is kept; the record goes first, so that no half of it is ever found."""
        self._record.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, measured: Measured) -> None:
        """Write what was measured of the bundle in the folder; from now on it is found."""
        write_file(self._record, measured.model_dump_json().encode())

    @property
    def _record(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.json")
