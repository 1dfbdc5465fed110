"""Compares one column of a window with the reference: distances, and changes with p-values."""

from dataclasses import dataclass

import numpy as np

from mlops_dagster.monitoring.counts import CategoryCounts, NumericCounts
from mlops_dagster.monitoring.distances import (
    equal_mass_groups,
    jensen_shannon,
    ks_bounds,
    l_infinity,
    merged,
    population_stability_index,
    spread,
    total_variation,
    wasserstein_bounds,
)
from mlops_dagster.monitoring.grid import CategoryGrid, NumericGrid
from mlops_dagster.monitoring.report import Distances, Measure
from mlops_dagster.monitoring.significance import (
    chi_squared,
    chi_squared_p_value,
    expected_total_variation,
    ks_p_value,
    mean_p_value,
    share_p_value,
)


@dataclass(frozen=True)
class Change:
    """A measured change with its p-value, before any threshold."""

    measure: Measure
    effect: float
    effect_bound: float
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """Distances and changes of one column."""

    distances: Distances
    changes: tuple[Change, ...]


def slice_effect(effect: float, share: float) -> float:
    """Return the design effect within a slice that holds a share of the rows.

    A group brings the slice that share of its rows, and the effect grows with the rows a group
    brings: 1 + (rows - 1) x correlation (Kish 1965).
    """
    return 1.0 + (effect - 1.0) * min(1.0, share)


def compare_numeric(
    grid: NumericGrid, reference: NumericCounts, window: NumericCounts, *, share: float
) -> Comparison:
    """Compare numeric values on the baseline's cells.

    Args:
        grid: The column's cells.
        reference: Its counts in the reference, of the same slice.
        window: Its counts in the window.
        share: Share of the reference's rows that the slice holds.
    """
    a, b = np.array(reference.counts, np.int64), np.array(window.counts, np.int64)
    bounds = ks_bounds(np.array(grid.edges), a, b)
    groups = equal_mass_groups(a)
    dependence = grid.dependence
    p_value = ks_p_value(
        bounds.low,
        reference_rows=reference.present,
        window_rows=window.present,
        effect=slice_effect(dependence.cumulative, share),
        groups=dependence.groups,
    )
    distances = Distances(
        ks_low=bounds.low,
        ks_high=bounds.high,
        psi=population_stability_index(merged(a, groups), merged(b, groups)),
        js=jensen_shannon(merged(a, groups), merged(b, groups)),
    )
    distances = distances.model_copy(update=_wasserstein(grid, reference, window))
    changes = (
        Change("ks", bounds.low, bounds.high, p_value),
        _missing(grid, reference, window, share=share),
    )
    return Comparison(distances, changes)


def compare_categorical(
    grid: CategoryGrid, reference: CategoryCounts, window: CategoryCounts, *, share: float
) -> Comparison:
    """Compare categories on the baseline's cells; never-seen values are a change of their own.

    Args:
        grid: The column's cells.
        reference: Its counts in the reference, of the same slice.
        window: Its counts in the window.
        share: Share of the reference's rows that the slice holds.
    """
    a, b = np.array(reference.counts[:-1], np.int64), np.array(window.counts[:-1], np.int64)
    changes = [_missing(grid, reference, window, share=share)]
    if grid.complete:
        changes.append(_unseen(grid, reference, window))
    if not len(a) or not a.sum() or not b.sum():
        return Comparison(Distances(), tuple(changes))
    dependence = grid.dependence
    effect = slice_effect(dependence.cells, share)
    statistic, freedom = chi_squared(a, b, effect=effect)
    tv = total_variation(a, b)
    p_value = chi_squared_p_value(
        statistic, freedom, free_cells=dependence.free_cells, groups=dependence.groups
    )
    excess = max(0.0, tv - expected_total_variation(a, b, effect=effect))
    distances = Distances(
        psi=population_stability_index(a, b),
        js=jensen_shannon(a, b),
        tv=tv,
        l_infinity=l_infinity(a, b),
        chi_squared=statistic,
    )
    return Comparison(distances, (Change("tv", excess, tv, p_value), *changes))


def unseen_share(counts: CategoryCounts) -> float:
    """Return the share of present values that the reference never held."""
    return counts.unseen / counts.present if counts.present else 0.0


def out_of_range_share(counts: NumericCounts) -> float:
    """Return the share of present values below the reference's minimum or above its maximum."""
    outside = counts.counts[0] + counts.counts[-1] if len(counts.counts) > 1 else 0
    return outside / counts.present if counts.present else 0.0


def missing_share(counts: NumericCounts | CategoryCounts) -> float:
    """Return the share of rows without a value."""
    return counts.missing / counts.rows if counts.rows else 0.0


def _missing(
    grid: NumericGrid | CategoryGrid,
    reference: NumericCounts | CategoryCounts,
    window: NumericCounts | CategoryCounts,
    *,
    share: float,
) -> Change:
    p_value = share_p_value(
        (reference.missing, reference.rows),
        (window.missing, window.rows),
        effect=slice_effect(grid.dependence.missing, share),
        groups=grid.dependence.groups,
    )
    effect = abs(missing_share(window) - missing_share(reference))
    return Change("missing", effect, effect, p_value)


def _unseen(grid: CategoryGrid, reference: CategoryCounts, window: CategoryCounts) -> Change:
    """Compare never-seen mass with what an equal source would bring.

    A reference in which every value occurred in several groups expects nothing new, and is as sure
    of that as one more effective row would allow (the rule of succession): a column that is equal
    within a day has as many effective rows as days.
    """
    dependence = grid.dependence
    before = max(1.0, reference.present / dependence.cells)
    now = max(1.0, window.present / dependence.cells)
    expected = max(grid.expected_unseen, 1 / before)
    excess = max(0.0, unseen_share(window) - expected)
    pooled = (before * expected + now * unseen_share(window)) / (before + now)
    binomial = pooled * (1 - pooled) * (1 / before + 1 / now)
    between = 0.0
    if dependence.groups and reference.present:
        window_groups = max(1.0, window.present * dependence.groups / reference.present)
        between = grid.unseen_spread**2 * (1 / dependence.groups + 1 / window_groups)
    p_value = mean_p_value(excess, variance=max(binomial, between), groups=dependence.groups)
    return Change("unseen", excess, excess, p_value)


def _wasserstein(
    grid: NumericGrid, reference: NumericCounts, window: NumericCounts
) -> dict[str, float]:
    edges = np.array(grid.edges)
    if len(edges) < 2 or not reference.finite or not window.finite:
        return {}
    a = np.array(reference.counts, np.int64)
    bounds = wasserstein_bounds(
        edges,
        (a, np.array(reference.sums)),
        (np.array(window.counts, np.int64), np.array(window.sums)),
    )
    if not np.isfinite(bounds.low + bounds.high):
        return {}
    scale = spread(edges, a)
    found = {"wasserstein_low": bounds.low, "wasserstein_high": bounds.high}
    return {**found, "wasserstein_per_spread": bounds.low / scale} if scale > 0 else found
