"""How much never-seen mass equal data would bring: the Good-Turing estimate by group."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def expected_unseen(codes: Ints, groups: Ints | None) -> tuple[float, float]:
    """Return the expected share of unseen values in a new group, and its spread between groups.

    A value that occurs in one group only would have been unseen there had that group come last, so
    the mass of such values estimates what a new group brings (Good 1953, Biometrika 40; groups in
    place of rows, since rows of a day share their values). The spread is the standard deviation of
    that mass between groups of the reference.

    Args:
        codes: Value of each row as a number, negative where missing.
        groups: Group of each row as 0..G-1; None takes each row as a group of its own.
    """
    present = codes >= 0
    codes = codes[present]
    if not len(codes):
        return 0.0, 0.0
    where = np.arange(len(codes)) if groups is None else groups[present]
    width = int(codes.max()) + 1
    pairs, counts = np.unique(where * width + codes, return_counts=True)
    pair_codes, pair_groups = pairs % width, pairs // width
    groups_of_value = np.bincount(pair_codes, minlength=width)
    alone = groups_of_value[pair_codes] == 1
    share = float(counts[alone].sum() / len(codes))
    if groups is None:
        return share, float(np.sqrt(share * (1 - share)))
    sizes = np.bincount(where)
    mass = np.bincount(pair_groups[alone], weights=counts[alone], minlength=len(sizes))
    by_group = mass[sizes > 0] / sizes[sizes > 0]
    return share, float(by_group.std(ddof=1)) if len(by_group) > 1 else 0.0
