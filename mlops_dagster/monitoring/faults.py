"""Signs of broken data, as opposed to a changed world: they alert and block a retraining."""

from collections.abc import Iterator

import numpy as np

from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.compare import missing_share, unseen_share
from mlops_dagster.monitoring.counts import CategoryCounts, NumericCounts, Profile
from mlops_dagster.monitoring.grid import CategoryGrid, NumericGrid
from mlops_dagster.monitoring.significance import share_p_value
from mlops_dagster.monitoring.summaries import Fault, FaultKind
from mlops_dagster.monitoring.thresholds import Thresholds
from mlops_dagster.monitoring.words import number, percent

Grid = NumericGrid | CategoryGrid
Counts = NumericCounts | CategoryCounts


def find_faults(baseline: Baseline, window: Profile, thresholds: Thresholds) -> tuple[Fault, ...]:
    """Return the faults of a window over all rows; slices are not looked at."""
    faults = [*_volume(baseline, window, thresholds), *_columns_unusable(window)]
    if window.rows < thresholds.minimum_values:
        return tuple(faults)
    grids = {grid.name: grid for grid in baseline.grid.columns}
    references = {counts.column: counts for counts in baseline.reference.overall.columns}
    for counts in window.overall.columns:
        grid, reference = grids[counts.column], references[counts.column]
        faults += _missing(grid, reference, counts, thresholds)
        faults += _constant(grid, counts, thresholds)
        if isinstance(grid, CategoryGrid) and isinstance(counts, CategoryCounts):
            faults += _unseen(grid, counts, thresholds)
        if isinstance(reference, NumericCounts) and isinstance(counts, NumericCounts):
            faults += _infinite(reference, counts, thresholds)
    return tuple(faults)


def _volume(baseline: Baseline, window: Profile, thresholds: Thresholds) -> Iterator[Fault]:
    usual = baseline.rows_per_window
    if window.rows == 0:
        text = "the window has no rows"
        yield Fault(kind=FaultKind.VOLUME, effect=0.0, threshold=1.0, text=text)
        return
    if not usual:
        return
    ratio = window.rows / usual
    limit = thresholds.volume_low if ratio < 1 else thresholds.volume_high
    if ratio < thresholds.volume_low or ratio > thresholds.volume_high:
        text = f"{window.rows:,} rows against {usual:,.0f} in a usual window"
        yield Fault(kind=FaultKind.VOLUME, effect=ratio, threshold=limit, text=text)


def _columns_unusable(window: Profile) -> Iterator[Fault]:
    for name in window.absent:
        yield Fault(
            kind=FaultKind.ABSENT_COLUMN,
            column=name,
            effect=1.0,
            threshold=0.0,
            text=f"{name} is not in the window's rows",
        )
    for wrong in window.wrong_types:
        yield Fault(
            kind=FaultKind.WRONG_TYPE,
            column=wrong.column,
            effect=1.0,
            threshold=0.0,
            text=f"{wrong.column} has type {wrong.found}, expected {wrong.expected}",
        )


def _missing(
    grid: Grid, reference: Counts, window: Counts, thresholds: Thresholds
) -> Iterator[Fault]:
    before, now = missing_share(reference), missing_share(window)
    vanished = now >= thresholds.vanished > before
    if now - before < thresholds.missing_break and not vanished:
        return
    if before >= thresholds.mostly_missing and not vanished:
        return
    p_value = share_p_value(
        (reference.missing, reference.rows),
        (window.missing, window.rows),
        effect=grid.dependence.missing,
        groups=grid.dependence.groups,
    )
    if p_value < thresholds.break_p_value:
        yield Fault(
            kind=FaultKind.MISSING_VALUES,
            column=grid.name,
            effect=now - before,
            threshold=thresholds.missing_break,
            text=f"{grid.name} is missing in {percent(now)} of rows against {percent(before)}",
        )


def _constant(grid: Grid, window: Counts, thresholds: Thresholds) -> Iterator[Fault]:
    """Find a column with a single value that varied within nearly every day of the reference.

    Calendar columns (month) do not vary within a day, so a window of one month is no fault.
    """
    if not grid.varies_within_groups or window.present < thresholds.minimum_values:
        return
    if isinstance(window, NumericCounts):
        constant = window.finite == window.present and window.low == window.high
        value = number(window.low or 0.0)
    else:
        held = np.flatnonzero(window.counts)
        single = isinstance(grid, CategoryGrid) and int(held[0]) < len(grid.values)
        constant = len(held) == 1 and (single or len(window.unseen_values) == 1)
        value = grid.cell_name(int(held[0])) if isinstance(grid, CategoryGrid) else ""
    if constant:
        yield Fault(
            kind=FaultKind.CONSTANT_COLUMN,
            column=grid.name,
            effect=1.0,
            threshold=1.0,
            text=f"{grid.name} holds the single value {value} in {window.present:,} rows",
        )


def _unseen(grid: CategoryGrid, window: CategoryCounts, thresholds: Thresholds) -> Iterator[Fault]:
    """Find a mass of never-seen values; a calendar column is left out, its next value is new."""
    excess = unseen_share(window) - grid.expected_unseen
    if not grid.complete or not grid.varies_within_groups or excess < thresholds.unseen_break:
        return
    examples = ", ".join(f"'{item.value}'" for item in window.unseen_values[:3])
    yield Fault(
        kind=FaultKind.UNSEEN_VALUES,
        column=grid.name,
        effect=excess,
        threshold=thresholds.unseen_break,
        text=f"{percent(unseen_share(window))} of {grid.name} was never seen before: {examples}",
    )


def _infinite(
    reference: NumericCounts, window: NumericCounts, thresholds: Thresholds
) -> Iterator[Fault]:
    infinite = window.present - window.finite
    share = infinite / window.present if window.present else 0.0
    if reference.present == reference.finite and share >= thresholds.infinite_break:
        yield Fault(
            kind=FaultKind.INFINITE_VALUES,
            column=window.column,
            effect=share,
            threshold=thresholds.infinite_break,
            text=f"{percent(share)} of {window.column} is infinite, none was before",
        )
