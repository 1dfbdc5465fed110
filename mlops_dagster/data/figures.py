"""The number behind a rule about the data set, and the band in which it may lie. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mlops_dagster.data.numbers import failures_limit, history_band, input_band
from mlops_dagster.rules.nodes import Aggregate, Between, Comparator, Comparison, Literal, Node
from mlops_dagster.spec.rule_checks import (
    Agrees,
    Check,
    Condition,
    FailsAsUsual,
    History,
    SpreadAsIn,
)

_UNBOUND = (None, None)
_Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Figure:
    """A number that a rule looks at, with its bounds; None where there is none, or no single one.

    Attributes:
        value: The statistic of the batch.
        low: The smallest value that passes.
        high: The largest value that passes.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None


NO_FIGURE = Figure()


def figure_of(
    check: Check | None,
    *,
    value: float | None,
    numbers: Mapping[str, float],
    earlier: Sequence[float] = (),
    theirs: float | None = None,
) -> Figure:
    """Return what a rule about the data set looks at.

    Args:
        check: How its answer is found.
        value: The number of a statistic that is held against others.
        numbers: The statistics in a condition, by their texts.
        earlier: The numbers of earlier batches, newest first.
        theirs: The number of an input.
    """
    match check:
        case History(demand=demand):
            return _figure(value, history_band(demand, earlier) or _UNBOUND)
        case FailsAsUsual(demand=failures):
            return _figure(value, (None, failures_limit(failures, earlier)))
        case SpreadAsIn(demand=spread):
            return _figure(value, (None, spread.at_most))
        case Agrees(demand=agreement):
            return _figure(value, input_band(agreement, theirs) or _UNBOUND)
        case Condition(expression) if len(numbers) == 1:
            (number,) = numbers.values()
            return _figure(number, _bounds(expression.root))
    return NO_FIGURE


def _figure(value: float | None, band: _Bounds) -> Figure:
    low, high = band
    return Figure(finite(value), finite(low), finite(high))


def finite(value: float | None) -> float | None:
    """Return a number, or None for what is none."""
    return value if value is not None and math.isfinite(value) else None


def _bounds(root: Node) -> _Bounds:
    """Return the bounds that a condition of one statistic and numbers states."""
    if isinstance(root, Between) and isinstance(root.value, Aggregate):
        return _number(root.low), _number(root.high)
    if not isinstance(root, Comparison) or not isinstance(root.left, Aggregate):
        return _UNBOUND
    number = _number(root.right)
    low = root.comparator in (Comparator.GREATER, Comparator.GREATER_OR_EQUAL, Comparator.EQUAL)
    high = root.comparator in (Comparator.LESS, Comparator.LESS_OR_EQUAL, Comparator.EQUAL)
    return number if low else None, number if high else None


def _number(node: Node) -> float | None:
    if isinstance(node, Literal) and isinstance(node.value, int | float | Decimal):
        return None if isinstance(node.value, bool) else float(node.value)
    return None
