"""The pages of the documentation as data: fenced blocks, commands, tables of keys, links."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
# The first line of a block that is a whole file is a comment with its path.
_PATH = re.compile(r"(?:#|--) ([\w./-]+\.(?:yaml|sql|py))\n")
_COMMAND = re.compile(r'mlops-dagster((?: +(?:[\w./=:<>-]+|"[^"`]*"))*)')


@dataclass(frozen=True)
class Block:
    """A fenced block; `path` is the file it shows whole, if it says so."""

    page: str
    language: str
    text: str
    path: str | None


@dataclass(frozen=True)
class KeyRow:
    """A row of a table of keys."""

    key: str
    type: str
    default: str
    meaning: str


def blocks(page: Path) -> Iterator[Block]:
    for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
        path = _PATH.match(match[2])
        yield Block(page.name, match[1], match[2], path[1] if path else None)


def write_files(page: Path, folder: Path) -> list[Path]:
    """Write every block that is a whole file below a folder."""
    written = []
    for block in blocks(page):
        if block.path is not None:
            target = folder / block.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
            written.append(target)
    return written


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each `mlops-dagster ...` that stands in code."""
    text = page.read_text(encoding="utf-8")
    shell = "\n".join(block.text for block in blocks(page) if block.language in ("", "sh"))
    prose = _FENCE.sub("", text)
    code = re.findall(r"`([^`\n]+)`", prose) + re.findall(r"^    (.+)$", prose, flags=re.MULTILINE)
    for line in (*code, *shell.splitlines()):
        for match in _COMMAND.finditer(line):
            if not line[: match.start()].endswith(("import ", "/", "-", "'", "[")):
                yield shlex.split(match[1])


def key_tables(page: Path) -> dict[str, list[KeyRow]]:
    """Return the rows of each table of keys by the heading it stands under."""
    found: dict[str, list[KeyRow]] = {}
    heading = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if len(cells) == 4:
                key = cells[0].strip("` |")
                found.setdefault(heading, []).append(KeyRow(key, cells[1], cells[2], cells[3]))
    return found


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    headings = re.findall(
        r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), flags=re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def snippets(page: Path) -> list[str]:
    """Return the indented blocks that are YAML: a list or a mapping, no command."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"(?:^    .+\n)+", text, flags=re.MULTILINE)
    return [dedent(block) for block in found if re.match(r"    (?:- |[\w.]+:)", block)]
