"""How much rows of one group (a day) resemble each other: the design effect of a column.

Flights of one day share the weather, so a thousand of them say less than a thousand independent
ones. The design effect is the variance of a share estimated from groups, over the variance it would
have if rows were independent (Kish, Survey Sampling, 1965); tests divide their sample sizes by it.
For the cells of a column it is the mean generalised design effect, with the number of cells that
vary on their own for the second-order correction (Rao and Scott, 1984, Annals of Statistics 12).
"""

import numpy as np
from numpy.typing import NDArray

from mlops_dagster.monitoring.payload import Payload

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Dependence(Payload):
    """Design effects of one column in the reference; 1 means that rows are as good as independent.

    Args:
        groups: Number of groups they were estimated from; 0 when rows are taken as independent.
        cumulative: For shares below a value (Kolmogorov-Smirnov).
        cells: For the shares of cells (chi-squared).
        free_cells: Number of cells that vary on their own, at most cells - 1; None without groups.
        missing: For the share of missing values.
    """

    groups: int = 0
    cumulative: float = 1.0
    cells: float = 1.0
    free_cells: float | None = None
    missing: float = 1.0


INDEPENDENT = Dependence()


def estimate_dependence(cells: Ints, groups: Ints | None, width: int) -> Dependence:
    """Return the design effects of a column.

    Args:
        cells: Cell of each row, negative where the value is missing; shape (rows,).
        groups: Group of each row as 0..G-1; None or a single group means independent rows.
        width: Number of cells.
    """
    count = 0 if groups is None or not len(groups) else int(groups.max()) + 1
    if groups is None or count < 2:
        return INDEPENDENT
    present = cells >= 0
    table = np.bincount(groups[present] * width + cells[present], minlength=count * width)
    by_group = table.reshape(count, width).astype(np.float64)
    sizes = np.bincount(groups, minlength=count).astype(np.float64)
    absent = sizes - by_group.sum(axis=1)
    cell_effect, free_cells = _cell_effect(by_group)
    return Dependence(
        groups=count,
        cumulative=_cumulative_effect(by_group),
        cells=cell_effect,
        free_cells=free_cells,
        missing=_share_effect(absent[:, None], sizes),
    )


def _share_effect(numerators: Floats, sizes: Floats) -> float:
    """Return the variance of ratio estimates over the binomial one, each summed over columns."""
    total = sizes.sum()
    if total == 0:
        return 1.0
    shares = numerators.sum(axis=0) / total
    binomial = float((shares * (1 - shares)).sum())
    if binomial <= 0:
        return 1.0
    residuals = numerators - np.outer(sizes, shares)
    correction = len(sizes) / (len(sizes) - 1)
    return max(1.0, float(correction * (residuals**2).sum() / total / binomial))


def _cumulative_effect(by_group: Floats) -> float:
    return _share_effect(np.cumsum(by_group, axis=1)[:, :-1], by_group.sum(axis=1))


def _cell_effect(by_group: Floats) -> tuple[float, float | None]:
    """Return the mean generalised design effect and the effective number of free cells."""
    sizes = by_group.sum(axis=1)
    total = sizes.sum()
    held = by_group.sum(axis=0) > 0
    if total == 0 or held.sum() < 2:
        return 1.0, None
    shares = by_group.sum(axis=0)[held] / total
    scaled = (by_group[:, held] - np.outer(sizes, shares)) / np.sqrt(shares * total)
    scaled *= np.sqrt(len(sizes) / (len(sizes) - 1))
    gram = scaled @ scaled.T if scaled.shape[0] <= scaled.shape[1] else scaled.T @ scaled
    trace = float(np.trace(gram))
    squares = float((gram**2).sum())
    if trace <= 0 or squares <= 0:
        return 1.0, None
    free = min(trace * trace / squares, float(held.sum() - 1))
    return max(1.0, trace / float(held.sum() - 1)), max(1.0, free)
