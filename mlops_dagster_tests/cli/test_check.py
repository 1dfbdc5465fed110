"""`mlops-dagster check` and `schema`: exit codes, what goes where, and what is not started."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlops_dagster.cli import SUBCOMMANDS, main
from mlops_dagster.spec.json_schema import SCHEMAS, json_schema
from mlops_dagster_tests.spec.worlds import (
    DEV,
    HOOKS,
    PROJECT,
    STOCK,
    USE_CASE,
    changed,
    write_project,
)

GOOD = "shop in dev: 2 use cases, 8 tables, 3 rules, 1 model; no mistakes\n"


def run(*arguments: str | Path, **variables: str) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], env=variables)


def test_a_project_without_mistakes_gives_one_line(tmp_path: Path) -> None:
    done = run("check", "--root", write_project(tmp_path))
    assert (done.exit_code, done.stdout, done.stderr) == (0, GOOD, "")


def test_mistakes_go_to_standard_error_one_a_line(tmp_path: Path) -> None:
    text = changed(USE_CASE, "task: binary", "task: binray")[USE_CASE]
    text = text.replace("owner: team:logistics", "owner: logistics")
    done = run("check", "--root", write_project(tmp_path, {USE_CASE: text}))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"{USE_CASE}:3: owner: expected an owner such as 'team:grid' or 'name@example.org', "
        "found 'logistics'\n"
        f"{USE_CASE}:33: models.late.task: expected one of 'binary', 'multiclass', 'regression', "
        "found 'binray' (did you mean 'binary'?)\n"
    )


def test_a_project_is_found_from_a_folder_below(tmp_path: Path) -> None:
    folder = write_project(tmp_path) / "use_cases" / "deliveries" / "silver"
    assert run("check", "--root", folder).stdout == GOOD


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    done = run("check", "--root", tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: {tmp_path}: no project found; expected project.yaml in this folder or one above "
        "it. Change into a project's folder, or name it with --root or the variable "
        "MLOPS_DAGSTER_ROOT\n"
    )


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    done = run("check", "--root", tmp_path / "none")
    assert done.exit_code == 2
    assert "does not exist" in done.stderr


def test_the_environment_is_an_option_or_a_variable(tmp_path: Path) -> None:
    test = PROJECT[DEV].replace("name: dev", "name: test\nuse_cases: [stock]")
    write_project(tmp_path, {"environments/test.yaml": test})
    shown = "shop in test: 1 use case, 3 tables, 0 rules, 0 models; no mistakes\n"
    assert run("check", "--root", tmp_path, "-e", "test").stdout == shown
    assert run("check", "--root", tmp_path, MLOPS_DAGSTER_ENVIRONMENT="test").stdout == shown
    assert run("check", "--root", tmp_path, "-e", "dev").stdout == GOOD


def test_an_unknown_environment_is_told_with_the_known_ones(tmp_path: Path) -> None:
    done = run("check", "--root", write_project(tmp_path), "-e", "deb")
    assert done.exit_code == 1
    assert done.stderr == (
        "environments/deb.yaml:1: no such file; expected one of the environments 'dev', "
        "found 'deb' (did you mean 'dev'?)\n"
    )


@pytest.mark.parametrize("name", ["../dev", "/etc/passwd", "de v", "", "DEV"])
def test_an_environment_is_a_name_and_no_path(tmp_path: Path, name: str) -> None:
    write_project(tmp_path / "project", {"dev.yaml": PROJECT[DEV]})
    done = run("check", "--root", tmp_path / "project", "-e", name)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "expected one of the environments 'dev'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "near"), [("chek", "check"), ("shema", "schema"), ("stats", "status")]
)
def test_an_unknown_command_is_told_with_the_nearest(name: str, near: str) -> None:
    done = run(name)
    assert done.exit_code == 2
    assert f"Error: no such command '{name}' (did you mean {near}?); there are" in done.stderr
    assert all(known in done.stderr for known in SUBCOMMANDS)


def test_an_unknown_command_far_from_all_is_told_with_the_list() -> None:
    done = run("frobnicate")
    assert done.exit_code == 2
    assert f"no such command 'frobnicate'; there are {', '.join(sorted(SUBCOMMANDS))}." in (
        done.stderr
    )


def test_the_help_lists_every_command() -> None:
    for option in ("--help", "-h"):
        shown = run(option).stdout
        assert all(name in shown for name in SUBCOMMANDS)


@pytest.mark.parametrize("name", sorted(SUBCOMMANDS))
def test_every_command_has_a_help(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: main {name}")


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_a_schema_is_printed(kind: str) -> None:
    done = run("schema", kind)
    assert (done.exit_code, done.stdout, done.stderr) == (0, json_schema(kind), "")
    assert json.loads(done.stdout)["additionalProperties"] is False


def test_schemas_are_written(tmp_path: Path) -> None:
    done = run("schema", "--write", tmp_path / "schemas")
    written = [tmp_path / "schemas" / f"{kind}.schema.json" for kind in SCHEMAS]
    assert (done.exit_code, done.stdout.splitlines()) == (0, [str(path) for path in written])
    assert all(path.is_file() for path in written)


@pytest.mark.parametrize("arguments", [[], ["use_case", "--write", "schemas"]])
def test_a_schema_is_printed_or_written(arguments: list[str]) -> None:
    done = run("schema", *arguments)
    assert done.exit_code == 2
    assert "Error: name a kind to print, or a folder with --write" in done.stderr


def test_an_unknown_schema_is_told() -> None:
    done = run("schema", "usecase")
    assert done.exit_code == 2
    assert "'usecase' is not one of 'contract', 'environment', 'project', 'use_case'" in (
        done.stderr
    )


def test_a_check_imports_and_starts_nothing_heavy(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    sly = f"\nfrom pathlib import Path\nPath({str(mark)!r}).touch()\n"
    write_project(tmp_path, {HOOKS: PROJECT[HOOKS] + sly})
    code = (
        "import sys\n"
        "from mlops_dagster.cli import main\n"
        "main(['check'], standalone_mode=False)\n"
        "heavy = {'dagster', 'pyspark', 'mlflow', 'sklearn', 'pandas', 'grpc', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if "MLOPS" not in name},
    )
    assert done.stdout == f"{GOOD}[]\n"
    assert not mark.exists()


def test_a_process_ends_with_the_exit_code(tmp_path: Path) -> None:
    write_project(tmp_path, {STOCK: "spec_version: 1\n"})
    done = subprocess.run(
        [sys.executable, "-c", "from mlops_dagster.cli import main; main()", "check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if "MLOPS" not in name},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [f"{STOCK}:1"] * 2
