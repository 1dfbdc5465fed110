"""The catalogue of faults in docs/errors.md: every error that a fault raises stands there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlops_dagster.errors import MlopsDagsterError, is_transient
from mlops_dagster_tests.docs.pages import ROOT

_PAGE = ROOT / "docs" / "errors.md"
_ERROR = re.compile(r"`(\w+)`(, tried again)?")
_HEADING = "## When the world fails"


@dataclass(frozen=True)
class Row:
    """A row of the catalogue; `pattern` is the message with `...` for what differs."""

    fault: str
    pattern: re.Pattern[str]
    error: str
    tried_again: bool


def rows() -> Iterator[Row]:
    """Yield the rows of the catalogue."""
    section = _PAGE.read_text("utf-8").split(_HEADING)[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        told = _ERROR.fullmatch(cells[2]) if len(cells) == 4 else None
        if told is not None:
            text = re.escape(cells[1].strip("`")).replace(r"\.\.\.", ".*")
            yield Row(cells[0], re.compile(text), told[1], told[2] is not None)


def assert_catalogued(error: MlopsDagsterError) -> None:
    """Check that the page shows this message, its class and whether it is tried again."""
    found = [row for row in rows() if row.pattern.match(error.problem)]
    assert found, f"docs/errors.md lacks: {error.problem}"
    assert (type(error).__name__, is_transient(error)) in {
        (row.error, row.tried_again) for row in found
    }, found
    assert error.where
    assert error.next_step, "an error that does not say what to do"
