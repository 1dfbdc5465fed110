"""The manifest of a bundle: what a trained model is, and the digest of each of its files."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mlops_dagster.spec.models import Task

if TYPE_CHECKING:
    from mlops_dagster.workers.score import Signature

MANIFEST = "manifest.json"
MODEL_FILE = "model.skops"
GOLDEN_FILE = "golden.json"

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_][a-z0-9_.-]{0,63}$")]


# Each part is lax by itself because a union takes no constraint: JSON has lists, not tuples.
IntegerLabels = Annotated[tuple[int, ...], Field(strict=False)]
TextLabels = Annotated[tuple[str, ...], Field(strict=False)]


class ManifestModel(BaseModel):
    """A frozen part of the manifest that refuses unknown keys and converts nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BundleColumn(ManifestModel):
    """A feature: its name, Spark type, and whether the model reads it as number or category."""

    name: str
    type: str
    kind: Literal["number", "category"]

    @classmethod
    def of(cls, name: str, spark_type: str) -> "BundleColumn":
        """Return the column of a Spark type: strings are categories, all else is a number."""
        return cls(
            name=name, type=spark_type, kind="category" if spark_type == "string" else "number"
        )


class BundleInfo(ManifestModel):
    """What a trained model is.

    Attributes:
        model: Name in events and registry, `<use_case>.<model>`.
        task: What it predicts.
        family: Estimator family, which decides the reviewed types.
        columns: Features in the model's order.
        classes: Labels in the order of the model's probabilities; empty for regression. Binary: (0,
            1).
        cutoff_window: The window at whose close it was trained; `static` without windows.
        code_version: Version of specification and code that trained it.
        training_digest: Digest of the training set's rows.
        seed: Seed of everything random.
        experimental: What its run overrode of gates or data; such a model is never promoted.
    """

    model: str
    task: Task = Field(strict=False)
    family: str
    columns: tuple[BundleColumn, ...] = Field(strict=False, min_length=1)
    classes: IntegerLabels | TextLabels = ()
    cutoff_window: str
    code_version: str
    training_digest: str
    seed: int = 0
    experimental: tuple[str, ...] = Field(default=(), strict=False)

    @property
    def column_kinds(self) -> tuple[tuple[str, Literal["number", "category"]], ...]:
        """Name and kind of each feature."""
        return tuple((column.name, column.kind) for column in self.columns)

    @property
    def signature(self) -> "Signature":
        """What goes into it and what comes out."""
        from mlops_dagster.workers.score import Signature

        return Signature(self.column_kinds, self.task.value, self.classes)


class BundleFile(ManifestModel):
    """A file of the bundle."""

    sha256: Digest
    bytes: Annotated[int, Field(ge=0)]


class Manifest(ManifestModel):
    """`manifest.json`: the digest of its bytes is the digest of the bundle."""

    format: Literal[1] = 1
    info: BundleInfo
    files: Mapping[FileName, BundleFile]
    types: tuple[str, ...] = Field(strict=False)
    libraries: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Return the text of the file; equal manifests give equal bytes."""
        content = self.model_dump(mode="json")
        if not self.info.experimental:
            # Ordinary bundles keep the digests they had before there were others.
            del content["info"]["experimental"]
        return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=True).encode()


def file_entry(data: bytes) -> BundleFile:
    """Return the entry of a file."""
    return BundleFile(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def library_versions(family: str) -> Mapping[str, str]:
    """Return the versions of the libraries that a model of this family depends on."""
    import numpy
    import pandas
    import sklearn
    import skops

    versions = {
        "numpy": numpy.__version__,
        "pandas": pandas.__version__,
        "scikit-learn": sklearn.__version__,
        "skops": skops.__version__,
    }
    if family == "lightgbm":
        import lightgbm

        versions["lightgbm"] = lightgbm.__version__
    return versions


def minor(version: str) -> str:
    """Return `1.9` of `1.9.1`."""
    return ".".join(version.split(".")[:2])
