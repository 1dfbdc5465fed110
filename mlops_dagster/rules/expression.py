"""A parsed rule or gate."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from mlops_dagster.rules.nodes import Aggregate, ColumnRef, Node


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
