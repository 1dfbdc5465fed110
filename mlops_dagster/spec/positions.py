"""YAML as data with positions.

A scalar is null, true, false, an int, a float or a text; dates, `NO`, `12:30` and `20_000` stay
texts. Every mistake of the text is collected with its line; what can be read is returned beside
them.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlops_dagster.spec.yaml_nodes import (
    MAX_DEPTH,
    MAX_VALUES,
    Key,
    KeyPath,
    Mistake,
    Position,
    Unreadable,
    compose,
    mark_position,
)

__all__ = [
    "Data",
    "Document",
    "Key",
    "KeyPath",
    "Mistake",
    "Position",
    "read_bounded",
    "read_document",
    "resolve_scalar",
    "show_path",
]

Data = None | bool | int | float | str | list["Data"] | dict[str, "Data"]

MAX_BYTES = 1_000_000
MAX_SCALAR = 20_000

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")
_WORDS: dict[str, Data] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class Document:
    """The data of one YAML text, where each part of it stands, and what is wrong with the text.

    `keys` holds the positions of mapping keys and list items by path, `values` those of values. A
    part that comes from an alias stands where its anchor does. Mappings in `incomplete` lack what a
    wrong `<<` was to merge into them.
    """

    data: Data
    keys: dict[KeyPath, Position]
    values: dict[KeyPath, Position]
    mistakes: tuple[Mistake, ...]
    incomplete: frozenset[KeyPath] = frozenset()

    def position(self, path: KeyPath) -> Position:
        """Return where a scalar stands, else its key; if absent, the nearest parent's place."""
        if path in self.values and not isinstance(self.at(path), (dict, list)):
            return self.values[path]
        for length in range(len(path), 0, -1):
            if path[:length] in self.keys:
                return self.keys[path[:length]]
        return Position(1, 1)

    def key_position(self, path: KeyPath) -> Position:
        """Return where the key (or list item) of a path stands, or the nearest parent."""
        return self.keys[path] if path in self.keys else self.position(path[:-1])

    def at(self, path: KeyPath) -> Data:
        """Return the value at a path; KeyError when there is none."""
        found = self.data
        for key in path:
            # One branch a type: mypy cannot read both conditions as one.
            if isinstance(found, dict) and isinstance(key, str):  # noqa: SIM114
                found = found[key]
            elif isinstance(found, list) and isinstance(key, int) and key < len(found):
                found = found[key]
            else:
                raise KeyError(path)
        return found


def read_bounded(path: Path) -> bytes:
    """Return the bytes of a file that a person wrote.

    Raises:
        OSError: It cannot be read.
        ValueError: It is larger than any such file.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than the {MAX_BYTES} bytes allowed")
    return content


def read_document(content: bytes) -> Document:
    """Read one YAML document from the bytes of a file; never raises for what the bytes hold."""
    try:
        root, mistakes = compose(_text(content))
        reading = _Reading(mistakes)
        data = reading.value(root, ()) if root is not None else None
    except Unreadable as error:
        return Document(None, {}, {}, (Mistake(error.position, (), error.problem),))
    places = {position: path for path, position in reversed(reading.values.items())}
    return Document(
        data,
        reading.keys,
        reading.values,
        tuple(replace(m, path=m.path or places.get(m.position, ())) for m in mistakes),
        frozenset(reading.incomplete),
    )


def resolve_scalar(text: str) -> Data:
    """Return what a scalar without quotes means: null, bool, int, float, else the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def show_path(path: KeyPath) -> str:
    """Write a path as it is shown in messages: `models.delay.gates[2].metric`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{key}" if text else key
    return text


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unreadable("the file is not UTF-8 text", Position(line, 1)) from error


@dataclass
class _Reading:
    """Turns nodes into data, following aliases and merge keys within a budget."""

    mistakes: list[Mistake]
    keys: dict[KeyPath, Position] = field(default_factory=dict)
    values: dict[KeyPath, Position] = field(default_factory=dict)
    incomplete: set[KeyPath] = field(default_factory=set)
    _count: int = 0
    _open: set[int] = field(default_factory=set)
    _noted: set[tuple[Position, str]] = field(default_factory=set)
    _lost: set[Position] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._lost = {mistake.position for mistake in self.mistakes if mistake.lost}

    def value(self, node: Node, path: KeyPath) -> Data:
        self._spend(node)
        self.values[path] = mark_position(node.start_mark)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self._mistake(node, path, "an alias inside its own anchor", lost=True)
            return None
        if len(path) > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels", self.values[path])
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                pairs = self._pairs(node, path)
                return {text: self._part(k, v, (*path, text)) for text, k, v in pairs}
            if isinstance(node, SequenceNode):
                return [self._part(v, v, (*path, number)) for number, v in enumerate(node.value)]
            raise TypeError(type(node).__name__)
        finally:
            self._open.discard(id(node))

    def _part(self, key: Node, value: Node, path: KeyPath) -> Data:
        self.keys[path] = mark_position(key.start_mark)
        return self.value(value, path)

    def _pairs(self, node: MappingNode, path: KeyPath) -> Iterator[tuple[str, Node, Node]]:
        """Yield the entries of a mapping: its own, then what `<<` merges and it does not have."""
        own: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            self._spend(key)
            text = self._scalar(key) if isinstance(key, ScalarNode) else None
            if mark_position(key.start_mark) in self._lost:
                continue
            if not isinstance(text, str):
                shown = f"'{key.value}'" if isinstance(key, ScalarNode) else "a list or mapping"
                self._mistake(key, path, f"a key must be a text, not {shown}")
            elif text in own:
                first = mark_position(own[text][0].start_mark).line
                problem = f"the key '{text}' stands twice, first in line {first}"
                self._mistake(key, (*path, text), problem, repeated=True)
            else:
                own[text] = (key, value)
        merge = own.pop("<<") if "<<" in own else None
        for text, (key, value) in own.items():
            yield text, key, value
        if merge is not None:
            for text, key, value in self._merged(merge[1], (*path, "<<")):
                if text not in own:
                    own[text] = (key, value)
                    yield text, key, value

    def _merged(self, node: Node, path: KeyPath) -> Iterator[tuple[str, Node, Node]]:
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode) or id(source) in self._open:
                self.incomplete.add(path[:-1])
            if mark_position(source.start_mark) in self._lost:
                continue
            if not isinstance(source, MappingNode):
                self._mistake(source, path, "'<<' takes a mapping or a list of mappings")
            elif id(source) in self._open:
                self._mistake(source, path, "an alias inside its own anchor")
            else:
                self._open.add(id(source))
                yield from self._pairs(source, path)
                self._open.discard(id(source))

    def _scalar(self, node: ScalarNode) -> Data:
        if len(node.value) > MAX_SCALAR:
            problem = f"a text of {len(node.value)} characters, more than the {MAX_SCALAR} allowed"
            raise Unreadable(problem, mark_position(node.start_mark))
        return node.value if node.style is not None else resolve_scalar(node.value)

    def _spend(self, node: Node) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            problem = f"more than {MAX_VALUES} values after following aliases"
            raise Unreadable(problem, mark_position(node.start_mark))

    def _mistake(
        self,
        node: Node,
        path: KeyPath,
        problem: str,
        *,
        lost: bool = False,
        repeated: bool = False,
    ) -> None:
        place = mark_position(node.start_mark)
        if (place, problem) not in self._noted:
            self._noted.add((place, problem))
            self.mistakes.append(Mistake(place, path, problem, lost, repeated))
