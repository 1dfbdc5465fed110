"""What the UI shows of reports. Numbers keep one key each, so that Dagster plots them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.assets.metadata import Metadata, rounded

if TYPE_CHECKING:
    from mlops_dagster.lifecycle.monitoring import WindowCompared
    from mlops_dagster.monitoring.counts import Profile
    from mlops_dagster.monitoring.decision import Decision
    from mlops_dagster.monitoring.detectors import DetectorReport
    from mlops_dagster.monitoring.events import MonitorHistory
    from mlops_dagster.monitoring.quality_report import MeasuredMetric, QualityReport
    from mlops_dagster.monitoring.report import ColumnDrift, Distances, DriftReport


# How many columns are drawn.
_DRAWN = 4
# How many decisions the table shows, the newest first.
_DECISIONS = 24


def profile_metadata(profile: "Profile") -> Metadata:
    """Return the size of a profile."""
    return {
        "rows": dg.MetadataValue.int(profile.rows),
        "columns": dg.MetadataValue.int(len(profile.overall.columns)),
        "slices": dg.MetadataValue.int(len(profile.slices) - 1),
    }


def advice_metadata(advice: "DetectorReport") -> Metadata:
    """Return what alibi-detect says beside our own verdict, with its licence."""
    metadata: Metadata = {"alibi_detect": dg.MetadataValue.text(advice.text)}
    if advice.licence is not None:
        metadata["alibi_detect_licence"] = dg.MetadataValue.text(
            f"{advice.detectors}, {advice.licence}"
        )
    if advice.advice:
        metadata["alibi_detect_advice"] = dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "column": told.column,
                        "detector": told.detector,
                        "drifted": told.drifted,
                        "statistic": _rounded(told.statistic),
                        "q_value": _rounded(told.q_value),
                        "reason": told.reason,
                    }
                )
                for told in sorted(advice.advice, key=lambda a: (not a.drifted, a.column))
            ]
        )
    return metadata


def drift_metadata(compared: "WindowCompared") -> Metadata:
    """Return the verdict, pictures of the columns that changed most, and a row a column.

    Both show the worst first.
    """
    report = compared.drift
    columns = sorted(report.overall, key=lambda c: (-c.severity.rank, c.column))
    metadata: Metadata = {
        "verdict": dg.MetadataValue.text(report.verdict),
        "severity": dg.MetadataValue.text(report.severity.value),
        **_overlays(compared),
        "model_version": dg.MetadataValue.text(report.model_version),
        "drifted_columns": dg.MetadataValue.int(len(report.summary.columns)),
        "data_faults": dg.MetadataValue.int(len(report.faults)),
        "rows": dg.MetadataValue.int(report.rows_window),
    }
    if columns:
        metadata["columns"] = dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "column": column.column,
                        "severity": column.severity.value,
                        "verdict": column.verdict,
                        "distance": _distances(column.distances),
                        "missing": _before_and_now(column),
                    }
                )
                for column in columns
            ]
        )
    return metadata


def _overlays(compared: "WindowCompared") -> Metadata:
    from mlops_dagster.charts.overlay import drift_overlay, most_drifted

    report = compared.drift
    pictures = [
        drift_overlay(compared.baseline, compared.profile, column, window=report.window)
        for column in most_drifted(report, _DRAWN)
    ]
    return {
        f"most_drifted_{place}": dg.MetadataValue.md(picture)
        for place, picture in enumerate(pictures, start=1)
        if picture is not None
    }


def fault_check(key: dg.AssetKey, report: "DriftReport") -> dg.AssetCheckResult:
    """Return whether the window's data look whole; a fault blocks retraining."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name="no_data_fault",
        passed=not report.faults,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(fault.text for fault in report.faults) or "No sign of broken data.",
    )


def drift_check(key: dg.AssetKey, report: "DriftReport") -> dg.AssetCheckResult:
    """Return whether anything drifted that the model uses; drift is a warning, never an error."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name="no_drift_that_matters",
        passed=not report.summary.matters,
        severity=dg.AssetCheckSeverity.WARN,
        description=report.verdict,
    )


def quality_metadata(reports: "tuple[QualityReport, ...]", history: "MonitorHistory") -> Metadata:
    """Return the metrics of the newest window, pictures of them over the windows, and a table.

    The table has a row a window that was measured now and metric.

    Args:
        reports: The windows that were measured now, the newest last.
        history: What is valid of all windows so far.
    """
    from mlops_dagster.charts.calibration import reliability_diagram

    newest = reports[-1]
    metadata: Metadata = {
        "verdict": dg.MetadataValue.text(newest.text),
        "model_version": dg.MetadataValue.text(newest.model_version),
        **_over_windows(history),
    }
    diagram = reliability_diagram(newest.calibration, about=newest.window)
    if diagram is not None:
        metadata["calibration"] = dg.MetadataValue.md(diagram)
    metadata |= {
        "labelled": dg.MetadataValue.int(newest.labels.labelled),
        "matured_share": dg.MetadataValue.float(rounded(newest.labels.matured_share)),
        "final": dg.MetadataValue.bool(newest.final),
    }
    for metric in newest.overall:
        if metric.value is not None:
            metadata[metric.metric] = dg.MetadataValue.float(rounded(metric.value))
    rows = [
        dg.TableRecord(
            {
                "window": report.window,
                "metric": metric.metric,
                "value": _with_interval(metric),
                "expected": _shown(metric.expected),
                "verdict": metric.verdict.value + ("" if report.final else ", not final"),
            }
        )
        for report in reports
        for metric in report.overall
    ]
    if rows:
        metadata["metrics"] = dg.MetadataValue.table(rows)
    return metadata


def _over_windows(history: "MonitorHistory") -> Metadata:
    """Return a picture a primary metric. Keys of windows sort in the order of time."""
    from mlops_dagster.charts.timeline import metric_timeline

    summaries = [history.quality[window] for window in sorted(history.quality)]
    names = dict.fromkeys(figure.metric for s in summaries for figure in s.figures)
    pictures = {
        name: metric_timeline(
            name,
            [
                (summary.window, figure)
                for summary in summaries
                for figure in summary.figures
                if figure.metric == name
            ],
        )
        for name in names
    }
    return {
        f"over_windows_{place}": dg.MetadataValue.md(picture)
        for place, picture in enumerate(pictures.values(), start=1)
        if picture is not None
    }


def quality_check(key: dg.AssetKey, reports: "tuple[QualityReport, ...]") -> dg.AssetCheckResult:
    """Return whether the newest window's primary metrics are as the hold-out led to expect."""
    newest = reports[-1]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name="quality_as_expected",
        passed=not newest.summary.degraded,
        severity=dg.AssetCheckSeverity.WARN,
        description=newest.text,
    )


def decision_metadata(decision: "Decision", history: "MonitorHistory") -> Metadata:
    """Return the decision and its reason, beside those of the windows before it."""
    from mlops_dagster.charts.timeline import decision_timeline

    metadata: Metadata = {
        "decision": dg.MetadataValue.text(decision.kind.value),
        "reason": dg.MetadataValue.text(decision.reason),
    }
    if decision.champion is not None:
        metadata["champion"] = dg.MetadataValue.text(decision.champion)
    decided = [history.decisions[window] for window in sorted(history.decisions)]
    picture = decision_timeline(decided)
    if picture is not None:
        metadata["decisions_over_windows"] = dg.MetadataValue.md(picture)
        metadata["decisions"] = dg.MetadataValue.table(_decisions(decided))
    metadata["trains"] = dg.MetadataValue.int(int(decision.kind.trains))
    return metadata


def _decisions(decided: "Sequence[Decision]") -> list[dg.TableRecord]:
    return [
        dg.TableRecord(
            {
                "window": decision.window,
                "decision": decision.kind.value,
                "champion": decision.champion,
                "reason": decision.reason,
            }
        )
        for decision in reversed(decided[-_DECISIONS:])
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _shown(value: float | None) -> float | None:
    return None if value is None else rounded(value)


# Dagster cuts tables off at the right: what belongs together stands in one column.


def _distances(distances: "Distances") -> str:
    named = {"PSI": distances.psi, "KS": distances.ks_low, "TV": distances.tv}
    return ", ".join(f"{name} {value:.3f}" for name, value in named.items() if value is not None)


def _before_and_now(column: "ColumnDrift") -> str:
    before, now = column.missing_reference, column.missing_window
    return f"{before:.2%}" if before == now else f"{before:.2%} -> {now:.2%}"


def _with_interval(metric: "MeasuredMetric") -> str | None:
    if metric.value is None:
        return None
    if metric.low is None or metric.high is None:
        return f"{metric.value:.4f}"
    return f"{metric.value:.4f} [{metric.low:.4f}, {metric.high:.4f}]"
