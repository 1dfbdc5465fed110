"""Distances between two rows of counts on the same cells, each with what it is exact for."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Added to each cell before taking logarithms: half a row, as in Jeffreys' prior. Keeps the index
# finite on empty cells and vanishes as rows grow; a fixed share such as 0.0001 would not.
PSI_PSEUDO_COUNT = 0.5
PSI_GROUPS = 10


class Bounds(NamedTuple):
    """The true distance lies in low..high."""

    low: float
    high: float


def ks_bounds(edges: Floats, reference: Counts, window: Counts) -> Bounds:
    """Return bounds of the Kolmogorov-Smirnov distance of the values behind two rows of counts.

    At an edge both distribution functions are known exactly, so the largest difference there is
    `low`. Inside a cell each can only move between its two edges, which gives `high`; a cell of a
    single value has no inside. The gap is at most the largest min(mass, mass) of a cell.
    """
    below = np.cumsum(_shares(reference)), np.cumsum(_shares(window))
    before = np.concatenate([[0.0], below[0][:-1]]), np.concatenate([[0.0], below[1][:-1]])
    low = float(np.abs(below[0] - below[1]).max())
    wide = np.ones(len(reference), np.bool_)
    wide[1:-1] = edges[1:] > np.nextafter(edges[:-1], np.inf)
    inside = np.maximum(below[0] - before[1], below[1] - before[0])[wide]
    return Bounds(low, min(1.0, max(low, float(inside.max()))))


def total_variation(reference: Counts, window: Counts) -> float:
    """Return half the sum of absolute differences of shares; exact on these cells, 0..1."""
    return float(np.abs(_shares(reference) - _shares(window)).sum() / 2)


def l_infinity(reference: Counts, window: Counts) -> float:
    """Return the largest absolute difference of shares; exact on these cells, 0..1."""
    return float(np.abs(_shares(reference) - _shares(window)).max())


def jensen_shannon(reference: Counts, window: Counts) -> float:
    """Return the Jensen-Shannon distance to base 2 (the root of the divergence); 0..1."""
    p, q = _shares(reference), _shares(window)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return float(np.sqrt(max(0.0, divergence)))


def population_stability_index(reference: Counts, window: Counts) -> float:
    """Return sum (p - q) ln(p / q) with half a row added to each cell (natural logarithm)."""
    p = _shares(reference + PSI_PSEUDO_COUNT)
    q = _shares(window + PSI_PSEUDO_COUNT)
    return float(((p - q) * np.log(p / q)).sum())


def equal_mass_groups(reference: Counts, groups: int = PSI_GROUPS) -> NDArray[np.int64]:
    """Return the group of each cell when neighbouring cells are merged to about equal mass.

    What the reference never held joins the outer groups. A cell with more mass than a group stays
    whole, so there may be fewer groups than asked for.
    """
    total = reference.sum()
    middle = np.cumsum(reference) - reference / 2
    found = np.floor(groups * middle / max(total, 1)).astype(np.int64).clip(0, groups - 1)
    return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)


def merged(counts: Counts, groups: NDArray[np.int64]) -> Counts:
    """Return the counts of groups of cells."""
    return np.bincount(groups, weights=counts, minlength=int(groups.max()) + 1).astype(np.int64)


def wasserstein_bounds(
    edges: Floats,
    reference: tuple[Counts, Floats],
    window: tuple[Counts, Floats],
) -> Bounds:
    """Return bounds of the Wasserstein-1 distance of values clipped to the reference's 5 %..95 %.

    Counts and sums give the integral of F - G over a cell exactly; its absolute value bounds the
    cell from below, its width times the largest possible gap from above. Clipping keeps a single
    huge value from deciding; what lies outside shows in the Kolmogorov-Smirnov distance and the
    out-of-range share.

    Args:
        edges: Edges of the cells, at least two.
        reference: Counts and sums of the reference by cell.
        window: Counts and sums of the window by cell.
    """
    f, g = np.cumsum(_shares(reference[0])), np.cumsum(_shares(window[0]))
    first = int(np.searchsorted(f[:-1], 0.05))
    last = max(first, int(np.searchsorted(f[:-1], 0.95)))
    low = high = 0.0
    for cell in range(first + 1, min(last, len(edges) - 1) + 1):
        a, b = float(edges[cell - 1]), float(edges[cell])
        inner = _integral(a, b, f[cell - 1 : cell + 1], _mean_part(reference, cell))
        outer = _integral(a, b, g[cell - 1 : cell + 1], _mean_part(window, cell))
        gap = max(float(f[cell] - g[cell - 1]), float(g[cell] - f[cell - 1]))
        low += abs(inner - outer)
        high += max(abs(inner - outer), (b - a) * gap)
    return Bounds(low, high)


def spread(edges: Floats, reference: Counts) -> float:
    """Return the reference's interquartile range from its cells; 5 %..95 % where that is zero."""
    below = np.cumsum(_shares(reference))[:-1]

    def quantile(share: float) -> float:
        return float(edges[min(int(np.searchsorted(below, share)), len(edges) - 1)])

    width = quantile(0.75) - quantile(0.25)
    return width if width > 0 else quantile(0.95) - quantile(0.05)


def _integral(a: float, b: float, below: Floats, mean_part: float) -> float:
    """Return the integral of a distribution function over (a, b] by parts."""
    return float(b * below[1] - a * below[0] - mean_part)


def _mean_part(sample: tuple[Counts, Floats], cell: int) -> float:
    return float(sample[1][cell] / max(sample[0].sum(), 1))


def _shares(counts: NDArray[np.int64] | Floats) -> Floats:
    return np.asarray(counts / max(float(counts.sum()), 1e-300), dtype=np.float64)


def _relative_entropy(p: Floats, q: Floats) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())
