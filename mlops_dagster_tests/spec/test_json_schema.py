"""JSON Schemas: they accept what the loader accepts and refuse what an editor should underline."""

import json
from pathlib import Path

import pytest

from mlops_dagster.spec.json_schema import SCHEMAS, json_schema, write_schemas
from mlops_dagster.spec.positions import read_document
from mlops_dagster_tests.spec.schema_check import Json, errors
from mlops_dagster_tests.spec.worlds import CONTRACT, DEV, PROJECT, USE_CASE, changed

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = [
    *sorted(
        path.relative_to(ROOT)
        for folder in (GOLDEN, ROOT / "use_cases", ROOT / "environments")
        for path in folder.rglob("*.yaml")
    ),
    Path("project.yaml"),
]


def kind_of(path: Path) -> str:
    if path.stem in ("project", "use_case"):
        return path.stem
    return "contract" if path.parent.name == "contracts" else "environment"


def schema(kind: str) -> dict[str, Json]:
    found = json.loads(json_schema(kind))
    assert isinstance(found, dict)
    return found


def found_in(text: str, kind: str) -> list[str]:
    return errors(read_document(text.encode()).data, schema(kind), schema(kind))


@pytest.mark.parametrize("path", EXAMPLES, ids=str)
def test_the_examples_follow_their_schemas(path: Path) -> None:
    assert found_in((ROOT / path).read_text(), kind_of(path)) == []


def test_the_project_of_these_tests_follows_its_schemas() -> None:
    for name, text in PROJECT.items():
        if name.endswith(".yaml"):
            assert found_in(text, kind_of(Path(name))) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        (USE_CASE, "alerts: [drift]", "alert: [drift]", "alert: not allowed"),
        (USE_CASE, "alerts: [drift]", "alerts: [drifts]", "alerts[0]: enum"),
        (USE_CASE, "spec_version: 1", "spec_version: 2", "spec_version: const"),
        (USE_CASE, "spec_version: 1\n", "", ": no spec_version"),
        (USE_CASE, "owner: team:logistics", "owner: 7", "owner: 0 of anyOf"),
        (USE_CASE, "event_time: hour", "evnt_time: hour", "features.city_history.evnt_time"),
        (USE_CASE, "  bronze.arrivals: {", "  brnze.arrivals: {", "brnze.arrivals: not allowed"),
        (USE_CASE, "every: day", "every: year", "windows: 0 of anyOf"),
        (USE_CASE, "task: binary", "task: ternary", "models.late.task: enum"),
        (USE_CASE, "ahead: 0 hours", "ahead: 2 windows", "models.late.rows.ahead: pattern"),
        (USE_CASE, "at_least: 7 windows", "at_least: 7 days", "train.at_least: pattern"),
        (USE_CASE, "max_iter: 50", "max_iter: 0", "train.estimator: 0 of oneOf"),
        (USE_CASE, "[weight, city]", "[]", "features.silver.orders: 0 of oneOf"),
        (USE_CASE, "confirm: 2 of 4", "confirm: 2 in 4", "models.late.retrain: 0 of anyOf"),
        (USE_CASE, "- weight > 0", "- 7", "silver.orders.rules[1]: 0 of anyOf"),
        (DEV, "kind: local", "kind: remote", "engine: 0 of oneOf"),
        (DEV, "landing: landing\n", "", ": no landing"),
        (CONTRACT, "name: weight, type: double", "name: weight", "columns[2]: no type"),
    ],
)
def test_an_editor_underlines_a_mistake(file: str, old: str, new: str, place: str) -> None:
    found = found_in(changed(file, old, new)[file], kind_of(Path(file)))
    assert any(place in error for error in found), found


def test_defaults_are_written_as_in_yaml() -> None:
    definitions = schema("use_case")["$defs"]
    assert isinstance(definitions, dict)

    def default(name: str, key: str) -> Json:
        definition = definitions[name]
        assert isinstance(definition, dict)
        properties = definition["properties"]
        assert isinstance(properties, dict)
        described = properties[key]
        assert isinstance(described, dict)
        # What is the default is itself allowed.
        assert errors(described["default"], described, schema("use_case")) == []
        return described["default"]

    assert default("Label", "within") == "0 hours"
    assert default("Train", "at_least") == "1 window"
    assert default("RetrainPolicy", "confirm") == "2 of 3 windows"
    assert default("RetrainPolicy", "wait") == "2 windows"


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_no_object_takes_keys_that_nobody_reads(kind: str) -> None:
    def check(part: Json, path: str) -> None:
        if isinstance(part, list):
            for number, item in enumerate(part):
                check(item, f"{path}[{number}]")
        elif isinstance(part, dict):
            if part.get("type") == "object":
                assert "additionalProperties" in part, path
            for key, value in part.items():
                check(value, f"{path}.{key}")

    check(schema(kind), kind)


def test_schemas_are_written_as_files(tmp_path: Path) -> None:
    paths = write_schemas(tmp_path / "schemas")
    assert sorted(path.name for path in paths) == [
        "contract.schema.json",
        "environment.schema.json",
        "project.schema.json",
        "use_case.schema.json",
    ]
    for path in paths:
        assert path.read_text() == json_schema(path.name.partition(".")[0])
