"""Bins of a column's values: tests of the rule language that each row passes at most one of.

Distances of the shares found in the bins from those expected are computed here, in plain Python.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from mlops_dagster.rules import Expression
from mlops_dagster.rules.kinds import Kind
from mlops_dagster.rules.nodes import (
    Aggregate,
    And,
    ColumnRef,
    Comparator,
    Comparison,
    InList,
    IsNull,
    Literal,
    Node,
    Not,
    Scalar,
)
from mlops_dagster.rules.places import Span
from mlops_dagster.spec.rule_values import Distance

# A share of nothing has no logarithm.
_LEAST = 0.0001
_NOWHERE = Span(0, 0)


@dataclass(frozen=True)
class Bins:
    """Bins and the shares of an earlier or another table's rows in them.

    Attributes:
        shares: The share of each bin, as a statistic.
        expected: The shares of the other table; None where it has no rows.
    """

    shares: tuple[Expression, ...]
    expected: tuple[float, ...] | None = None


def number_bins(column: str, edges: Sequence[float]) -> Bins:
    """Return the bins below the first edge, from each to the next, from the last on, and null."""
    value = ColumnRef(span=_NOWHERE, name=column)
    at = [_literal(edge) for edge in edges]
    tests: list[Node] = [_test(value, Comparator.LESS, edge) for edge in at[:1]]
    tests += [
        And(
            span=_NOWHERE,
            operands=(
                _test(value, Comparator.GREATER_OR_EQUAL, low),
                _test(value, Comparator.LESS, high),
            ),
        )
        for low, high in pairwise(at)
    ]
    tests += [_test(value, Comparator.GREATER_OR_EQUAL, edge) for edge in at[-1:]]
    return Bins(_shares([*tests, IsNull(span=_NOWHERE, value=value)]))


def text_bins(column: str, values: Sequence[str]) -> Bins:
    """Return a bin for each of these values, one for all others, and one for null."""
    value = ColumnRef(span=_NOWHERE, name=column)
    options = tuple(map(_literal, values))
    tests: list[Node] = [_test(value, Comparator.EQUAL, option) for option in options]
    if options:
        listed = InList(span=_NOWHERE, value=value, options=options)
        tests.append(Not(span=_NOWHERE, value=listed))
    return Bins(_shares([*tests, IsNull(span=_NOWHERE, value=value)]))


def distance_of(kind: Distance, found: Sequence[float], expected: Sequence[float]) -> float:
    """Return how far shares are from those expected; `Distribution` says how each is measured."""
    pairs = list(zip(found, expected, strict=True))
    if kind is Distance.TOTAL_VARIATION:
        return sum(abs(one - other) for one, other in pairs) / 2
    if kind is Distance.KS:
        # The last bin is that of nulls, which have no order.
        below = zip(accumulate(found[:-1]), accumulate(expected[:-1]), strict=True)
        return max(abs(one - other) for one, other in below)
    floored = [(max(one, _LEAST), max(other, _LEAST)) for one, other in pairs]
    if kind is Distance.PSI:
        return sum((one - other) * math.log(one / other) for one, other in floored)
    if kind is Distance.KL:
        return sum(
            share * math.log(one / other)
            for share, (one, other) in zip(found, floored, strict=True)
        )
    return sum((one - other) ** 2 / max(other, _LEAST) for one, other in pairs)


def _test(value: Node, comparator: Comparator, other: Node) -> Comparison:
    return Comparison(span=_NOWHERE, comparator=comparator, left=value, right=other)


def _literal(value: Scalar) -> Literal:
    return Literal(span=_NOWHERE, value=value)


def _shares(tests: Sequence[Node]) -> tuple[Expression, ...]:
    return tuple(
        Expression(
            text=f"share of bin {number}",
            root=Aggregate(span=_NOWHERE, name="share", argument=test),
            kind=Kind.NUMBER,
        )
        for number, test in enumerate(tests)
    )
