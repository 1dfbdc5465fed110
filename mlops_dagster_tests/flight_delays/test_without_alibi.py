"""The demo without the extra `alibi`, on the NumPy and the pandas that alibi-detect keeps away."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.record import copy_project
from mlops_dagster.cli.demo_summary import read_summary
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.server import stop_server
from mlops_dagster_tests.flight_delays.world import REPOSITORY

DEMO = "from mlops_dagster.cli import main; main()"
VERSIONS = """
import importlib.util, numpy, pandas
print(numpy.__version__, pandas.__version__, importlib.util.find_spec("alibi_detect"))
"""


def run(*command: str, env: Mapping[str, str], cwd: Path = REPOSITORY) -> str:
    done = subprocess.run(command, check=False, env=env, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def copy_package(folder: Path) -> Path:
    """Copy what the wheel is built from, since building leaves files there; return the folder."""
    shutil.copytree(
        REPOSITORY / "mlops_dagster",
        folder / "mlops_dagster",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder / name)
    return folder


def roc_auc_of_readme() -> dict[str, float]:
    rows = re.findall(
        r"^(2013-\d\d) .* (0\.\d{3}) \[0\.", (REPOSITORY / "README.md").read_text(), re.MULTILINE
    )
    return {month: float(shown) for month, shown in rows}


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_three_months_give_the_same_figures_without_alibi_on_numpy_2_and_pandas_3(
    tmp_path: Path,
) -> None:
    uv, lock, venv = [sys.executable, "-m", "uv"], str(tmp_path / "lock"), tmp_path / "venv"
    plain = {name: text for name, text in os.environ.items() if name != "VIRTUAL_ENV"}
    resolve = (*uv, "pip", "compile", "--quiet", "--python", sys.executable, "--extra", "examples")
    run(*resolve, "pyproject.toml", "--output-file", lock, env=plain)
    run(*uv, "venv", "--quiet", "--python", sys.executable, str(venv), env=plain)
    python = str(venv / "bin" / "python")
    install = (*uv, "pip", "install", "--quiet", "--python", python)
    run(*install, "--requirement", lock, env=plain)
    run(*install, "--no-deps", str(copy_package(tmp_path / "package")), env=plain)

    root = copy_project(tmp_path / "project")
    env = {**plain, "MLOPS_DAGSTER_ROOT": str(root)}
    numpy, pandas, alibi = run(python, "-c", VERSIONS, env=env).split()
    assert numpy >= "2"
    assert pandas >= "3"
    assert alibi == "None"
    try:
        shown = run(python, "-c", DEMO, "demo", "--months", "4-6", env=env, cwd=root)
        assert "2013-06" in shown
        again = run(python, "-c", DEMO, "demo", "--months", "4-6", env=env, cwd=root)
        assert "nothing ran" in again
    finally:
        stop_server(EngineFiles.of(root / ".mlops" / "dev"), force=True)
    expected = roc_auc_of_readme()
    summary = read_summary(root / ".mlops" / "demo" / "summary.json")
    assert summary is not None
    measured = {m.month: m.roc_auc for m in summary.months if m.roc_auc is not None}
    assert list(measured) == ["2013-04", "2013-05", "2013-06"]
    # The libraries may round otherwise.
    assert measured == pytest.approx({month: expected[month] for month in measured}, abs=0.005)
    assert summary.retrainings == 0
