"""The project of docs/ingestion.md is right in both of its environments."""

from pathlib import Path

import pytest

from mlops_dagster.spec.loader import find_problems, load_workspace
from mlops_dagster_tests.docs.pages import ROOT, write_files


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_project_of_the_page_has_no_mistake(tmp_path: Path, environment: str) -> None:
    assert len(write_files(ROOT / "docs" / "ingestion.md", tmp_path)) == 3
    (tmp_path / "project.yaml").write_text("spec_version: 1\nname: page\n")
    assert find_problems(tmp_path, environment) == ()
    tables = load_workspace(tmp_path, environment).tables
    assert {f"{ref.layer}.{ref.name}": (one.kind, one.windowed) for ref, one in tables.items()} == {
        "bronze.orders": ("source", True),
        "bronze.returns": ("files", True),
        "bronze.visits": ("files", True),
        "silver.orders": ("keep", False),
    }
