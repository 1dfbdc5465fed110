"""YAML text to nodes with positions: PyYAML's pipeline up to its composer, nothing constructed.

Tags, unknown aliases, repeated anchors and second documents are noted as mistakes and reading goes
on; syntax errors and what is too deep end it.
"""

from dataclasses import dataclass
from typing import TypeGuard

import yaml
from yaml.composer import Composer
from yaml.error import Mark
from yaml.events import AliasEvent, NodeEvent
from yaml.nodes import Node, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

Key = str | int
KeyPath = tuple[Key, ...]

MAX_DEPTH = 40
# Counted as written, and again after aliases are followed: ten aliases of ten of ten ... end here.
MAX_VALUES = 50_000
# By what PyYAML says: what to do about the mistakes that are made most.
_HINTS = {
    r"found character '\t'": ". Indent with spaces, not with tabs",
    "that cannot start any token": ". Put a text that begins with this character in quotes",
    "while parsing a flow mapping": ". Put a text with braces in quotes",
    "mapping values are not allowed": ". Put a text with ': ' in quotes",
}


@dataclass(frozen=True, order=True)
class Position:
    """A place in a text, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Mistake:
    """Something wrong with the YAML itself.

    `lost` when the value there says nothing any more, `repeated` when a key stands twice.
    """

    position: Position
    path: KeyPath
    problem: str
    lost: bool = False
    repeated: bool = False


class Unreadable(Exception):
    """The text is no YAML that can be read on; raised only within reading."""

    def __init__(self, problem: str, position: Position) -> None:
        super().__init__(problem)
        self.problem = problem
        self.position = position


def compose(text: str) -> tuple[Node | None, list[Mistake]]:
    """Return the root node of a text (None when it is empty) and the mistakes noted on the way.

    Raises:
        Unreadable: The syntax is wrong, a character is not allowed, or the nesting is too deep.
    """
    try:
        loader = _Loader(text)
        return loader.only_root(), loader.mistakes
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        shown = f"U+{error.character:04X}" if isinstance(error.character, int) else error.character
        problem = f"the character {shown} is not allowed in YAML"
        raise Unreadable(problem, Position(line, 1)) from error
    except yaml.MarkedYAMLError as error:
        said = " ".join(part for part in (error.context, error.problem) if part)
        place = mark_position(error.problem_mark or error.context_mark)
        hint = next((hint for sign, hint in _HINTS.items() if sign in said), "")
        raise Unreadable(f"not valid YAML: {said}{hint}", place) from error


def mark_position(mark: object) -> Position:
    """Return the position of one of PyYAML's marks."""
    return Position(mark.line + 1, mark.column + 1) if isinstance(mark, Mark) else Position(1, 1)


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """The pipeline; BaseResolver knows no implicit tags, so every scalar stays as written."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self.mistakes: list[Mistake] = []
        self._depth = 0
        self._count = 0

    def only_root(self) -> Node | None:
        self._take()
        root = None if self.check_event(yaml.StreamEndEvent) else self.compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            self._mistake(self._peek(), "a second document; a file holds one")
        return root

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self._peek()
        self._count += 1
        if self._count > MAX_VALUES:
            problem = f"more than {MAX_VALUES} values"
            raise Unreadable(problem, mark_position(event.start_mark))
        if _is_alias(event) and event.anchor not in self.anchors:
            self._take()
            problem = f"the alias *{event.anchor} has no anchor &{event.anchor} before it"
            place = mark_position(event.start_mark)
            self.mistakes.append(Mistake(place, (), problem, lost=True))
            return ScalarNode("", "", _mark(event.start_mark), _mark(event.end_mark), style=None)
        if isinstance(event, NodeEvent) and not isinstance(event, AliasEvent):
            self._check_properties(event)
        if self._depth >= MAX_DEPTH:
            place = mark_position(event.start_mark)
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels", place)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def _check_properties(self, event: NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            problem = f"the tag {shown} is not allowed; YAML is data here"
            self.mistakes.append(Mistake(mark_position(event.start_mark), (), problem, lost=True))
        if event.anchor in self.anchors:
            self._mistake(event, f"the anchor &{event.anchor} stands twice")
            del self.anchors[event.anchor]

    def _mistake(self, event: yaml.Event, problem: str) -> None:
        self.mistakes.append(Mistake(mark_position(event.start_mark), (), problem))

    def _peek(self) -> yaml.Event:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.Event):
            raise TypeError(type(event).__name__)
        return event

    def _take(self) -> None:
        self.get_event()  # type: ignore[no-untyped-call]


def _mark(mark: object) -> Mark | None:
    return mark if isinstance(mark, Mark) else None


def _is_alias(event: yaml.Event) -> TypeGuard[AliasEvent]:
    return isinstance(event, AliasEvent)
