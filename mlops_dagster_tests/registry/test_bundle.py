import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_dagster.errors import ModelRefused, StorageFull
from mlops_dagster.registry import bundle as bundle_module
from mlops_dagster.registry.bundle import SavedBundle, load_bundle, save_bundle
from mlops_dagster.registry.golden import Golden, golden_differences
from mlops_dagster.registry.manifest import MANIFEST, MODEL_FILE, Manifest
from mlops_dagster.spec.models import Task
from mlops_dagster_tests.registry.worlds import RECIPES, Recipe, info_of, rows_of, saved, trained

BINARY = Recipe("hist_gradient_boosting", Task.BINARY)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_bundle_predicts_what_the_trained_model_predicts(recipe: Recipe, tmp_path: Path) -> None:
    written = saved(tmp_path / "b", recipe, files={"baseline.json": b"{}"})

    loaded = load_bundle(written.folder, expected_digest=written.digest)

    rows = rows_of(recipe)
    pd.testing.assert_frame_equal(loaded.predict(rows), trained(recipe).fitted.predict(rows))
    assert loaded.info == info_of(recipe)
    assert loaded.files["baseline.json"] == b"{}"
    assert loaded.warnings == ()


def test_the_digest_is_that_of_the_manifest_and_the_same_for_the_same_model(tmp_path: Path) -> None:
    first, second = saved(tmp_path / "a"), saved(tmp_path / "b")
    other = saved(tmp_path / "c", cutoff_window="2024-02")

    text = (first.folder / MANIFEST).read_bytes()
    assert first.digest == second.digest == hashlib.sha256(text).hexdigest()
    assert other.digest != first.digest


def test_an_experiment_is_another_bundle_and_an_ordinary_one_does_not_speak_of_it(
    tmp_path: Path,
) -> None:
    recipe = RECIPES[0]
    ordinary = saved(tmp_path / "ordinary", recipe)
    assert b"experimental" not in (tmp_path / "ordinary" / "manifest.json").read_bytes()
    experiment = save_bundle(
        tmp_path / "experiment",
        model=trained(recipe).fitted.estimator,
        info=info_of(recipe).model_copy(update={"experimental": ("gates ignored",)}),
        example=trained(recipe).golden,
    )
    assert experiment.digest != ordinary.digest
    loaded = load_bundle(experiment.folder, expected_digest=experiment.digest)
    assert loaded.info.experimental == ("gates ignored",)


def test_saving_again_changes_nothing_and_another_bundle_is_refused(tmp_path: Path) -> None:
    first = saved(tmp_path / "a")
    before = {p.name: p.stat().st_mtime_ns for p in first.folder.iterdir()}
    assert saved(tmp_path / "a") == first
    assert {p.name: p.stat().st_mtime_ns for p in first.folder.iterdir()} == before
    with pytest.raises(ModelRefused, match="another bundle is in this folder"):
        saved(tmp_path / "a", cutoff_window="2024-02")


def test_a_bundle_that_could_not_be_written_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="No space left"):
        saved(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    found = trained(BINARY)
    info = info_of(BINARY).model_copy(update={"family": "ridge"})
    with pytest.raises(ModelRefused, match="not on the reviewed list"):
        save_bundle(tmp_path / "b", model=found.fitted.estimator, info=info, example=found.golden)
    assert list(tmp_path.iterdir()) == []


def change_model(folder: Path) -> None:
    data = bytearray((folder / MODEL_FILE).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / MODEL_FILE).write_bytes(data)


def cut_model(folder: Path) -> None:
    data = (folder / MODEL_FILE).read_bytes()
    (folder / MODEL_FILE).write_bytes(data[:-1])


def add_file(folder: Path) -> None:
    (folder / "conftest.py").write_text("print('hello')")


def add_folder(folder: Path) -> None:
    (folder / "code").mkdir()


def remove_golden(folder: Path) -> None:
    (folder / "golden.json").unlink()


def link_model(folder: Path) -> None:
    target = folder.parent / "elsewhere"
    (folder / MODEL_FILE).rename(target)
    (folder / MODEL_FILE).symlink_to(target)


def pipe_model(folder: Path) -> None:
    (folder / MODEL_FILE).unlink()
    os.mkfifo(folder / MODEL_FILE)


def change_manifest(folder: Path) -> None:
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"seed": 7', '"seed": 8'))


def remove_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (change_model, r"model\.skops: a file of the bundle was changed"),
        (cut_model, r"model\.skops: a file of the bundle was changed; expected \d+ bytes"),
        (add_file, r"does not hold the files of its manifest, found conftest\.py added"),
        (add_folder, r"does not hold the files of its manifest, found code added"),
        (remove_golden, r"does not hold the files of its manifest, found golden\.json missing"),
        (link_model, r"model\.skops: a file of the bundle cannot be read"),
        (pipe_model, r"model\.skops: a file of the bundle is no plain file"),
        (change_manifest, r"this is not the bundle that was registered"),
        (remove_manifest, r"manifest\.json: a file of the bundle cannot be read"),
    ],
)
def test_a_folder_that_is_not_as_it_was_written_is_refused(
    damage: Callable[[Path], None], problem: str, tmp_path: Path
) -> None:
    written = saved(tmp_path / "b", files={"baseline.json": b"{}"})
    damage(written.folder)
    with pytest.raises(ModelRefused, match=problem):
        load_bundle(written.folder, expected_digest=written.digest)


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")
    (tmp_path / "link").symlink_to(written.folder)
    with pytest.raises(ModelRefused, match="the bundle's folder is a link"):
        load_bundle(tmp_path / "link", expected_digest=written.digest)


def rewritten(written: SavedBundle, **changes: object) -> str:
    """Write another manifest into a bundle and return its digest, as an attacker would."""
    content = {**json.loads((written.folder / MANIFEST).read_bytes()), **changes}
    text = json.dumps(content).encode()
    (written.folder / MANIFEST).write_bytes(text)
    return hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"files": {"../../secret": {"sha256": "0" * 64, "bytes": 1}}}, "manifest cannot be read"),
        ({"files": {"/etc/passwd": {"sha256": "0" * 64, "bytes": 1}}}, "manifest cannot be read"),
        ({"files": {MANIFEST: {"sha256": "0" * 64, "bytes": 1}}}, "lists itself"),
        ({"files": {}}, "does not hold the files"),
        ({"loader_module": "os"}, "loader_module: Extra inputs are not permitted"),
        ({"format": 2}, "format: Input should be 1"),
        ({"types": "numpy.ndarray"}, "types: Input should be"),
    ],
)
def test_a_manifest_with_other_contents_is_refused_even_under_its_digest(
    changes: dict[str, object], problem: str, tmp_path: Path
) -> None:
    written = saved(tmp_path / "b")
    digest = rewritten(written, **changes)
    with pytest.raises(ModelRefused, match=problem):
        load_bundle(written.folder, expected_digest=digest)


def test_the_list_of_types_in_the_bundle_allows_nothing(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")
    info = {**written.info.model_dump(mode="json"), "family": "ridge"}
    digest = rewritten(written, info=info)
    with pytest.raises(ModelRefused, match="not on the reviewed list"):
        load_bundle(written.folder, expected_digest=digest)


def with_scikit_learn(written: SavedBundle, version: str) -> str:
    """Let a bundle say that another scikit-learn wrote it."""
    libraries = {**written.manifest.libraries, "scikit-learn": version}
    return rewritten(written, libraries=libraries)


def test_another_library_version_is_a_warning_while_the_golden_rows_hold(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")
    digest = with_scikit_learn(written, "1.2.3")
    loaded = load_bundle(written.folder, expected_digest=digest)
    assert len(loaded.warnings) == 1
    assert loaded.warnings[0].startswith("scikit-learn 1.2.3 when trained, ")


def test_another_library_version_that_predicts_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = saved(tmp_path / "b")
    digest = with_scikit_learn(written, "1.2.3")
    monkeypatch.setattr(
        bundle_module, "golden_differences", lambda *_: ("row 0: score is 0.5 instead of 0.4",)
    )
    with pytest.raises(ModelRefused, match=r"row 0: score is 0\.5 instead of 0\.4 \(scikit-learn"):
        load_bundle(written.folder, expected_digest=digest)


def test_a_patch_version_says_nothing(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")
    version = ".".join(written.manifest.libraries["scikit-learn"].split(".")[:2]) + ".99"
    digest = with_scikit_learn(written, version)
    assert load_bundle(written.folder, expected_digest=digest).warnings == ()


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_golden_rows_survive_their_file_and_find_another_model(
    recipe: Recipe, tmp_path: Path
) -> None:
    written = saved(tmp_path / "b", recipe)
    loaded = load_bundle(written.folder, expected_digest=written.digest)
    golden = loaded.golden
    assert golden is not None
    assert golden_differences(loaded.estimator, loaded.info, golden) == ()

    (name, values), *_ = golden.predictions.items()
    other = Golden(
        rows=golden.rows,
        predictions={**golden.predictions, name: (values[0], "other", *values[2:])},
    )
    (difference,) = golden_differences(loaded.estimator, loaded.info, other)
    assert difference.startswith(f"row 1: {name} is ")


def test_the_manifest_reads_back_equal(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")
    text = (written.folder / MANIFEST).read_bytes()
    assert Manifest.model_validate_json(text) == written.manifest
    assert written.manifest.to_bytes() == text
    assert written.bytes == sum(
        path.stat().st_size for path in written.folder.iterdir() if path.name != MANIFEST
    )


def test_numbers_of_golden_rows_are_exact(tmp_path: Path) -> None:
    found = trained(BINARY)
    written = saved(tmp_path / "b")
    golden = load_bundle(written.folder, expected_digest=written.digest).golden
    assert golden is not None
    expected = found.golden["amount"].to_numpy(np.float64)
    read = np.array([np.nan if v is None else v for v in golden.rows["amount"]], dtype=np.float64)
    np.testing.assert_array_equal(read, expected)
