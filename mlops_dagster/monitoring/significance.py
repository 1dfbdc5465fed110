"""Is a difference more than noise? Closed forms for dependent rows, and false discovery rates.

Sample sizes are divided by the design effect of the column (see `dependence`). That is an estimate
from G groups, so its uncertainty is carried along as in a t test: with few groups the same distance
is less significant. No random numbers: equal counts always give equal p-values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Counts = NDArray[np.int64]

# Cells expected to hold fewer effective rows than this are pooled (Cochran 1954, Biometrics 10).
COCHRAN_ROWS = 5.0

# Points at which the uncertainty of a design effect is averaged.
_POINTS = (np.arange(400) + 0.5) / 400


def ks_p_value(
    distance: float, *, reference_rows: int, window_rows: int, effect: float, groups: int
) -> float:
    """Return the probability of a Kolmogorov-Smirnov distance this large between equal sources.

    Kolmogorov's limit with Stephens' small-sample correction (1970, JRSS B 32) on effective rows,
    averaged over the chi-squared uncertainty of the design effect.

    Args:
        distance: The distance, or its lower bound for a conservative answer.
        reference_rows: Values in the reference.
        window_rows: Values in the window.
        effect: Design effect of cumulative shares, at least 1.
        groups: Groups it was estimated from; 0 for known independence.
    """
    if not reference_rows or not window_rows:
        return 1.0
    rows = reference_rows * window_rows / (reference_rows + window_rows) / effect
    freedom = groups - 1
    scale = stats.chi2.ppf(_POINTS, freedom) / freedom if groups > 1 else np.ones(1)
    roots = np.sqrt(rows * scale)
    return float(np.mean(special.kolmogorov((roots + 0.12 + 0.11 / roots) * distance)))


def chi_squared(reference: Counts, window: Counts, *, effect: float) -> tuple[float, int]:
    """Return the Rao-Scott corrected two-sample statistic and its degrees of freedom.

    Cells with fewer than five expected effective rows on a side are pooled into one.

    Args:
        reference: Counts by cell.
        window: Counts by cell.
        effect: Mean design effect of the cells.
    """
    n, m = int(reference.sum()), int(window.sum())
    if not n or not m:
        return 0.0, 0
    expected = (reference + window) * (min(n, m) / (n + m)) / effect
    small = expected < COCHRAN_ROWS
    a = np.append(reference[~small], reference[small].sum())
    b = np.append(window[~small], window[small].sum())
    held = (a + b) > 0
    a, b = a[held], b[held]
    root = np.sqrt(m / n)
    statistic = float((((a * root - b / root) ** 2) / (a + b)).sum())
    return statistic / effect, len(a) - 1


def chi_squared_p_value(
    statistic: float, freedom: int, *, free_cells: float | None, groups: int
) -> float:
    """Return the probability of a corrected statistic this large between equal sources.

    With groups the second-order correction: the statistic per degree of freedom is compared with
    an F distribution on as many cells as vary on their own (Rao and Scott 1984, Thomas and Rao
    1987, JASA 82).
    """
    if freedom < 1:
        return 1.0
    if groups < 2 or free_cells is None:
        return float(special.chdtrc(freedom, statistic))
    free = min(float(freedom), free_cells)
    return float(stats.f.sf(statistic / freedom, free, free * (groups - 1)))


def expected_total_variation(reference: Counts, window: Counts, *, effect: float) -> float:
    """Return the total variation that equal sources would show, by normal approximation."""
    n, m = float(reference.sum()), float(window.sum())
    if not n or not m:
        return 0.0
    shares = (reference + window) / (n + m)
    deviation = np.sqrt(effect * shares * (1 - shares) * (1 / n + 1 / m))
    return float(np.sqrt(2 / np.pi) * deviation.sum() / 2)


def share_p_value(
    reference: tuple[int, int], window: tuple[int, int], *, effect: float, groups: int
) -> float:
    """Return the two-sided probability of two shares this far apart between equal sources.

    Args:
        reference: Rows that count and all rows.
        window: The same of the window.
        effect: Design effect of the share.
        groups: Groups it was estimated from; 0 for known independence.
    """
    (a, n), (b, m) = reference, window
    if not n or not m:
        return 1.0
    pooled = (a + b) / (n + m)
    variance = effect * pooled * (1 - pooled) * (1 / n + 1 / m)
    return _two_sided(abs(a / n - b / m), variance, groups)


def mean_p_value(difference: float, *, variance: float, groups: int) -> float:
    """Return the one-sided probability that a mean exceeds its expectation by this much."""
    if difference <= 0:
        return 1.0
    return _two_sided(difference, variance, groups) / 2


def q_values(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the false discovery rate at which each test would be called (Benjamini-Hochberg)."""
    if not p_values:
        return ()
    return tuple(float(q) for q in stats.false_discovery_control(p_values, method="bh"))


def _two_sided(difference: float, variance: float, groups: int) -> float:
    if difference == 0:
        return 1.0
    if variance <= 0:
        return 0.0
    score = difference / np.sqrt(variance)
    return float(2 * (stats.t.sf(score, groups - 1) if groups > 1 else stats.norm.sf(score)))
