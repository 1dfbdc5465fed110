"""A parsed rule or gate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from mlops_dagster.rules.kinds import Kind
from mlops_dagster.rules.nodes import (
    Aggregate,
    And,
    ColumnRef,
    FunctionCall,
    Interval,
    Moment,
    MomentName,
    Node,
    Or,
)


@dataclass(frozen=True)
class Expression:
    """A parsed rule, gate or statistic. Two expressions of the same text are equal.

    `kind` is what its value must be: a condition, or the number of a statistic.
    """

    text: str
    root: Node = field(compare=False, repr=False)
    kind: Kind = Kind.BOOLEAN

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every column named in the rule (in a gate: every metric)."""
        return frozenset(node.name for node in walk(self.root) if isinstance(node, ColumnRef))

    @cached_property
    def aggregates(self) -> bool:
        """True when the rule is about the data set, false when it is about each row."""
        return any(isinstance(node, Aggregate) for node in walk(self.root))

    @cached_property
    def moments(self) -> frozenset[MomentName]:
        """The instants of the batch that the rule names."""
        return frozenset(node.name for node in walk(self.root) if isinstance(node, Moment))

    @cached_property
    def reads_rows(self) -> bool:
        """Whether rows must be read: false for what is only about the number of columns."""
        return any(
            isinstance(node, ColumnRef)
            or (isinstance(node, Aggregate) and node.name != "column_count")
            for node in walk(self.root)
        )

    def source(self, node: Node) -> str:
        """Return the text that a node was read from."""
        return self.text[node.span.start : node.span.end]


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all below it, parents first."""
    yield node
    for child in node.children:
        yield from walk(child)


def replaced(node: Node, change: Callable[[Node], Node | None]) -> Node:
    """Return the tree with other nodes in some places; `change` gives None for what stays."""
    other = change(node)
    if other is not None:
        return other
    parts: dict[str, Any] = {part.name: getattr(node, part.name) for part in fields(node)}
    changed = {name: _replaced_part(value, change) for name, value in parts.items()}
    return replace(node, **changed)


def _replaced_part(part: Any, change: Callable[[Node], Node | None]) -> Any:
    if isinstance(part, Node):
        return replaced(part, change)
    if isinstance(part, tuple):
        return tuple(_replaced_part(one, change) for one in part)
    return part


def is_innermost(node: Node) -> bool:
    """Tell whether a node is a statistic of rows alone, not of other statistics."""
    return isinstance(node, Aggregate) and not any(
        isinstance(inner, Aggregate) for child in node.children for inner in walk(child)
    )


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


# What is computed of a text in many steps, one within the other.
_DEEP = frozenset({"in_network", "is_iban", "is_json", "json_has", "json_type", "mentions"})


def _levels(node: Node) -> int:
    match node:
        case And() | Or():
            return len(node.operands).bit_length()
        case Aggregate():
            return 5
        case FunctionCall(name=name) if name in _DEEP:
            return 14
        case FunctionCall():
            return 3
        case Interval():
            return 1 + len(node.parts)
    return 1
