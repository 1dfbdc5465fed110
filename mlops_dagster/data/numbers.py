"""A number of a batch held against earlier ones, or against another table's. Pure."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from mlops_dagster.data.forecast import forecast
from mlops_dagster.spec.rule_demands import (
    Agreement,
    Change,
    Distribution,
    Forecast,
    Usual,
    UsualFailures,
)
from mlops_dagster.spec.rule_values import Tolerance

# Equal earlier values have no spread; sums of doubles still differ in their last digit.
_ROUNDING = 1e-9


def against_history(
    demand: Change | Usual | Forecast, value: float | None, earlier: Sequence[float]
) -> tuple[bool | None, str]:
    """Return whether a number is as earlier ones suggest, and a sentence; None is unknown.

    Args:
        demand: What is allowed.
        value: The number; None where the statistic has none.
        earlier: The same number of batches published before, newest first.
    """
    if value is None:
        return None, f"{demand.of} has no value"
    wanted = 1 if isinstance(demand, Change) else demand.at_least.count
    if len(earlier) < wanted:
        return True, (
            f"{demand.of} is {value:.6g}; {len(earlier)} earlier batches are known, "
            f"{wanted} are needed to compare"
        )
    if isinstance(demand, Change):
        before = earlier[0]
        said = f"{demand.of} is {value:.6g}, was {before:.6g}; allowed is a change of "
        return demand.at_most.allows(value - before, before), f"{said}{demand.at_most}"
    if isinstance(demand, Forecast):
        return _against_forecast(demand, value, earlier)
    mean, spread = _spread(earlier)
    reach = _reach(demand, mean, spread)
    said = (
        f"{demand.of} is {value:.6g}; the last {len(earlier)} have mean {mean:.6g} "
        f"and standard deviation {spread:.6g}, allowed are {demand.sigma:g} of these"
    )
    return math.isfinite(value) and abs(value - mean) <= reach, said


def history_band(
    demand: Change | Usual | Forecast, earlier: Sequence[float]
) -> tuple[float, float] | None:
    """Return between which numbers a statistic would be as earlier ones suggest.

    None while too few of them are known.
    """
    if len(earlier) < (1 if isinstance(demand, Change) else demand.at_least.count):
        return None
    if isinstance(demand, Change):
        return _around(demand.at_most, earlier[0])
    if isinstance(demand, Forecast):
        expected, reach, _ = _forecast(demand, earlier)
        return expected - reach, expected + reach
    mean, spread = _spread(earlier)
    reach = _reach(demand, mean, spread)
    return mean - reach, mean + reach


def input_band(demand: Agreement, theirs: float | None) -> tuple[float, float] | None:
    """Return between which numbers a statistic would agree with that of an input."""
    return None if theirs is None else _around(demand.within, theirs)


def _against_forecast(
    demand: Forecast, value: float, earlier: Sequence[float]
) -> tuple[bool | None, str]:
    expected, reach, spread = _forecast(demand, earlier)
    said = (
        f"{demand.of} is {value:.6g}; of the last {len(earlier)} {expected:.6g} is forecast, "
        f"which errs by {spread:.6g}, allowed are {demand.sigma:g} of these"
    )
    return math.isfinite(value) and abs(value - expected) <= reach, said


def _forecast(demand: Forecast, earlier: Sequence[float]) -> tuple[float, float, float]:
    """Return what is forecast, how far from it a number may lie, and the forecast's error."""
    season = 1 if demand.season is None else demand.season.count
    expected, spread = forecast(list(reversed(earlier)), season)
    return expected, demand.sigma * spread + _ROUNDING * abs(expected), spread


def failures_limit(demand: UsualFailures, earlier: Sequence[float]) -> float | None:
    """Return which share of rows may fail as earlier ones suggest; None while few are known."""
    if len(earlier) < demand.at_least.count:
        return None
    mean, spread = _spread(earlier)
    return mean + demand.sigma * spread + _ROUNDING


def against_failures(
    demand: UsualFailures, share: float | None, earlier: Sequence[float]
) -> tuple[bool | None, str]:
    """Return whether no more rows fail a rule than usual, and a sentence; None is unknown."""
    if share is None:
        return None, f"{demand.rule} could not be computed"
    limit = failures_limit(demand, earlier)
    if limit is None:
        return True, (
            f"{share:.3%} of the rows fail {demand.rule}; {len(earlier)} earlier batches are "
            f"known, {demand.at_least.count} are needed to compare"
        )
    mean, spread = _spread(earlier)
    said = (
        f"{share:.3%} of the rows fail {demand.rule}; in the last {len(earlier)} batches "
        f"{mean:.3%} did, with a standard deviation of {spread:.3%}, allowed are "
        f"{demand.sigma:g} of these above"
    )
    return share <= limit, said


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


def _around(allowed: Tolerance, base: float) -> tuple[float, float]:
    reach = allowed.reach(base)
    return base - reach, base + reach


def _spread(earlier: Sequence[float]) -> tuple[float, float]:
    return fmean(earlier), stdev(earlier) if len(earlier) > 1 else 0.0


def _reach(demand: Usual, mean: float, spread: float) -> float:
    return demand.sigma * spread + _ROUNDING * abs(mean)
