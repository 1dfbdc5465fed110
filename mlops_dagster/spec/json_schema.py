"""JSON Schemas of the files that users write: completion and early mistakes in editors.

An editor that follows `# yaml-language-server: $schema=...` needs nothing else. The loader checks
far more.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from mlops_dagster.spec.base import SpecModel
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.environment import Environment
from mlops_dagster.spec.use_case import Project, UseCase

# By the name of the file that each describes.
SCHEMAS: Mapping[str, type[SpecModel]] = {
    "project": Project,
    "use_case": UseCase,
    "environment": Environment,
    "contract": Contract,
}


def json_schema(kind: str) -> str:
    """Return the JSON Schema (draft 2020-12) of one kind of file as indented JSON.

    Args:
        kind: A key of SCHEMAS.
    """
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **SCHEMAS[kind].model_json_schema(by_alias=True),
    }
    return json.dumps(_as_written(schema), indent=2, sort_keys=True) + "\n"


def write_schemas(folder: Path) -> tuple[Path, ...]:
    """Write the schemas of all kinds as `<kind>.schema.json` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for kind in SCHEMAS:
        path = folder / f"{kind}.schema.json"
        path.write_text(json_schema(kind), encoding="utf-8")
        paths.append(path)
    return tuple(paths)


def _as_written(schema: JsonValue) -> JsonValue:
    """Return a schema with defaults as they are written in YAML, and without keys of other names.

    pydantic gives a default as the fields of its class, which nobody may write; a default with
    more than one part is left out, since its parts tell theirs.
    """
    if isinstance(schema, list):
        return [_as_written(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _as_written(value) for key, value in schema.items() if key != "default"}
    if "default" in schema:
        default = schema["default"]
        if not isinstance(default, dict):
            found["default"] = default
        elif default.keys() == {"count", "unit"}:
            count = default["count"]
            found["default"] = f"{count} {default['unit']}{'' if count == 1 else 's'}"
        elif default.keys() == {"megabytes"}:
            found["default"] = f"{default['megabytes']} MB"
    if "patternProperties" in found:
        found.setdefault("additionalProperties", False)
    return found
