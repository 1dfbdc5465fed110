"""Gates as checks of a model, and what the UI shows of a training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.assets.links import mlflow_metadata
from mlops_dagster.assets.metadata import Metadata, rounded
from mlops_dagster.spec.workspace import ResolvedModel

if TYPE_CHECKING:
    from mlops_dagster.lifecycle.training import Candidate
    from mlops_dagster.training.gate_report import GateReport

# The table of metrics with their intervals.
METRICS = "metrics"
# How many features the table of importances shows.
_SHOWN_FEATURES = 15


def gate_name(number: int) -> str:
    """Return the check name of a gate by its place in the YAML, counted from 1."""
    return f"gate_{number}"


def gate_specs(key: dg.AssetKey, model: ResolvedModel) -> list[dg.AssetCheckSpec]:
    """Return one check a gate; promotion itself is decided by the ledger, not by checks."""
    return [
        dg.AssetCheckSpec(gate_name(number), asset=key, description=gate.text)
        for number, gate in enumerate(model.gates, start=1)
    ]


def gate_checks(
    key: dg.AssetKey, model: ResolvedModel, report: "GateReport"
) -> Iterator[dg.AssetCheckResult]:
    """Yield the outcome of each gate. Inconclusive is a warning: the champion stays."""
    for number, gate in enumerate(report.gates, start=1):
        outcome = gate.outcome.value
        metadata: dict[str, str | int | float] = {
            "gate": gate.text,
            "outcome": outcome,
            "rows": gate.rows,
        }
        if gate.measured is not None:
            metadata["measured"] = rounded(gate.measured)
        if gate.threshold is not None:
            metadata["threshold"] = gate.threshold
        if gate.interval is not None:
            metadata["interval_low"] = rounded(gate.interval.low)
            metadata["interval_high"] = rounded(gate.interval.high)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=gate_name(number),
            passed=outcome in ("pass", "not_applicable"),
            severity=(
                dg.AssetCheckSeverity.WARN
                if outcome == "inconclusive"
                else dg.AssetCheckSeverity.ERROR
            ),
            description=gate.explanation,
            metadata=metadata,
        )


def candidate_metadata(candidate: "Candidate", tracking_uri: str, *, reason: str) -> Metadata:
    """Return outcome, version and links, metrics, calibration, importances, what it was made of.

    Metrics have one key each, so that Dagster plots them over the cutoffs.
    """
    from mlops_dagster.charts.calibration import reliability_diagram

    evaluation = candidate.measured.evaluation
    metadata: Metadata = {
        "gates": dg.MetadataValue.text(candidate.gates.outcome.value),
        "gates_say": dg.MetadataValue.text(candidate.gates.explanation),
    }
    metadata |= mlflow_metadata(tracking_uri, candidate.logged.run_id, candidate.registered)
    if candidate.champion is not None:
        metadata["compared_with"] = dg.MetadataValue.text(candidate.champion.version)
    for metric in evaluation.metrics:
        if metric.value is not None:
            metadata[metric.name] = dg.MetadataValue.float(rounded(metric.value))
    diagram = reliability_diagram(evaluation.calibration, about="hold-out")
    if diagram is not None:
        metadata["calibration"] = dg.MetadataValue.md(diagram)
    if evaluation.metrics:
        metadata[METRICS] = dg.MetadataValue.table(_metrics(candidate))
    metadata["importances"] = _importances(candidate)
    metadata |= {
        "fitted_now": dg.MetadataValue.bool(candidate.fitted_now),
        "fit_rows": dg.MetadataValue.int(candidate.measured.fit_rows),
        "holdout_rows": dg.MetadataValue.int(evaluation.rows),
        "training_set": dg.MetadataValue.text(
            f"Delta version {candidate.training_set.delta_version}, "
            f"digest {candidate.training_set.digest}"
        ),
        "made_of": _made_of(candidate),
        "bundle_digest": dg.MetadataValue.text(candidate.bundle.digest),
        "bundle_bytes": dg.MetadataValue.int(candidate.bundle.bytes),
        "seed": dg.MetadataValue.int(candidate.measured.seed),
    }
    if reason:
        metadata["reason"] = dg.MetadataValue.text(reason)
    if candidate.bundle.info.experimental:
        words = ", ".join(candidate.bundle.info.experimental)
        metadata["experimental"] = dg.MetadataValue.text(f"never promoted: {words}")
    return metadata


def _metrics(candidate: "Candidate") -> list[dg.TableRecord]:
    """Return a row a metric: value and interval, and by how much it is better than the champion."""
    rows = []
    for metric in candidate.measured.evaluation.metrics:
        beside = None
        if candidate.measured.comparison is not None:
            beside = candidate.measured.comparison.difference(metric.name)
        row: dict[str, str | float | None] = {
            "metric": metric.name,
            "value": _shown(metric.value),
            "low": None if metric.interval is None else rounded(metric.interval.low),
            "high": None if metric.interval is None else rounded(metric.interval.high),
            "champion": None if beside is None else _shown(beside.champion),
            "improvement": None if beside is None else _shown(beside.improvement),
        }
        rows.append(dg.TableRecord(row))
    return rows


def _made_of(candidate: "Candidate") -> dg.MetadataValue:
    """Return a row a table that the training set was made of: its version and its windows."""
    rows = [
        dg.TableRecord(
            {
                "table": one.ref,
                "delta_version": one.delta_version,
                "windows": len(one.windows),
                "first": min(one.windows, default=""),
                "last": max(one.windows, default=""),
            }
        )
        for one in candidate.training_set.inputs
    ]
    return dg.MetadataValue.table(rows) if rows else dg.MetadataValue.text("not recorded")


def _shown(value: float | None) -> float | None:
    return None if value is None else rounded(value)


def _importances(candidate: "Candidate") -> dg.MetadataValue:
    # Dagster cannot tell the columns of a table without rows.
    if not candidate.measured.importances:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "feature": importance.feature,
                    "importance": round(importance.mean, 5),
                    "deviation": round(importance.deviation, 5),
                }
            )
            for importance in candidate.measured.importances[:_SHOWN_FEATURES]
        ]
    )
