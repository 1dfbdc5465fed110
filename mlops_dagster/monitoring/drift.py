"""Has the world changed since the model was evaluated? The drift report of a window.

Three questions, all shown: is it real (p-value with the dependence of rows, false discovery rate
over all columns), is it big (effect against a floor), does it matter (importance of the column for
the model). Severity comes from the three together, never from a p-value alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.compare import (
    Change,
    Comparison,
    compare_categorical,
    compare_numeric,
    missing_share,
    out_of_range_share,
    unseen_share,
)
from mlops_dagster.monitoring.counts import CategoryCounts, NumericCounts, Profile, SliceCounts
from mlops_dagster.monitoring.faults import find_faults
from mlops_dagster.monitoring.grid import CategoryGrid, NumericGrid
from mlops_dagster.monitoring.report import ColumnDrift, DriftReport, DriftTest, Measure
from mlops_dagster.monitoring.significance import q_values
from mlops_dagster.monitoring.summaries import DriftSeverity
from mlops_dagster.monitoring.thresholds import DEFAULT_THRESHOLDS, Thresholds
from mlops_dagster.monitoring.words import column_verdict, report_verdict

Grid = NumericGrid | CategoryGrid
Counts = NumericCounts | CategoryCounts


def drift_report(
    baseline: Baseline,
    window_profile: Profile,
    *,
    window: str,
    model_version: str,
    importances: Mapping[str, float] | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> DriftReport:
    """Compare a window with the baseline of the model in charge.

    Equal profiles always give equal reports: no random numbers, no clock.

    Args:
        baseline: The model's hold-out.
        window_profile: The window's counts on the baseline's cells.
        window: Key of the window.
        model_version: Version of the model in charge.
        importances: Importance of each feature on any common scale; negative counts as zero. A
            feature that is not named has none.
        thresholds: From which size on a change matters.

    Raises:
        MonitoringError: The profile was counted on other cells.
    """
    if window_profile.grid != baseline.reference.grid:
        raise MonitoringError(
            "the profile was counted on other cells than the baseline",
            where=f"window {window}, model version {model_version}",
            expected=f"grid {baseline.reference.grid}",
            found=f"grid {window_profile.grid}",
            next_step="Profile the window again with this baseline.",
        )
    shares = _importance_shares(importances)
    measured = list(_measure(baseline, window_profile, thresholds))
    found = [change.p_value for item in measured for change in item.changes]
    tests = iter(q_values(found))
    columns = tuple(
        _column(item, [next(tests) for _ in item.changes], shares, thresholds) for item in measured
    )
    faults = find_faults(baseline, window_profile, thresholds)
    overall = [c for c in columns if c.slice_key is None]
    severity = max((c.severity for c in overall), key=_rank, default=DriftSeverity.NONE)
    return DriftReport(
        window=window,
        model_version=model_version,
        grid=window_profile.grid,
        rows_reference=baseline.rows,
        rows_window=window_profile.rows,
        groups_reference=baseline.groups,
        thresholds=thresholds,
        columns=columns,
        faults=faults,
        severity=severity,
        verdict=report_verdict(
            severity=severity, columns=overall, faults=faults, rows=window_profile.rows
        ),
    )


@dataclass(frozen=True)
class _Measured:
    grid: Grid
    part: SliceCounts
    reference: Counts
    window: Counts
    comparison: Comparison
    undecided: str | None

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes that take part in the correction over all tests."""
        return () if self.undecided else self.comparison.changes


def _measure(baseline: Baseline, window: Profile, thresholds: Thresholds) -> Iterator[_Measured]:
    grids = {grid.name: grid for grid in baseline.grid.columns}
    references = {(part.key, part.value): part for part in baseline.reference.slices}
    for part in window.slices:
        reference = references[part.key, part.value]
        before = {counts.column: counts for counts in reference.columns}
        share = reference.rows / max(baseline.rows, 1)
        for counts in part.columns:
            grid = grids[counts.column]
            comparison = _compare(grid, before[counts.column], counts, share=share)
            reason = _undecided(before[counts.column], counts, thresholds)
            yield _Measured(grid, part, before[counts.column], counts, comparison, reason)


def _compare(grid: Grid, reference: Counts, window: Counts, *, share: float) -> Comparison:
    if isinstance(grid, NumericGrid):
        if isinstance(reference, NumericCounts) and isinstance(window, NumericCounts):
            return compare_numeric(grid, reference, window, share=share)
    elif isinstance(reference, CategoryCounts) and isinstance(window, CategoryCounts):
        return compare_categorical(grid, reference, window, share=share)
    raise MonitoringError(f"the counts of column '{grid.name}' are not of kind {grid.kind}")


def _undecided(reference: Counts, window: Counts, thresholds: Thresholds) -> str | None:
    """Tell why there is nothing to test; rows decide, so that a column gone missing is tested."""
    least = thresholds.minimum_values
    if window.rows < least:
        return f"{window.rows} rows, at least {least} are needed"
    if reference.rows < least:
        return f"{reference.rows} rows in the reference, at least {least} are needed"
    return None


def _column(
    item: _Measured, q_of: Sequence[float], shares: Mapping[str, float] | None, limits: Thresholds
) -> ColumnDrift:
    grid, reference, window = item.grid, item.reference, item.window
    importance = shares.get(grid.name, 0.0) if shares is not None else None
    prediction = grid.role == "prediction"
    weight = 1.0 if prediction or importance is None else importance
    used = weight >= limits.used_importance
    tests = tuple(
        _test(change, q, item, weight=weight, limits=limits)
        for change, q in zip(item.changes, q_of, strict=True)
    )
    numeric = isinstance(grid, NumericGrid)
    drift = ColumnDrift(
        column=grid.name,
        role=grid.role,
        kind=grid.kind,
        slice_key=item.part.key,
        slice_value=item.part.value,
        importance=None if prediction else importance,
        used=used,
        rows_reference=reference.rows,
        rows_window=window.rows,
        values_reference=reference.present,
        values_window=window.present,
        design_effect=grid.dependence.cumulative if numeric else grid.dependence.cells,
        distances=item.comparison.distances,
        missing_reference=missing_share(reference),
        missing_window=missing_share(window),
        out_of_range=out_of_range_share(window) if isinstance(window, NumericCounts) else None,
        unseen=unseen_share(window) if isinstance(window, CategoryCounts) else None,
        unseen_examples=tuple(v.value for v in window.unseen_values)
        if isinstance(window, CategoryCounts)
        else (),
        tests=tests,
        undecided=item.undecided,
        severity=max((t.severity for t in tests), key=_rank, default=DriftSeverity.NONE),
        verdict="",
    )
    return drift.model_copy(update={"verdict": column_verdict(drift)})


def _test(
    change: Change, q_value: float, item: _Measured, *, weight: float, limits: Thresholds
) -> DriftTest:
    floor = _floors(limits)[change.measure][0]
    few = min(item.reference.present, item.window.present) < limits.minimum_values
    tellable = change.measure == "missing" or not few
    real = tellable and q_value <= limits.false_discovery_rate
    return DriftTest(
        measure=change.measure,
        effect=change.effect,
        effect_bound=change.effect_bound,
        threshold=floor,
        p_value=change.p_value,
        q_value=q_value,
        severity=_severity(change, weight, limits) if real else DriftSeverity.NONE,
    )


def _severity(change: Change, weight: float, limits: Thresholds) -> DriftSeverity:
    floor, critical = _floors(limits)[change.measure]
    if change.effect < floor / 2:
        return DriftSeverity.NONE
    if change.effect < floor or weight < limits.used_importance:
        return DriftSeverity.INFO
    if change.effect < critical or weight < limits.relied_importance:
        return DriftSeverity.WARNING
    return DriftSeverity.CRITICAL


def _floors(limits: Thresholds) -> Mapping[Measure, tuple[float, float]]:
    return {
        "ks": (limits.ks, limits.ks_critical),
        "tv": (limits.tv, limits.tv_critical),
        "missing": (limits.missing, limits.missing_critical),
        "unseen": (limits.unseen, limits.unseen_critical),
    }


def _importance_shares(importances: Mapping[str, float] | None) -> Mapping[str, float] | None:
    if importances is None:
        return None
    total = sum(max(0.0, value) for value in importances.values())
    if total <= 0:
        # A model without any importance says nothing about which column matters.
        return None
    return {name: max(0.0, value) / total for name, value in importances.items()}


def _rank(severity: DriftSeverity) -> int:
    return severity.rank
