"""A project's own definitions.py: what is refused, and what the UI loads from any folder."""

import sys
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.code_pointer import load_python_file
from dagster._core.workspace.autodiscovery import loadable_targets_from_loaded_module

from mlops_dagster.cli import main
from mlops_dagster.cli.ui import location
from mlops_dagster.definitions import build_definitions, use_case_windows
from mlops_dagster.errors import SpecError
from mlops_dagster_tests.assets.inline_project import CHURN, write_project

SHOP = CHURN.replace("name: churn", "name: shop").split("models:", maxsplit=1)[0]
WINDOWED = SHOP.replace("owner:", "windows: {every: month, first: 2024-01}\nowner:").replace(
    "files: customers.csv", 'files: "customers/{window}.csv"\n    event_time: joined_at'
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", {"churn": CHURN, "shop": WINDOWED})


def test_windows_of_a_use_case_are_the_partitions_of_its_tables(root: Path) -> None:
    graph = build_definitions(root, "dev").resolve_asset_graph()
    customers = graph.get(dg.AssetKey(["shop", "bronze", "customers"]))
    assert use_case_windows("shop", root, "dev") == customers.partitions_def


def test_a_use_case_without_windows_or_of_another_name_is_told(root: Path) -> None:
    with pytest.raises(
        SpecError, match=r"the use case 'churn' has no windows. Leave `partitions_d"
    ):
        use_case_windows("churn", root, "dev")
    with pytest.raises(SpecError, match=r"no use case 'shp' in .* \(did you mean shop\?\)"):
        use_case_windows("shp", root, "dev")


def test_a_resource_under_the_name_of_one_of_ours_is_refused(root: Path) -> None:
    own = dg.Definitions(resources={"spark": dg.ResourceDefinition.hardcoded_resource(1)})
    with pytest.raises(SpecError, match="the resource 'spark' of your own definitions has the nam"):
        build_definitions(root, "dev", merge=[own])


def test_definitions_are_those_of_the_variables_by_default(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match="no project found"):
        build_definitions()
    monkeypatch.setenv("MLOPS_DAGSTER_ROOT", str(root))
    resources = build_definitions().resources
    assert resources is not None
    assert set(resources) == {"mlops", "spark", "mlflow", "delta", "model"}


def test_the_ui_outside_of_a_project_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_DAGSTER_ROOT", raising=False)
    done = CliRunner().invoke(main, ["ui"])
    assert done.exit_code == 1
    assert "name it with --root or the variable MLOPS_DAGSTER_ROOT" in done.output


def test_the_ui_loads_a_projects_own_definitions_and_what_lies_beside_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert location(root) == ["--module-name", "mlops_dagster.definitions"]
    (root / "prices.py").write_text("EURO = 0.3\n")
    (root / "definitions.py").write_text(
        "import prices\nfrom mlops_dagster.definitions import build_definitions\n"
        "assert prices.EURO\ndefs = build_definitions()\n"
    )
    _, file, _, folder = location(root)
    monkeypatch.chdir(root.parent)
    monkeypatch.setenv("MLOPS_DAGSTER_ROOT", str(root))
    monkeypatch.setattr(sys, "path", [*sys.path])
    # What `dagster dev` does with these options, less its server.
    module = load_python_file(file, working_directory=folder)
    (target,) = loadable_targets_from_loaded_module(module)
    assert isinstance(target.target_definition, dg.Definitions)
