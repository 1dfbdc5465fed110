"""A bundle, the folder of a trained model: written whole, loaded only as it was written.

`model.skops`, `golden.json`, further files such as `baseline.json`, and `manifest.json` with the
digest of each. The digest of the manifest is the digest of the bundle: it goes through events and
registry, and a bundle is loaded only against it. Nothing in the folder decides what may be
constructed: the list of reviewed types is in this package.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.folder import read_plain_file, write_folder
from mlops_dagster.registry.golden import Golden, golden_differences, golden_of
from mlops_dagster.registry.manifest import (
    GOLDEN_FILE,
    MANIFEST,
    MODEL_FILE,
    BundleFile,
    BundleInfo,
    Manifest,
    file_entry,
    library_versions,
    minor,
)
from mlops_dagster.registry.model_file import (
    ModelTypes,
    check_model,
    construct_model,
    model_bytes,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from mlops_dagster.workers.score import ScoringModel

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_FILES = 32


@dataclass(frozen=True)
class SavedBundle:
    """A bundle on this machine."""

    folder: Path
    digest: str
    manifest: Manifest

    @property
    def info(self) -> BundleInfo:
        """What the model is."""
        return self.manifest.info

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(entry.bytes for entry in self.manifest.files.values())


@dataclass(frozen=True)
class LoadedModel:
    """A model that passed every check, ready to predict.

    Attributes:
        digest: Digest of its bundle.
        manifest: What the bundle says it is.
        estimator: The fitted scikit-learn estimator.
        types: Types in the model file.
        files: The bundle's files except the manifest, as read and checked.
        warnings: What differs from where it was trained without changing its predictions.
    """

    digest: str
    manifest: Manifest
    estimator: object
    types: ModelTypes
    files: Mapping[str, bytes]
    warnings: tuple[str, ...] = ()

    @property
    def info(self) -> BundleInfo:
        """What the model is."""
        return self.manifest.info

    @property
    def golden(self) -> Golden | None:
        """The golden rows, if the bundle has any."""
        data = self.files.get(GOLDEN_FILE)
        return None if data is None else Golden.model_validate_json(data)

    def predict(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Return the predictions of rows: see `workers.score.predictions` for the columns."""
        from mlops_dagster.workers.score import predictions

        return predictions(self.estimator, rows, self.info.signature)

    def score(self, rows: "pa.RecordBatch") -> "pa.RecordBatch":
        """Return rows with their predictions, to the last digit as Spark's workers give them."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

        from mlops_dagster.workers.score import with_predictions

        # As on the workers; a busy machine is slower with more.
        with threadpool_limits(limits=1):
            return with_predictions(self.estimator, rows, self.info.signature)

    def for_workers(self) -> "ScoringModel":
        """Return what Spark's workers need to score."""
        import zlib

        from mlops_dagster.workers.score import ScoringModel

        return ScoringModel(
            digest=self.manifest.files[MODEL_FILE].sha256,
            compressed=zlib.compress(self.files[MODEL_FILE], level=6),
            trusted=tuple(sorted(self.types.untrusted)),
            signature=self.info.signature,
            library=library_versions(self.info.family)["scikit-learn"],
        )


def save_bundle(
    folder: Path,
    *,
    model: object,
    info: BundleInfo,
    example: "pd.DataFrame",
    files: Mapping[str, bytes] | None = None,
) -> SavedBundle:
    """Write a bundle and return it; the same model written again leaves the folder as it is.

    Args:
        folder: Where the bundle will be; it appears complete or not at all.
        model: The fitted estimator.
        info: What it is.
        example: Rows with the features, some of which become the golden rows.
        files: Further files by name, such as `baseline.json`.

    Raises:
        ModelRefused: The model holds types that could not be loaded again, or another bundle is in
            the folder.
    """
    data = model_bytes(model)
    types = check_model(data, info.family, where=f"model {info.model}")
    content = {
        MODEL_FILE: data,
        GOLDEN_FILE: golden_of(model, info, example).to_bytes(),
        **(files or {}),
    }
    manifest = Manifest(
        info=info,
        files={name: file_entry(content[name]) for name in sorted(content)},
        types=tuple(sorted(types.all)),
        libraries=library_versions(info.family),
    )
    text = manifest.to_bytes()
    saved = SavedBundle(folder, hashlib.sha256(text).hexdigest(), manifest)
    if folder.exists():
        if _digest_of(folder) == saved.digest:
            return saved
        raise ModelRefused(
            "another bundle is in this folder",
            where=str(folder),
            expected=f"nothing, or digest {saved.digest}",
            next_step="Bundles are never overwritten; give each its own folder",
        )
    write_folder(folder, {**content, MANIFEST: text})
    return saved


def load_bundle(folder: Path, *, expected_digest: str) -> LoadedModel:
    """Load a model, after everything about its folder was found to be as it was written.

    A model written with another minor version of scikit-learn is loaded with a warning if it still
    predicts its golden rows as before; scikit-learn itself promises nothing there.

    Args:
        folder: The bundle.
        expected_digest: Digest of its manifest, from the ledger.

    Raises:
        ModelRefused: A file is missing, added, changed, linked or too large, the manifest is not
            the expected one, a type is not reviewed, or another library version changes the
            predictions.
    """
    where = str(folder)
    manifest = _manifest(folder, expected_digest)
    _check_listing(folder, manifest)
    files = {name: _checked_file(folder / name, entry) for name, entry in manifest.files.items()}
    if MODEL_FILE not in files:
        raise ModelRefused("the bundle holds no model", where=where, expected=MODEL_FILE)
    types = check_model(files[MODEL_FILE], manifest.info.family, where=where)
    estimator = construct_model(files[MODEL_FILE], types, where=where)
    loaded = LoadedModel(expected_digest, manifest, estimator, types, files)
    return _checked_versions(loaded, where)


def _digest_of(folder: Path) -> str | None:
    path = folder / MANIFEST
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _manifest(folder: Path, expected_digest: str) -> Manifest:
    data = read_plain_file(folder / MANIFEST, MAX_MANIFEST_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != expected_digest:
        raise ModelRefused(
            "this is not the bundle that was registered",
            where=str(folder),
            expected=f"digest {expected_digest}",
            found=found,
            next_step="Fetch it again from the registry, or train again",
        )
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelRefused(
            "the manifest cannot be read",
            where=str(folder / MANIFEST),
            found=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
        ) from error
    if MANIFEST in manifest.files or len(manifest.files) > MAX_FILES:
        raise ModelRefused("the manifest lists itself or too many files", where=str(folder))
    return manifest


def _check_listing(folder: Path, manifest: Manifest) -> None:
    if folder.is_symlink():
        raise ModelRefused("the bundle's folder is a link", where=str(folder))
    present = {entry.name for entry in os.scandir(folder)}
    listed = {*manifest.files, MANIFEST}
    if present != listed:
        raise ModelRefused(
            "the bundle does not hold the files of its manifest",
            where=str(folder),
            found=", ".join(
                [
                    *(f"{name} added" for name in sorted(present - listed)),
                    *(f"{name} missing" for name in sorted(listed - present)),
                ]
            ),
        )


def _checked_file(path: Path, entry: BundleFile) -> bytes:
    data = read_plain_file(path, MAX_FILE_BYTES)
    if file_entry(data) != entry:
        raise ModelRefused(
            "a file of the bundle was changed",
            where=str(path),
            expected=f"{entry.bytes} bytes of digest {entry.sha256}",
            found=f"{len(data)} bytes of digest {file_entry(data).sha256}",
        )
    return data


def _checked_versions(loaded: LoadedModel, where: str) -> LoadedModel:
    present = library_versions(loaded.info.family)
    changed = [
        f"{name} {version} when trained, {present[name]} here"
        for name, version in loaded.manifest.libraries.items()
        if name in ("scikit-learn", "lightgbm") and minor(version) != minor(present[name])
    ]
    if not changed:
        return loaded
    differences = (
        ("it has no golden rows",)
        if loaded.golden is None
        else golden_differences(loaded.estimator, loaded.info, loaded.golden)
    )
    if differences:
        raise ModelRefused(
            "another library version changes what the model predicts",
            where=where,
            expected="the predictions of its golden rows",
            found=f"{differences[0]} ({', '.join(changed)})",
            next_step="Train the model again, or go back to the versions of its manifest",
        )
    return LoadedModel(
        loaded.digest,
        loaded.manifest,
        loaded.estimator,
        loaded.types,
        loaded.files,
        tuple(changed),
    )
