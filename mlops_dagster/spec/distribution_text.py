"""Distances of distributions as texts of the rule language."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise

from mlops_dagster.spec.rule_demands import Distribution
from mlops_dagster.spec.rule_texts import column_text, number_text, value_text
from mlops_dagster.spec.rule_values import Distance

# A share of nothing has no logarithm.
_LEAST = 0.0001
# The text of a share, and what is expected of it.
_Found = tuple[str, float]


def distribution_text(demand: Distribution) -> str:
    """Return the distance of a distribution from what is expected, as a condition."""
    if demand.distance is Distance.KS:
        distance = _ks_text(demand)
    else:
        distance = _DISTANCES[demand.distance](_shares(demand))
    return f"{distance} <= {number_text(demand.at_most)}"


def _total_variation(shares: Sequence[_Found]) -> str:
    parts = [f"abs({found} - {number_text(expected)})" for found, expected in shares]
    return f"({' + '.join(parts)}) / 2"


def _psi(shares: Sequence[_Found]) -> str:
    return " + ".join(
        f"({_floored(found)} - {_least(expected)}) * ln({_floored(found)} / {_least(expected)})"
        for found, expected in shares
    )


def _kl(shares: Sequence[_Found]) -> str:
    # The limit of f ln f at nothing is nothing: there the first factor stays what it is.
    return " + ".join(
        f"{found} * ln({_floored(found)} / {_least(expected)})" for found, expected in shares
    )


def _chi_square(shares: Sequence[_Found]) -> str:
    return " + ".join(
        f"({found} - {number_text(expected)}) * ({found} - {number_text(expected)})"
        f" / {_least(expected)}"
        for found, expected in shares
    )


def _floored(found: str) -> str:
    return f"greatest({found}, {_LEAST})"


def _least(expected: float) -> str:
    return number_text(max(expected, _LEAST))


def _shares(demand: Distribution) -> list[_Found]:
    """Return each share as a text, and what is expected of it; the last is that of all others."""
    column = column_text(demand.column)
    if demand.expected:
        listed = ", ".join(map(value_text, demand.expected))
        return [
            *(
                (f"share({column} = {value_text(value)})", share)
                for value, share in demand.expected.items()
            ),
            # What is none of the values, or null.
            (f"(1 - share({column} in ({listed})))", 0.0),
        ]
    edges = [number_text(edge) for edge in demand.edges]
    bins = [
        f"{column} < {edges[0]}",
        *(f"{column} >= {low} and {column} < {high}" for low, high in pairwise(edges)),
        f"{column} >= {edges[-1]}",
    ]
    found = [(f"share({test})", share) for test, share in zip(bins, demand.shares, strict=True)]
    return [*found, (f"share({column} is null)", 0.0)]


def _ks_text(demand: Distribution) -> str:
    """Return the largest difference of the two distribution functions, below each edge."""
    column = column_text(demand.column)
    parts = [
        f"abs(share({column} < {number_text(edge)}) - {number_text(round(below, 12))})"
        for edge, below in zip(demand.edges, accumulate(demand.shares), strict=False)
    ]
    return parts[0] if len(parts) == 1 else f"greatest({', '.join(parts)})"


_DISTANCES: Mapping[Distance, Callable[[Sequence[_Found]], str]] = {
    Distance.TOTAL_VARIATION: _total_variation,
    Distance.PSI: _psi,
    Distance.KL: _kl,
    Distance.CHI_SQUARE: _chi_square,
}
