"""The list of packages in docs/architecture.md is that of the layers that CI checks."""

import re
from configparser import ConfigParser

from mlops_dagster_tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def listed() -> list[str]:
    """Return the packages and modules of the page's table from top to bottom."""
    section = PAGE.split("## Packages")[1].split("\n## ")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    return [name.removesuffix(".py") for row in rows for name in re.findall(r"`([\w.]+)`", row)]


def layers() -> list[set[str]]:
    """Return the layers of setup.cfg from top to bottom."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["importlinter:contract:layers"]["layers"].split("\n")
    return [set(re.findall(r"mlops_dagster\.(\w+)", line)) for line in lines if line.strip()]


def test_the_page_lists_every_package_once() -> None:
    there = {path.parent.name for path in (ROOT / "mlops_dagster").glob("*/__init__.py")}
    there |= {path.stem for path in (ROOT / "mlops_dagster").glob("*.py")} - {"__init__"}
    assert sorted(listed()) == sorted(there)


def test_the_page_lists_them_in_the_order_of_the_layers() -> None:
    depth = {name: number for number, layer in enumerate(layers()) for name in layer}
    depths = [depth[name] for name in listed()]
    assert depths == sorted(depths)


def test_every_package_has_a_layer() -> None:
    assert set(listed()) == set().union(*layers())
