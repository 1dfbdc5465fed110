"""The asset graphs of the examples and of energy_demand, held by golden files."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import dagster as dg
import pytest

from mlops_dagster.definitions import build_definitions
from mlops_dagster.errors import SpecError
from mlops_dagster_tests.assets.graph_shape import (
    GOLDEN_FOLDER,
    energy_definitions,
    example_definitions,
    golden_text,
)
from mlops_dagster_tests.assets.inline_project import CHURN, write_project

# What a newcomer reads without scrolling.
MOST_NODES = 25
TABLE_LAYERS = ("bronze", "silver", "gold", "features")


@pytest.fixture(scope="module")
def examples() -> dg.Definitions:
    return example_definitions()


@pytest.fixture(scope="module")
def energy(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return energy_definitions(tmp_path_factory.mktemp("energy"))


@pytest.fixture
def churn(tmp_path: Path) -> dg.Definitions:
    return build_definitions(write_project(tmp_path, {"churn": CHURN}), "dev")


def jobs_of(definitions: dg.Definitions) -> Iterable[dg.JobDefinition]:
    return [definitions.resolve_job_def(job.name) for job in definitions.jobs or ()]


def partitions_of_selection(job: dg.JobDefinition) -> set[dg.PartitionsDefinition[str]]:
    layer = job.asset_layer
    found = (layer.get(key).partitions_def for key in layer.selected_asset_keys)
    return {partitions for partitions in found if partitions is not None}


@pytest.mark.parametrize("name", ["examples", "energy", "churn"])
def test_definitions_can_be_loaded(name: str, request: pytest.FixtureRequest) -> None:
    dg.Definitions.validate_loadable(request.getfixturevalue(name))


@pytest.mark.parametrize(
    ("name", "golden"),
    [
        ("examples", "flight_delays"),
        ("examples", "customer_churn"),
        ("energy", "energy_demand"),
    ],
)
def test_the_graph_is_the_one_that_was_reviewed(
    name: str, golden: str, request: pytest.FixtureRequest
) -> None:
    found = golden_text(request.getfixturevalue(name), golden)
    expected = (GOLDEN_FOLDER / f"{golden}.json").read_text("utf-8")
    assert found == expected, "if it was meant: python -m mlops_dagster_tests.assets.graph_shape"


def test_a_newcomer_reads_each_example_without_scrolling(examples: dg.Definitions) -> None:
    # The UI opens a group at a time, and a group is a use case.
    nodes = Counter(spec.group_name for spec in examples.resolve_all_asset_specs())
    assert set(nodes) == {"flight_delays", "customer_churn"}
    assert max(nodes.values()) <= MOST_NODES


def test_no_asset_of_an_example_depends_on_another_example(examples: dg.Definitions) -> None:
    for spec in examples.resolve_all_asset_specs():
        assert {dep.asset_key.path[0] for dep in spec.deps} <= {spec.key.path[0]}


@pytest.mark.parametrize("name", ["examples", "energy", "churn"])
def test_the_graph_of_a_use_case_is_one_group(name: str, request: pytest.FixtureRequest) -> None:
    specs = request.getfixturevalue(name).resolve_all_asset_specs()
    assert all(spec.group_name == spec.key.path[0] for spec in specs)


@pytest.mark.parametrize("name", ["examples", "energy", "churn"])
def test_the_quarantine_comes_after_every_table_of_its_job(
    name: str, request: pytest.FixtureRequest
) -> None:
    definitions = request.getfixturevalue(name)
    parents = {
        spec.key: {dep.asset_key for dep in spec.deps}
        for spec in definitions.resolve_all_asset_specs()
    }
    for job in jobs_of(definitions):
        built = job.asset_layer.selected_asset_keys
        quarantines = [key for key in built if key.path[-1] == "quarantine"]
        before: set[dg.AssetKey] = set()
        waiting = list(quarantines)
        while waiting:
            found = parents[waiting.pop()] & built - before
            before |= found
            waiting.extend(found)
        tables = {key for key in built if key.path[1] in TABLE_LAYERS and key.path[0] != "project"}
        assert not quarantines or before >= tables, job.name


@pytest.mark.parametrize("name", ["examples", "energy", "churn"])
def test_all_windows_of_a_job_open_alike(name: str, request: pytest.FixtureRequest) -> None:
    for job in jobs_of(request.getfixturevalue(name)):
        assert len(partitions_of_selection(job)) <= 1, job.name


@pytest.mark.parametrize("name", ["examples", "energy", "churn"])
def test_every_asset_is_in_a_job(name: str, request: pytest.FixtureRequest) -> None:
    definitions = request.getfixturevalue(name)
    built = {key for job in jobs_of(definitions) for key in job.asset_layer.selected_asset_keys}
    assert built == set(definitions.resolve_all_asset_keys())


def test_a_use_case_without_windows_is_built_by_one_job_without_partitions(
    churn: dg.Definitions,
) -> None:
    job, decisions = jobs_of(churn)
    assert (job.name, decisions.name) == ("churn_refresh", "churn_quarantine")
    assert job.partitions_def is None
    assert sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys) == [
        "churn/bronze/customers",
        "churn/model/leaves",
        "churn/model/leaves_champion",
        "churn/model/leaves_training_set",
        "churn/monitoring/quality_results",
        "churn/monitoring/quarantine",
        "churn/serving/leaves_predictions",
    ]
    assert not list(churn.schedules or ())
    assert not list(churn.sensors or ())


def test_two_use_cases_share_a_project(tmp_path: Path) -> None:
    second = CHURN.replace("name: churn", "name: refunds")
    root = write_project(tmp_path, {"churn": CHURN, "refunds": second})
    definitions = build_definitions(root, "dev")
    dg.Definitions.validate_loadable(definitions)
    assert {key.path[0] for key in definitions.resolve_all_asset_keys()} == {"churn", "refunds"}


def test_assets_of_a_users_own_join_the_graph(tmp_path: Path) -> None:
    @dg.asset(key=["churn", "gold", "summary"], deps=[["churn", "bronze", "customers"]])
    def summary() -> None: ...

    root = write_project(tmp_path, {"churn": CHURN})
    definitions = build_definitions(root, "dev", merge=[dg.Definitions(assets=[summary])])
    dg.Definitions.validate_loadable(definitions)
    keys = definitions.resolve_all_asset_keys()
    assert dg.AssetKey(["churn", "gold", "summary"]) in keys


def test_an_asset_of_a_users_own_cannot_take_a_tables_name(tmp_path: Path) -> None:
    @dg.asset(key=["churn", "bronze", "customers"])
    def customers() -> None: ...

    root = write_project(tmp_path, {"churn": CHURN})
    definitions = build_definitions(root, "dev", merge=[dg.Definitions(assets=[customers])])
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="customers"):
        dg.Definitions.validate_loadable(definitions)


def test_a_mistake_in_the_yaml_stops_the_load_with_its_line(tmp_path: Path) -> None:
    root = write_project(tmp_path, {"churn": CHURN.replace("task: binary", "task: binery")})
    with pytest.raises(SpecError, match=r"use_case.yaml:15: .*binery.*did you mean .binary"):
        build_definitions(root, "dev")


@pytest.mark.parametrize("load", [example_definitions])
def test_loading_warns_of_nothing(load: Callable[[], dg.Definitions]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dg.Definitions.validate_loadable(load())
