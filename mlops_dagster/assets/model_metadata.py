"""Gates as checks of a model, and what the UI shows of a training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.addresses import without_secrets
from mlops_dagster.assets.metadata import Metadata
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
            metadata["measured"] = gate.measured
        if gate.threshold is not None:
            metadata["threshold"] = gate.threshold
        if gate.interval is not None:
            metadata["interval_low"] = gate.interval.low
            metadata["interval_high"] = gate.interval.high
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
    """Return metrics (one key each, so that Dagster plots them, and a table with their intervals).

    Beside them the gates' outcome, the version and the importances.
    """
    metadata: Metadata = {
        "gates": dg.MetadataValue.text(candidate.gates.outcome.value),
        "gates_say": dg.MetadataValue.text(candidate.gates.explanation),
        "fit_rows": dg.MetadataValue.int(candidate.trained.fit_rows),
        "holdout_rows": dg.MetadataValue.int(candidate.trained.evaluation.rows),
        "bundle_digest": dg.MetadataValue.text(candidate.bundle.digest),
        "bundle_bytes": dg.MetadataValue.int(candidate.bundle.bytes),
        "seed": dg.MetadataValue.int(candidate.trained.seed),
    }
    if reason:
        metadata["reason"] = dg.MetadataValue.text(reason)
    if candidate.bundle.info.experimental:
        words = ", ".join(candidate.bundle.info.experimental)
        metadata["experimental"] = dg.MetadataValue.text(f"never promoted: {words}")
    for metric in candidate.trained.evaluation.metrics:
        if metric.value is not None:
            metadata[metric.name] = dg.MetadataValue.float(metric.value)
    metadata[METRICS] = dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "metric": metric.name,
                    "value": metric.value,
                    "low": None if metric.interval is None else metric.interval.low,
                    "high": None if metric.interval is None else metric.interval.high,
                }
            )
            for metric in candidate.trained.evaluation.metrics
        ]
    )
    if candidate.registered is not None:
        metadata["version"] = dg.MetadataValue.text(candidate.registered.version)
        metadata["mlflow_run"] = dg.MetadataValue.text(candidate.registered.run_id)
        if tracking_uri.startswith("http"):
            metadata["mlflow"] = dg.MetadataValue.url(without_secrets(tracking_uri))
    if candidate.champion is not None:
        metadata["compared_with"] = dg.MetadataValue.text(candidate.champion.version)
    metadata["importances"] = _importances(candidate)
    return metadata


def _importances(candidate: "Candidate") -> dg.MetadataValue:
    # Dagster cannot tell the columns of a table without rows.
    if not candidate.trained.importances:
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
            for importance in candidate.trained.importances[:_SHOWN_FEATURES]
        ]
    )
