"""The use cases of docs/shapes.md; that they also run is tested in end_to_end/test_shapes.py."""

from pathlib import Path

from click.testing import CliRunner

from mlops_dagster.cli import main
from mlops_dagster_tests.docs.pages import ROOT, links, write_files

PAGE = ROOT / "docs" / "shapes.md"


def test_every_shape_is_a_use_case_without_mistakes(tmp_path: Path) -> None:
    write_files(PAGE, tmp_path)
    done = CliRunner().invoke(main, ["check", "--root", str(tmp_path)])
    assert done.output == (
        "shapes in dev: 6 use cases, 15 tables, 2 rules, 7 models; no mistakes\n"
    )


def test_the_page_is_found_from_the_first_page_and_the_page_of_keys() -> None:
    assert "docs/shapes.md" in links(ROOT / "README.md")
    assert "shapes.md" in links(ROOT / "docs" / "use_case.md")
