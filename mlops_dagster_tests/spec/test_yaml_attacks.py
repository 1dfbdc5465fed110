"""Texts made to exhaust, to run code or to mislead: refused with a message, nothing executed."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster.spec.positions import MAX_BYTES, read_document, resolve_scalar
from mlops_dagster_tests.spec.worlds import (
    DEV,
    HOOKS,
    PROJECT,
    SQL,
    USE_CASE,
    changed,
    messages,
    write_project,
)


def mistakes(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    return [mistake.problem for mistake in read_document(content).mistakes]


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert mistakes("\n".join(lines)) == ["more than 50000 values after following aliases"]


def test_a_bomb_of_merge_keys_is_refused() -> None:
    lines = ["a0: &a0 {k0: x}"]
    lines += [
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: x}}" for n in range(1, 30)
    ]
    assert mistakes("\n".join(lines)) == ["more than 50000 values after following aliases"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "\n".join(" " * n + "a:" for n in range(400)),
        "? " * 20_000,
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    (problem,) = mistakes(text)
    assert problem == "nested deeper than 40 levels"


@pytest.mark.parametrize("text", ["- x\n" * 60_000, "[" + "*a, " * 60_000 + "]"])
def test_too_many_values_are_refused(text: str) -> None:
    assert mistakes(text) == ["more than 50000 values"]


def test_deep_nesting_by_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200))]
    assert mistakes("\n".join(lines)) == ["nested deeper than 40 levels"]


@pytest.mark.parametrize(
    "text",
    ["&a [*a]", "&a {b: *a}", "&a {<<: *a}", "a: &a {b: {<<: *a}}", "a: &a\n  - &b [*a, *b]"],
)
def test_an_alias_of_what_it_stands_in_is_refused(text: str) -> None:
    assert set(mistakes(text)) == {"an alias inside its own anchor"}


def test_a_huge_text_is_refused() -> None:
    assert mistakes(f"a: {'x' * 20_001}") == [
        "a text of 20001 characters, more than the 20000 allowed"
    ]
    assert mistakes(f"{'x' * 500}: 1") == []
    assert mistakes(f"a: {'x' * 20_000}") == []


@pytest.mark.parametrize("name", [USE_CASE, "project.yaml", DEV, SQL, HOOKS])
def test_a_huge_file_is_refused_unread(tmp_path: Path, name: str) -> None:
    write_project(tmp_path)
    with (tmp_path / name).open("ab") as file:
        # Sparse: it takes no room on the disk, but a terabyte in memory.
        file.truncate(2**40)
    (message,) = (m for m in messages(tmp_path) if "bytes" in m)
    assert message.startswith(f"{name}:1: the file cannot be read")
    assert message.endswith(f"it has more than the {MAX_BYTES} bytes allowed")


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system",
        "!!python/object/new:os.system",
        "!!python/name:os.system",
        "!!python/module:os",
        "!include",
        "!ENV",
        "!<tag:yaml.org,2002:python/object/apply:os.system>",
        "!!binary",
        "!!set",
        "!!int",
    ],
)
def test_a_tag_is_refused_and_runs_nothing(tmp_path: Path, tag: str) -> None:
    mark = tmp_path / "executed"
    write_project(tmp_path, changed(USE_CASE, "alerts: [drift]", f"alerts: {tag} ['touch {mark}']"))
    shown = tag.replace("!<tag:yaml.org,2002:", "!!").removesuffix(">")
    assert messages(tmp_path) == [
        f"{USE_CASE}:51: alerts: the tag {shown} is not allowed; YAML is data here"
    ]
    assert not mark.exists()


def test_nothing_of_hooks_runs_at_load(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    code = f"from pathlib import Path\nPath({str(mark)!r}).touch()\nraise SystemExit(7)\n"
    write_project(tmp_path, {HOOKS: PROJECT[HOOKS] + code})
    assert messages(tmp_path) == []
    assert not mark.exists()


@pytest.mark.parametrize(
    "text", ["${HOME}", "{{ 1 + 1 }}", "$(id)", "`id`", "%(name)s", "{0.__class__}", "~", "@file"]
)
def test_texts_are_never_expanded(text: str) -> None:
    assert read_document(f"a: '{text}'".encode()).data == {"a": text}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: \xff\xfe", 1),
        (b"a: 1\nb: caf\xe9\n", 2),
        ("a: 1\nb: 2\n".encode("utf-16"), 1),
        (b"a: 1\n\nb: \xed\xa0\x80", 3),
    ],
)
def test_bytes_that_are_no_utf8_are_refused_with_their_line(content: bytes, line: int) -> None:
    (mistake,) = read_document(content).mistakes
    assert (mistake.problem, mistake.position.line) == ("the file is not UTF-8 text", line)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: \x00", "the character U+0000 is not allowed in YAML"),
        ("a: \x1b[31m", "the character U+001B is not allowed in YAML"),
        ("a: 1\nb: \x07", "the character U+0007 is not allowed in YAML"),
        ("a: \ufffe", "the character U+FFFE is not allowed in YAML"),
    ],
)
def test_control_characters_are_refused(text: str, problem: str) -> None:
    assert mistakes(text) == [problem]


def test_a_message_shows_no_character_that_a_terminal_obeys(tmp_path: Path) -> None:
    sly = r'"deliveries\e[2K\r\nall is well \u202e \u200b\0"'
    write_project(tmp_path, changed(USE_CASE, "name: deliveries", f"name: {sly}"))
    (message,) = messages(tmp_path)
    assert message.isprintable()
    assert r"found 'deliveries\x1b[2K\r\nall is well \u202e \u200b\x00'" in message


@pytest.mark.parametrize(
    "name",
    [
        "dеliveries",  # noqa: RUF001 - a Cyrillic e
        "ｄeliveries",  # noqa: RUF001 - a wide d
        "deli​veries",  # noqa: PLE2515 - a space of no width
        "delivériés",
        "deliveries ",
        "ⅾeliveries",  # noqa: RUF001 - a Roman numeral
    ],
)
def test_a_name_that_only_looks_right_is_refused(tmp_path: Path, name: str) -> None:
    write_project(tmp_path, changed(USE_CASE, "name: deliveries", f'name: "{name}"'))
    (message,) = messages(tmp_path)
    assert "name: expected a name of lower-case letters, digits and '_'" in message


@pytest.mark.parametrize("text", ["a: 1\n---\nb: 2", "a: 1\n...\n---\nb: 2\n---\nc: 3"])
def test_a_second_document_is_refused(text: str) -> None:
    assert mistakes(text) == ["a second document; a file holds one"]


@pytest.mark.parametrize(
    ("written", "data"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("1:30:15", "1:30:15"),
        ("20_000", "20_000"),
        ("2013-04-01", "2013-04-01"),
        ("2013-04-01T05:00:00Z", "2013-04-01T05:00:00Z"),
        ("0o17", "0o17"),
        ("017", "017"),
        ("0x1F", "0x1F"),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        ("-7", -7),
        ("+7", 7),
        (".5", ".5"),
        ("1.", "1."),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("99999999999999999999", "99999999999999999999"),
        ("٣", "٣"),
        ("true", True),
        ("True", "True"),
        ("null", None),
        ("~", None),
        ("'1'", "1"),
    ],
)
def test_a_scalar_means_what_it_looks_like(written: str, data: object) -> None:
    assert read_document(f"a: {written}".encode()).data == {"a": data}


@given(st.text(max_size=30))
def test_a_scalar_that_is_no_number_stays_itself(text: str) -> None:
    value = resolve_scalar(text)
    if isinstance(value, str):
        assert value == text
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        assert value == float(text)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text("[]{}&*!|>%@`'\"#:,-?<~ \n\tab1", max_size=60))
def test_no_text_makes_the_reader_fail(text: bytes | str) -> None:
    document = read_document(text if isinstance(text, bytes) else text.encode())
    assert all(mistake.position.line >= 1 for mistake in document.mistakes)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    write_project(tmp_path, {DEV: None})
    (tmp_path / DEV).parent.mkdir()
    os.mkfifo(tmp_path / DEV)
    (tmp_path / USE_CASE).unlink()
    (tmp_path / USE_CASE).symlink_to("/dev/zero")
    told = messages(tmp_path)
    assert [message.partition(";")[0] for message in told] == [
        f"{DEV}:1: no such file",
        f"{USE_CASE}:1: no such file: a folder in use_cases/ is a use case",
    ]
