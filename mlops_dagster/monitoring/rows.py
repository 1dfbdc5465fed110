"""Rows of the metric tables, as pandas, from profiles and reports."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.counts import CategoryCounts, NumericCounts, Profile, SliceCounts
from mlops_dagster.monitoring.metric_tables import (
    DRIFT_METRICS,
    PROFILE_METRICS,
    QUALITY_METRICS,
    MetricTable,
)
from mlops_dagster.monitoring.quality_report import QualityReport
from mlops_dagster.monitoring.report import ColumnDrift, DriftReport, DriftTest

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, object]
Counts = NumericCounts | CategoryCounts

TABLE_ROW = ":table"


def profile_rows(
    profile: Profile, *, window: str, granularity: str, model: str, model_version: str
) -> "pd.DataFrame":
    """Return the rows of PROFILE_METRICS for a window: a row a slice and column."""
    keys: Row = {
        "window": window,
        "granularity": granularity,
        "model": model,
        "model_version": model_version,
        "log_type": "INPUT",
        "grid": profile.grid,
    }
    return _frame(
        PROFILE_METRICS, ({**keys, **row} for part in profile.slices for row in _slice_rows(part))
    )


def drift_rows(
    report: DriftReport, *, baseline: Baseline, profile: Profile, granularity: str, model: str
) -> "pd.DataFrame":
    """Return the rows of DRIFT_METRICS: one a slice and column, and `:table` for the window.

    Args:
        report: The comparison.
        baseline: The baseline it was made with; gives the means of the reference.
        profile: The window's profile; gives the means of the window.
        granularity: Length of a window.
        model: Name of the model.
    """
    keys: Row = {
        "window": report.window,
        "granularity": granularity,
        "model": model,
        "model_version": report.model_version,
        "drift_type": "BASELINE",
    }
    before, now = _by_place(baseline.reference), _by_place(profile)
    faults = {fault.column: fault.kind.value for fault in reversed(report.faults)}
    whole: Row = {
        "column_name": TABLE_ROW,
        "count_delta": report.rows_window - report.rows_reference,
        "rows_reference": report.rows_reference,
        "rows_window": report.rows_window,
        "severity": report.severity.value,
        "fault": faults.get(None),
        "verdict": report.verdict,
    }
    lost: list[Row] = [
        {"column_name": fault.column, "fault": fault.kind.value, "verdict": fault.text}
        for fault in report.faults
        if fault.column is not None and fault.column not in {c.column for c in report.columns}
    ]
    rows = [whole, *lost]
    for drift in report.columns:
        place = (drift.slice_key, drift.slice_value, drift.column)
        row = _drift_row(drift, _mean(now.get(place)), _mean(before.get(place)))
        if drift.slice_key is None:
            row["fault"] = faults.get(drift.column)
        rows.append(row)
    return _frame(DRIFT_METRICS, ({**keys, **row} for row in rows))


def quality_rows(report: QualityReport, *, granularity: str, model: str) -> "pd.DataFrame":
    """Return the rows of QUALITY_METRICS: one a slice and metric."""
    keys: Row = {
        "window": report.window,
        "granularity": granularity,
        "model": model,
        "model_version": report.model_version,
        "label_count": report.labels.labelled,
        "never_count": report.labels.never,
        "pending_count": report.labels.pending,
        "matured_share": report.labels.matured_share,
        "final": report.final,
    }
    return _frame(
        QUALITY_METRICS,
        (
            {
                **keys,
                **metric.model_dump(exclude={"primary", "rows", "verdict"}),
                "is_primary": metric.primary,
                "labelled_rows": metric.rows,
                "verdict": metric.verdict.value,
            }
            for metric in report.metrics
        ),
    )


def _frame(table: MetricTable, rows: Iterable[Row]) -> "pd.DataFrame":
    """Return rows as objects, so that an integer beside a null stays an integer."""
    import pandas as pd

    complete = [{name: row.get(name) for name in table.column_names} for row in rows]
    return pd.DataFrame(complete, columns=list(table.column_names), dtype=object)


def _slice_rows(part: SliceCounts) -> Iterator[Row]:
    where: Row = {"slice_key": part.key, "slice_value": part.value}
    yield {**where, "column_name": TABLE_ROW, "count": part.rows}
    for counts in part.columns:
        row: Row = {
            **where,
            "column_name": counts.column,
            "data_type": counts.kind,
            "count": counts.rows,
            "num_nulls": counts.nulls,
            "percent_null": _percent(counts.nulls, counts.rows),
            "num_nan": counts.nans,
            "percent_nan": _percent(counts.nans, counts.rows),
            "cell_counts": list(counts.counts),
        }
        if isinstance(counts, CategoryCounts):
            yield {**row, "num_unseen": counts.unseen}
            continue
        yield {
            **row,
            "num_zeros": counts.zeros,
            "percent_zeros": _percent(counts.zeros, counts.rows),
            "avg": counts.mean,
            "min": counts.low,
            "max": counts.high,
            "stddev": counts.standard_deviation,
            "num_infinite": counts.present - counts.finite,
            "cell_sums": list(counts.sums),
        }


def _drift_row(drift: ColumnDrift, mean: float | None, mean_before: float | None) -> Row:
    found = drift.distances
    tests = {test.measure: test for test in drift.tests}
    deciding = max(
        drift.tests, key=lambda t: (t.severity.rank, t.effect / t.threshold), default=None
    )
    moved = None if mean is None or mean_before is None else mean - mean_before
    return {
        "slice_key": drift.slice_key,
        "slice_value": drift.slice_value,
        "column_name": drift.column,
        "data_type": drift.kind,
        "count_delta": drift.rows_window - drift.rows_reference,
        "percent_null_delta": 100 * (drift.missing_window - drift.missing_reference),
        "avg_delta": moved,
        "ks_test": _test(found.ks_low, tests.get("ks")),
        "ks_upper_bound": found.ks_high,
        "wasserstein_distance": found.wasserstein_low,
        "wasserstein_upper_bound": found.wasserstein_high,
        "population_stability_index": found.psi,
        "js_distance": found.js,
        "chi_squared_test": _test(found.chi_squared, tests.get("tv")),
        "tv_distance": found.tv,
        "l_infinity_distance": found.l_infinity,
        "unseen_share": drift.unseen,
        "out_of_range_share": drift.out_of_range,
        "measure": deciding.measure if deciding else None,
        "effect": deciding.effect if deciding else None,
        "threshold": deciding.threshold if deciding else None,
        "q_value": deciding.q_value if deciding else None,
        "design_effect": drift.design_effect,
        "importance": drift.importance,
        "rows_reference": drift.rows_reference,
        "rows_window": drift.rows_window,
        "severity": drift.severity.value,
        "verdict": drift.verdict,
    }


def _test(statistic: float | None, test: DriftTest | None) -> Row | None:
    if statistic is None:
        return None
    return {"statistic": statistic, "pvalue": test.p_value if test else None}


def _by_place(profile: Profile) -> Mapping[tuple[str | None, str | None, str], Counts]:
    return {
        (part.key, part.value, counts.column): counts
        for part in profile.slices
        for counts in part.columns
    }


def _mean(counts: Counts | None) -> float | None:
    return counts.mean if isinstance(counts, NumericCounts) else None


def _percent(part: int, rows: int) -> float | None:
    return 100 * part / rows if rows else None
