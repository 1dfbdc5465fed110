"""The files at the top of the repository fit together."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def test_every_folder_with_modules_is_a_package_so_that_the_wheel_holds_it() -> None:
    folders = {path.parent for path in (ROOT / "mlops_dagster").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []
    assert (ROOT / "mlops_dagster" / "py.typed").is_file()


def test_the_workspace_file_names_a_module_that_is_there() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    (location,) = workspace["load_from"]
    assert importlib.util.find_spec(location["python_module"]["module_name"]) is not None


def test_make_without_a_target_explains_every_target_but_the_set_up() -> None:
    done = subprocess.run(
        ["make", "--silent", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    explained = set(re.findall(r"^make ([a-z-]+) ", done.stdout, flags=re.MULTILINE))
    assert explained == make_targets() - {"setup", "help"}


def test_make_says_which_python_is_needed_when_there_is_none(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={tmp_path / 'no_python'}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Python 3.10, 3.11 or 3.12" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_a_second_set_up_has_nothing_to_do(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").touch()
    os.utime(tmp_path / ".venv" / ".ready", (4e9, 4e9))
    done = subprocess.run(["make", "--question", "setup"], cwd=tmp_path, check=False)
    assert done.returncode == 0


def test_continuous_integration_runs_the_commands_of_the_makefile() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    called = re.findall(r"^step make ([a-z-]+)", script, flags=re.MULTILINE)
    assert called == ["setup", "lint", "test", "test-long", "demo", "test-demo"]
    assert set(called) <= make_targets()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, check=False).returncode == 0


def test_the_command_is_installed_beside_python() -> None:
    command = Path(sys.executable).with_name("mlops-dagster")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mlops-dagster")
