"""Hostile names at run time: keys of windows, files of the landing folder, columns and values."""

import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.assets.markdown import escaped, fenced, table
from mlops_dagster.data.landing import find_files
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster_tests.spec.worlds import write_project

KEYS = [
    "../../../etc/passwd",
    "2024-01-01/../../x",
    "2024-01-01' OR '1'='1",
    "2024-01-01'; DROP TABLE orders; --",
    "2024-01-01\n2024-01-02",
    "2024-01-01\0",
    "２０２４-01-01",  # noqa: RUF001 - wide digits
    "2024-1-1",
    "*",
    "{window}",
    "",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_no_window_is_refused(tmp_path: Path, key: str) -> None:
    calendar = load_workspace(write_project(tmp_path), "dev").use_cases["deliveries"].calendar
    assert calendar is not None
    with pytest.raises(ValueError, match=r".+"):
        calendar.window(key)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_never_leads_out_of_the_landing_folder(tmp_path: Path, key: str) -> None:
    landing = tmp_path / "landing"
    (landing / "orders").mkdir(parents=True)
    (tmp_path / "x.csv").write_text("id\n1\n")
    with pytest.raises((SourceError, ValueError)):
        find_files(landing, "orders/{window}/../../x.csv", key)
    with pytest.raises((SourceError, ValueError)):
        find_files(landing, "orders/{window}.csv", key)


@given(st.text(min_size=1))
def test_a_quoted_name_is_one_name(name: str) -> None:
    inside = quote(name)[1:-1]
    assert inside.replace("``", "") == name.replace("`", "")
    assert inside.replace("``", "`") == name


HTML = [
    "<script>fetch('//evil.example')</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/seen.png)",
    "[click](javascript:alert(1))",
    "<http://evil.example>",
    "http://evil.example/bare",
    "www.evil.example",
    "me@evil.example",
    "a | b |\n| c",
    "```\n<b>out</b>",
    "`code` **bold** _it_ ~~gone~~ # head",
    "&lt;script&gt; &#x3c;b&#62;",
    "\u202egnp.exe\u200b",
    "\x1b[31m",
    "- item\n+ item\n1. item",
    "a\\|b",
    "</td><td>",
]


def rendered_markdown(text: str) -> str:
    """Return markdown as HTML by a renderer that lets HTML through and knows tables."""
    # Comes with rich, which Dagster needs.
    markdown = import_module("markdown_it").MarkdownIt("commonmark", {"html": True})
    return str(markdown.enable("table").enable("strikethrough").render(text))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HTML)
def test_a_text_of_the_data_is_shown_and_never_obeyed(text: str) -> None:
    rendered = _Tags()
    rendered.feed(rendered_markdown(escaped(text)))
    assert rendered.tags == ["p"]
    # Nor what other renderers make a link of though nothing marks it as one.
    assert re.search(r"(?<!\\)[.:@]", escaped(text)) is None
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    assert rendered.text.strip("\n") == shown.strip()


def test_a_table_has_as_many_cells_as_it_was_given() -> None:
    rendered = _Tags()
    page = table(["name <b>", "value"], [(text, n) for n, text in enumerate(HTML)])
    rendered.feed(rendered_markdown(page))
    assert rendered.tags.count("td") == 2 * len(HTML)
    assert rendered.tags.count("th") == 2
    assert set(rendered.tags) == {"table", "thead", "tbody", "tr", "th", "td"}


@given(st.text("`~ab\n<", max_size=30))
def test_code_does_not_leave_its_fence(text: str) -> None:
    first, *middle, last = fenced(text, "sql").split("\n")
    assert first == f"{last}sql"
    assert not any(line.strip().startswith(last) for line in middle)
