"""JSON Schemas of the files that users write: completion and early mistakes in editors.

An editor that follows `# yaml-language-server: $schema=...` needs nothing else. The loader checks
far more.
"""

import json
from collections.abc import Mapping
from pathlib import Path

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
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def write_schemas(folder: Path) -> tuple[Path, ...]:
    """Write the schemas of all kinds as `<kind>.schema.json` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for kind in SCHEMAS:
        path = folder / f"{kind}.schema.json"
        path.write_text(json_schema(kind), encoding="utf-8")
        paths.append(path)
    return tuple(paths)
