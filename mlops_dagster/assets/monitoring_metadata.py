"""What the UI shows of reports. Numbers keep one key each, so that Dagster plots them."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.assets.metadata import Metadata

if TYPE_CHECKING:
    from mlops_dagster.monitoring.counts import Profile
    from mlops_dagster.monitoring.decision import Decision
    from mlops_dagster.monitoring.detectors import DetectorReport
    from mlops_dagster.monitoring.quality_report import QualityReport
    from mlops_dagster.monitoring.report import DriftReport


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


def drift_metadata(report: "DriftReport") -> Metadata:
    """Return the verdict and a row a column, worst first."""
    columns = sorted(report.overall, key=lambda c: (-c.severity.rank, c.column))
    metadata: Metadata = {
        "verdict": dg.MetadataValue.text(report.verdict),
        "severity": dg.MetadataValue.text(report.severity.value),
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
                        "psi": _rounded(column.distances.psi),
                        "ks": _rounded(column.distances.ks_low),
                        "tv": _rounded(column.distances.tv),
                        "missing_before": round(column.missing_reference, 4),
                        "missing_now": round(column.missing_window, 4),
                    }
                )
                for column in columns
            ]
        )
    return metadata


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


def quality_metadata(reports: "tuple[QualityReport, ...]") -> Metadata:
    """Return the metrics of the newest window and a row a window and metric."""
    newest = reports[-1]
    metadata: Metadata = {
        "verdict": dg.MetadataValue.text(newest.text),
        "model_version": dg.MetadataValue.text(newest.model_version),
        "labelled": dg.MetadataValue.int(newest.labels.labelled),
        "matured_share": dg.MetadataValue.float(newest.labels.matured_share),
        "final": dg.MetadataValue.bool(newest.final),
    }
    for metric in newest.overall:
        if metric.value is not None:
            metadata[metric.metric] = dg.MetadataValue.float(metric.value)
    rows = [
        dg.TableRecord(
            {
                "window": report.window,
                "metric": metric.metric,
                "value": metric.value,
                "low": metric.low,
                "high": metric.high,
                "expected": metric.expected,
                "verdict": metric.verdict.value,
                "final": report.final,
            }
        )
        for report in reports
        for metric in report.overall
    ]
    if rows:
        metadata["metrics"] = dg.MetadataValue.table(rows)
    return metadata


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


def decision_metadata(decision: "Decision") -> Metadata:
    """Return the decision and its reason."""
    metadata: Metadata = {
        "decision": dg.MetadataValue.text(decision.kind.value),
        "reason": dg.MetadataValue.text(decision.reason),
        "trains": dg.MetadataValue.int(int(decision.kind.trains)),
    }
    if decision.champion is not None:
        metadata["champion"] = dg.MetadataValue.text(decision.champion)
    return metadata


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
