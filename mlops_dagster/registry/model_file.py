"""The model file of a bundle: a skops archive whose bytes depend on the model alone.

skops names parts by memory addresses and stamps them with the time of writing; here they are
numbered in the order of the model and stamped with a constant. Training the same rows with the same
seed again gives the same bytes, which is how a replay proves itself.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.reviewed_types import HOOK_FAMILY, reviewed_types
from mlops_dagster.registry.tree_bounds import check_trees

# A schema of JSON and arrays; a thousand calibrated trees need a tenth of this.
MAX_MODEL_BYTES = 512 * 1024 * 1024
MAX_SCHEMA_BYTES = 256 * 1024 * 1024
_SCHEMA = "schema.json"
_STAMP = (1980, 1, 1, 0, 0, 0)

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class ModelTypes:
    """The types in a model file: all of them, and those that skops does not trust by itself."""

    all: frozenset[str]
    untrusted: frozenset[str]


def model_bytes(estimator: object) -> bytes:
    """Return the model file of a fitted estimator; equal estimators give equal bytes.

    Raises:
        ModelRefused: skops cannot store the estimator.
    """
    import skops.io

    try:
        written = skops.io.dumps(estimator)
    except Exception as error:  # skops raises whatever an object's state raises
        raise ModelRefused(
            "the model cannot be stored as skops",
            found=f"{type(error).__name__}: {error}",
            next_step="Use estimators of scikit-learn or LightGBM, without functions of your own",
        ) from error
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return _numbered(parts)


def check_model(data: bytes, family: str, *, where: str) -> ModelTypes:
    """Return the types in a model file, having constructed nothing.

    Raises:
        ModelRefused: The file is no stored skops archive within the limits, or it holds a type that
            is not on the family's reviewed list; the message names it.
    """
    import skops.io

    schema = _schema(data, where)
    try:
        untrusted = frozenset(skops.io.get_untrusted_types(data=data))
    except Exception as error:  # a hostile file may break the reader anywhere
        raise ModelRefused(
            "the model file cannot be read", where=where, found=f"{type(error).__name__}: {error}"
        ) from error
    found = frozenset(_types(schema))
    allowed = reviewed_types(family)
    judged = untrusted if family == HOOK_FAMILY else found | untrusted
    refused = sorted(judged - allowed)
    if refused:
        raise ModelRefused(
            "the model holds types that are not on the reviewed list",
            where=where,
            expected=f"types of family {family}",
            found=", ".join(refused),
            next_step="Nothing was constructed; new types enter reviewed_types.py by review",
        )
    return ModelTypes(all=found, untrusted=untrusted)


def construct_model(data: bytes, types: ModelTypes, *, where: str) -> object:
    """Return the estimator of a model file that `check_model` let pass.

    Raises:
        ModelRefused: The file breaks while it is constructed, or holds trees that point outside
            themselves.
    """
    import skops.io

    try:
        estimator = skops.io.loads(data, trusted=sorted(types.untrusted))
    except Exception as error:  # a file may name reviewed types and still make no sense
        raise ModelRefused(
            "the model file cannot be constructed",
            where=where,
            found=f"{type(error).__name__}: {error}",
        ) from error
    check_trees(estimator, where=where)
    return estimator


def _numbered(parts: Mapping[str, bytes]) -> bytes:
    schema: Json = json.loads(parts[_SCHEMA])
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}

    def renamed(node: Json) -> Json:
        if isinstance(node, list):
            return [renamed(item) for item in node]
        if not isinstance(node, dict):
            return node
        result: dict[str, Json] = {}
        # Whether two equal constants are one object depends on the process; nothing depends on
        # that.
        constant = node.get("__loader__") == "JsonNode"
        for key, value in node.items():
            if key == "__id__" and isinstance(value, int):
                if constant:
                    continue
                result[key] = numbers.setdefault(value, len(numbers) + 1)
            elif key == "file" and isinstance(value, str) and value in parts:
                ending = value.rpartition(".")[2]
                result[key] = names.setdefault(value, f"{len(names) + 1}.{ending}")
            else:
                result[key] = renamed(value)
        return result

    text = json.dumps(renamed(schema), separators=(",", ":"))
    buffer = io.BytesIO()
    # Stored, not deflated: other builds of zlib write other bytes, and stored parts cannot be
    # larger than the file.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for old, new in names.items():
            archive.writestr(zipfile.ZipInfo(new, _STAMP), parts[old])
        archive.writestr(zipfile.ZipInfo(_SCHEMA, _STAMP), text)
    return buffer.getvalue()


def _schema(data: bytes, where: str) -> Json:
    if len(data) > MAX_MODEL_BYTES:
        raise ModelRefused(
            "the model file is too large",
            where=where,
            expected=f"at most {MAX_MODEL_BYTES} bytes",
            found=str(len(data)),
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for part in archive.infolist():
                if part.compress_type != zipfile.ZIP_STORED or part.file_size > len(data):
                    raise ModelRefused(
                        "a part of the model file is compressed or larger than the file",
                        where=where,
                        found=part.filename[:100],
                    )
            if archive.getinfo(_SCHEMA).file_size > MAX_SCHEMA_BYTES:
                raise ModelRefused("the schema of the model file is too large", where=where)
            schema: Json = json.loads(archive.read(_SCHEMA))
            return schema
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise ModelRefused(
            "the model file is no skops archive",
            where=where,
            found=f"{type(error).__name__}: {error}",
        ) from error


def _types(schema: Json) -> Iterator[str]:
    """Yield `module.class` of every node; functions are nodes too."""
    waiting: list[Json] = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            module, name = node.get("__module__"), node.get("__class__")
            if isinstance(module, str) and isinstance(name, str):
                yield f"{module}.{name}"
            waiting.extend(node.values())
