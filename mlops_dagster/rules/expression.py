"""A parsed rule or gate."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from mlops_dagster.rules.nodes import (
    Aggregate,
    And,
    ColumnRef,
    FunctionCall,
    Interval,
    Node,
    Or,
)


@dataclass(frozen=True)
class Expression:
    """A parsed rule or gate. Two expressions of the same text are equal."""

    text: str
    root: Node = field(compare=False, repr=False)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every column named in the rule (in a gate: every metric)."""
        return frozenset(node.name for node in walk(self.root) if isinstance(node, ColumnRef))

    @cached_property
    def aggregates(self) -> bool:
        """True when the rule is about the data set, false when it is about each row."""
        return any(isinstance(node, Aggregate) for node in walk(self.root))

    def source(self, node: Node) -> str:
        """Return the text that a node was read from."""
        return self.text[node.span.start : node.span.end]


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all below it, parents first."""
    yield node
    for child in node.children:
        yield from walk(child)


def deepest(root: Node) -> tuple[int, Node]:
    """Return how many levels of Spark expressions a tree becomes, at most, and a node that deep."""
    found = (0, root)
    waiting = [(root, 0)]
    # No recursion: this is the check that makes recursion safe elsewhere.
    while waiting:
        node, above = waiting.pop()
        level = above + _levels(node)
        if level > found[0]:
            found = (level, node)
        waiting.extend((child, level) for child in node.children)
    return found


def _levels(node: Node) -> int:
    match node:
        case And() | Or():
            return len(node.operands).bit_length()
        case Aggregate():
            return 5
        case FunctionCall():
            return 3
        case Interval():
            return 1 + len(node.parts)
    return 1
