"""MLflow that refuses, hangs or fails: told soon, nothing lost, and nothing there twice."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_dagster.clock import monotonic_seconds
from mlops_dagster.errors import TrackingUnavailable, TransientStateError
from mlops_dagster.lifecycle import kept
from mlops_dagster.lifecycle.attempt import record_attempt
from mlops_dagster.lifecycle.kept import KeptTraining, TrainingShelf
from mlops_dagster.lifecycle.overrides import NOTHING, Overrides
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.registry.champion import ChampionVersion
from mlops_dagster.registry.ledger import VersionState, read_ledger
from mlops_dagster.registry.tracking import BUNDLE_FOLDER, MlflowTracker
from mlops_dagster.training.gates import evaluate_gates
from mlops_dagster_tests.faults.catalogue import assert_catalogued
from mlops_dagster_tests.faults.conftest import (
    AS_OF,
    CUTOFF,
    RECIPE,
    TRAINING_SET,
    finished_training,
)
from mlops_dagster_tests.faults.mlflow_stub import Trouble, broken_mlflow
from mlops_dagster_tests.registry.worlds import rows_of, trained
from mlops_dagster_tests.training.worlds import a_model

MODEL = a_model(RECIPE.task)
TROUBLES: tuple[Trouble, ...] = ("refuses", "hangs", "fails")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> MlflowTracker:
    """MLflow when it is back; the same for all troubles, so a second version would show."""
    folder = tmp_path_factory.mktemp("mlflow")
    return MlflowTracker(f"sqlite:///{folder}/mlflow.db", artifacts=folder / "artifacts")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")


def record(place: Place, training: KeptTraining) -> str | None:
    gates = evaluate_gates(MODEL.gates, training.measured.evaluation, None)
    logged = record_attempt(
        place,
        MODEL,
        training=training,
        training_set=TRAINING_SET,
        gates=gates,
        reason="drift",
        overrides=NOTHING,
    )
    return None if logged.version is None else logged.version.version


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_training_that_cannot_be_logged_is_kept_and_logged_once_later(
    place: Place, healthy: MlflowTracker, tmp_path: Path, trouble: Trouble
) -> None:
    training = finished_training(tmp_path / "bundle")
    started = monotonic_seconds()
    with (
        broken_mlflow(trouble) as address,
        pytest.raises(TrackingUnavailable, match="MLflow did not answer") as told,
    ):
        record(replace(place, tracker=MlflowTracker(address)), training)
    # Two tries of a second each, and importing MLflow on a busy machine.
    assert monotonic_seconds() - started < 60
    assert_catalogued(told.value)
    (attempt,) = read_ledger(place.store, MODEL.stream).trainings
    assert (attempt.state, attempt.version) == (VersionState.EVALUATED, None)

    back = replace(place, tracker=healthy)
    assert record(back, training) == record(back, training) == "1"
    (attempt,) = read_ledger(place.store, MODEL.stream).trainings
    assert (attempt.state, attempt.version) == (VersionState.REGISTERED, "1")


def shelf_of(
    place: Place,
    *,
    rows: str = TRAINING_SET.digest,
    seed: int = 7,
    overrides: Overrides = NOTHING,
) -> TrainingShelf:
    training_set = TRAINING_SET.model_copy(update={"digest": rows})
    return TrainingShelf.of(place, MODEL, training_set=training_set, seed=seed, overrides=overrides)


def kept_on(shelf: TrainingShelf) -> KeptTraining:
    training = finished_training(shelf.folder)
    shelf.keep(training.measured)
    return training


@pytest.fixture
def shelf(place: Place) -> TrainingShelf:
    shelf = shelf_of(place)
    shutil.rmtree(shelf.folder.parent, ignore_errors=True)
    return shelf


def test_a_finished_training_is_found_by_what_it_is_made_of(
    place: Place, shelf: TrainingShelf
) -> None:
    assert shelf.find() is None
    training = kept_on(shelf)
    assert shelf_of(place).find() == training
    others = (
        shelf_of(place, rows="other"),
        shelf_of(place, seed=8),
        shelf_of(place, overrides=Overrides(ignore_gates=True)),
    )
    assert len({shelf.folder, *(other.folder for other in others)}) == 4
    assert [other.find() for other in others] == [None] * 3


def test_a_training_cut_off_before_it_was_kept_is_fitted_again(shelf: TrainingShelf) -> None:
    finished_training(shelf.folder)
    assert shelf.find() is None
    assert not shelf.folder.exists()
    assert shelf.find() is None


def test_a_damaged_training_is_fitted_again(shelf: TrainingShelf) -> None:
    training = kept_on(shelf)
    (shelf.folder / "model.skops").write_bytes(b"damaged")
    assert shelf.find() is None
    assert kept_on(shelf) == training
    assert shelf.find() == training


def test_of_two_runs_of_one_training_the_second_waits_and_finds_it(
    shelf: TrainingShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[KeptTraining | None] = []

    def second() -> None:
        with shelf.alone():
            found.append(shelf.find())

    with shelf.alone():
        waiting = threading.Thread(target=second)
        waiting.start()
        training = kept_on(shelf)
        assert found == []
    waiting.join()
    assert found == [training]

    monkeypatch.setattr(kept, "WAIT_SECONDS", 0.1)
    with (
        shelf.alone(),
        pytest.raises(TransientStateError, match="Another run trains the same") as told,
        shelf.alone(),
    ):
        pass
    assert_catalogued(told.value)


def champion_of(training: KeptTraining) -> ChampionVersion:
    return ChampionVersion(
        model=MODEL.stream,
        version="1",
        bundle_digest=training.bundle.digest,
        cutoff_window=CUTOFF,
        model_uri="models:/m",
        promoted_as_of=AS_OF,
    )


def test_scoring_goes_on_from_a_fetched_copy_while_mlflow_is_away(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_dagster.lifecycle.place._CHECKED", {})
    training = finished_training(tmp_path / "bundle")
    champion = champion_of(training)
    copy = place.downloads / champion.bundle_digest / BUNDLE_FOLDER
    shutil.rmtree(copy, ignore_errors=True)
    with broken_mlflow("refuses") as address:
        away = replace(place, tracker=MlflowTracker(address))
        with pytest.raises(TrackingUnavailable):
            away.load(champion)
        shutil.copytree(training.bundle.folder, copy)
        rows = rows_of(RECIPE)
        assert away.load(champion).predict(rows).equals(trained(RECIPE).fitted.predict(rows))
        # One that was checked is not read again in this process.
        assert away.load(champion) is away.load(champion)
        monkeypatch.setattr("mlops_dagster.lifecycle.place._CHECKED", {})
        # A copy that is not the champion is never scored with.
        (copy / "model.skops").write_bytes(b"damaged")
        with pytest.raises(TrackingUnavailable):
            away.load(champion)
        assert not copy.exists()
