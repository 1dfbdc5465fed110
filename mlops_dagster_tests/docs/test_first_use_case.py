"""The walk of docs/first_use_case.md, and the mistake that docs/errors.md shows."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops_dagster.cli import main
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster_tests.docs.pages import ROOT, blocks, write_files

WALK = ROOT / "docs" / "first_use_case.md"
ERRORS = ROOT / "docs" / "errors.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of the walk, written from the page."""
    write_files(WALK, tmp_path)
    return tmp_path


def test_the_walk_shows_every_file_of_its_project(project: Path) -> None:
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert files == {
        "project.yaml",
        "environments/dev.yaml",
        "make_data.py",
        "use_cases/parcel_delays/use_case.yaml",
        "use_cases/parcel_delays/silver/sent.sql",
        "use_cases/parcel_delays/silver/arrived.sql",
    }


def test_the_walk_loads_and_resolves(project: Path) -> None:
    workspace = load_workspace(project, "dev")
    use_case = workspace.use_cases["parcel_delays"]
    assert [ref.name for ref in use_case.tables] == ["parcels", "sent", "arrived"]
    assert list(use_case.models) == ["late"]


def test_check_prints_the_line_that_the_walk_quotes(project: Path) -> None:
    done = CliRunner().invoke(main, ["check", "--root", str(project)])
    assert done.exit_code == 0
    assert f"`{done.output.strip()}`" in WALK.read_text()


def test_the_walks_data_are_what_its_tables_read(project: Path) -> None:
    subprocess.run([sys.executable, "make_data.py"], cwd=project, check=True)
    files = sorted((project / "landing" / "parcels").iterdir())
    assert [path.name for path in files] == [f"2024-{month:02d}.csv" for month in range(1, 6)]
    header = files[0].read_text().splitlines()[0]
    assert header == "parcel,sent_at,depot,distance_km,weight_kg,arrived_at"


def test_the_walks_jobs_and_sensors_have_the_names_on_the_page(project: Path) -> None:
    from mlops_dagster.definitions import build_definitions

    repository = build_definitions(project, "dev").get_repository_def()
    names = {job.name for job in repository.get_all_jobs()}
    names |= {schedule.name for schedule in repository.schedule_defs}
    names |= {sensor.name for sensor in repository.sensor_defs}
    for name in (
        "parcel_delays_close",
        "parcel_delays_late_train",
        "parcel_delays_retraining",
        "parcel_delays_close_schedule",
    ):
        assert name in names
        assert f"`{name}`" in WALK.read_text()


def test_the_mistakes_that_the_page_on_errors_shows_are_reported_so(project: Path) -> None:
    file = project / "use_cases" / "parcel_delays" / "use_case.yaml"
    text = file.read_text()
    for right, wrong in (
        ("depot in ('north'", "depots in ('north'"),
        ("holdout: {by: day, every: 4}", "holdout: {by: day, evry: 4}"),
        ("roc_auc >= 0.7", "roc_auk >= 0.7"),
    ):
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    file.write_text(text)
    done = CliRunner().invoke(main, ["check", "--root", str(project)])
    assert done.exit_code == 1
    # The other blocks show what runs say.
    shown = [block.text for block in blocks(ERRORS) if block.language == "text"]
    assert done.stderr == shown[0]
