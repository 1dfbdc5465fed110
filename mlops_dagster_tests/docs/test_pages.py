"""Commands, links and files of the documentation are real."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlops_dagster.cli import main
from mlops_dagster_tests.docs.pages import PAGES, ROOT, anchors, blocks, commands, links

NAMES = [page.name for page in PAGES]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for arguments in commands(page):
            yield page.name, arguments


def parse(arguments: list[str]) -> None:
    """Let click parse a command line without running it; a help text needs no arguments."""
    with main.make_context("mlops-dagster", list(arguments[:1])) as group:
        command = main.get_command(group, arguments[0])
        assert command is not None, f"no subcommand {arguments[0]}"
        if isinstance(command, click.Group) and len(arguments) > 1:
            verb = command.get_command(group, arguments[1])
            assert verb is not None, f"no verb {arguments[1]} of {arguments[0]}"
            command, arguments = verb, arguments[1:]
        known = {option for parameter in command.params for option in parameter.opts}
        given = {argument.split("=")[0] for argument in arguments[1:] if argument.startswith("-")}
        assert given <= known | {"--help"}
        complete = [a for a in arguments[1:] if not a.startswith("<")]
        if len(complete) == len(arguments) - 1 and "--help" not in given:
            command.make_context(arguments[0], complete, resilient_parsing=not complete)


@pytest.mark.parametrize(("page", "arguments"), list(command_lines()))
def test_every_command_of_a_page_exists_with_its_options(page: str, arguments: list[str]) -> None:
    if arguments:
        parse(arguments)


def test_the_check_of_commands_refuses_what_does_not_exist() -> None:
    with pytest.raises(AssertionError, match="no subcommand dmeo"):
        parse(["dmeo"])
    with pytest.raises(AssertionError):
        parse(["demo", "--month", "4"])
    with pytest.raises(AssertionError, match="no verb relaese"):
        parse(["quarantine", "relaese"])


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    used = re.findall(r"(?:`|^    |^)make ([a-z]+)", page.read_text(), flags=re.MULTILINE)
    assert set(used) <= targets


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_file_or_folder_of_the_repository_named_in_backticks_is_there(page: Path) -> None:
    named = re.findall(
        r"`((?:mlops_dagster|mlops_dagster_tests|use_cases/flight_delays|docs)/[\w./-]*)`",
        page.read_text(),
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_in_a_page_parses_and_imports_what_is_there(page: Path) -> None:
    for block in blocks(page):
        if block.language != "python":
            continue
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), node.module
            if isinstance(node, ast.Import):
                for alias in node.names:
                    assert alias.name.split(".")[0] in sys.stdlib_module_names | {"dagster"}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_yaml_block_is_a_whole_file_or_an_excerpt_of_the_flagship(page: Path) -> None:
    flagship = (ROOT / "use_cases" / "flight_delays" / "use_case.yaml").read_text()
    for block in blocks(page):
        if block.language == "yaml" and block.path is None:
            lines = [line for line in block.text.splitlines() if line.strip() not in ("", "# ...")]
            assert [line for line in lines if line not in flagship.splitlines()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_page_names_a_folder_of_one_machine(page: Path) -> None:
    assert re.findall(r"(?<![\w.])/(?:work|root|home|tmp)/\S*", page.read_text()) == []
