"""Rules as asset checks: one a rule, reported by the asset that publishes."""

from collections.abc import Sequence

import dagster as dg

from mlops_dagster.assets.keys import asset_key
from mlops_dagster.assets.metadata import rounded
from mlops_dagster.data.builtin import builtin_rules
from mlops_dagster.data.verdict import RuleResult
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.spec.workspace import ResolvedTable


def check_specs(table: ResolvedTable) -> Sequence[dg.AssetCheckSpec]:
    """Return one check for each built-in rule of the table and for each rule of its YAML.

    A check blocks what comes after the table when its failure refuses the batch.
    """
    key = asset_key(table.ref)
    built_in = [
        dg.AssetCheckSpec(rule.name, asset=key, description=rule.text)
        for rule in builtin_rules(table)
    ]
    declared = [
        dg.AssetCheckSpec(
            rule.name,
            asset=key,
            description=rule.spec.description or _sentence(rule.spec.rule, rule.on_fail),
            blocking=rule.on_fail is OnFail.STOP,
        )
        for rule in table.rules
    ]
    return [*built_in, *declared]


def check_result(key: dg.AssetKey, result: RuleResult) -> dg.AssetCheckResult:
    """Return what Dagster stores of a rule's result; one that could not be computed has failed."""
    grave = result.refuses or result.severity.rank >= Severity.ERROR.rank
    metadata: dict[str, str | int | float] = {
        "rule": result.text,
        "status": result.status,
        "severity": result.severity.value,
        "rows": result.rows,
    }
    if result.failed_rows is not None:
        metadata["failed_rows"] = result.failed_rows
    if result.rate is not None:
        metadata["failed_rate"] = rounded(result.rate)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=result.name,
        passed=result.status == "passed",
        severity=dg.AssetCheckSeverity.ERROR if grave else dg.AssetCheckSeverity.WARN,
        description=result.message,
        metadata=metadata,
    )


def _sentence(rule: str, on_fail: OnFail) -> str:
    consequence = {
        OnFail.RECORD: "failing rows are counted",
        OnFail.DROP: "failing rows are dropped",
        OnFail.QUARANTINE: "failing rows go to quarantine",
        OnFail.STOP: "a failure refuses the batch",
    }[on_fail]
    return f"`{rule}`; {consequence}"
