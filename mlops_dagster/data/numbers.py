"""A number of a batch held against earlier ones, or against another table's. Pure."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from mlops_dagster.spec.rule_demands import Agreement, Change, Distribution, Usual

# Equal earlier values have no spread; sums of doubles still differ in their last digit.
_ROUNDING = 1e-9


def against_history(
    demand: Change | Usual, value: float | None, earlier: Sequence[float]
) -> tuple[bool | None, str]:
    """Return whether a number is as earlier ones suggest, and a sentence; None is unknown.

    Args:
        demand: What is allowed.
        value: The number; None where the statistic has none.
        earlier: The same number of batches published before, newest first.
    """
    if value is None:
        return None, f"{demand.of} has no value"
    wanted = demand.at_least.count if isinstance(demand, Usual) else 1
    if len(earlier) < wanted:
        return True, (
            f"{demand.of} is {value:.6g}; {len(earlier)} earlier batches are known, "
            f"{wanted} are needed to compare"
        )
    if isinstance(demand, Change):
        before = earlier[0]
        said = f"{demand.of} is {value:.6g}, was {before:.6g}; allowed is a change of "
        return demand.at_most.allows(value - before, before), f"{said}{demand.at_most}"
    mean, spread = fmean(earlier), stdev(earlier) if len(earlier) > 1 else 0.0
    reach = demand.sigma * spread + _ROUNDING * abs(mean)
    said = (
        f"{demand.of} is {value:.6g}; the last {len(earlier)} have mean {mean:.6g} "
        f"and standard deviation {spread:.6g}, allowed are {demand.sigma:g} of these"
    )
    return math.isfinite(value) and abs(value - mean) <= reach, said


def against_input(
    demand: Agreement, value: float | None, theirs: float | None
) -> tuple[bool | None, str]:
    """Return whether a number agrees with that of an input, and a sentence; None is unknown."""
    its = f"{demand.its or demand.of} of {demand.input}"
    if value is None or theirs is None:
        missing = demand.of if value is None else its
        return None, f"{missing} has no value"
    within = "" if demand.within.value == 0 else f"; allowed is a difference of {demand.within}"
    said = f"{demand.of} is {value:.10g}, {its} is {theirs:.10g}{within}"
    return demand.within.allows(value - theirs, theirs), said


def against_spread(demand: Distribution, distance: float | None) -> tuple[bool | None, str]:
    """Return whether a distribution is near that of an input, and a sentence; None is unknown."""
    if distance is None:
        return None, f"{demand.column} or {demand.as_in} has no rows"
    said = f"the {demand.distance.value} of {demand.column} from {demand.as_in} is {distance:.6g}"
    return distance <= demand.at_most, f"{said}; allowed is {demand.at_most:g}"
