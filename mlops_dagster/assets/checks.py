"""Rules as asset checks: one a rule, or one a group of rules where a table has many of them."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from mlops_dagster.assets.keys import asset_key
from mlops_dagster.assets.metadata import rounded
from mlops_dagster.data.builtin import BUILT_IN, builtin_rules
from mlops_dagster.data.verdict import RuleResult
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.rule_kinds import GROUP_OF
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.spec.workspace import ResolvedTable

# Dagster's page of an asset lists checks one below the other; beyond this many nobody reads it.
MOST_CHECKS = 40


def check_specs(table: ResolvedTable) -> Sequence[dg.AssetCheckSpec]:
    """Return the checks of a table: its built-in rules and those of its YAML.

    Up to 40 are one check each; more are one check a group of kinds. A check blocks what comes
    after the table when its failure refuses the batch.
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
            description=rule.spec.description or _sentence(rule.text, rule.on_fail),
            blocking=rule.on_fail is OnFail.STOP,
            metadata=_owned(rule.spec.owner, rule.spec.tags),
        )
        for rule in table.rules
    ]
    if not _in_groups(table):
        return [*built_in, *declared]
    facts = [(BUILT_IN, Severity.ERROR) for _ in built_in]
    facts += [(rule.kind, rule.spec.severity) for rule in table.rules]
    members: dict[str, list[dg.AssetCheckSpec]] = {}
    shown: dict[str, list[dg.TableRecord]] = {}
    for (kind, severity), spec in zip(facts, [*built_in, *declared], strict=True):
        members.setdefault(_group(kind), []).append(spec)
        shown.setdefault(_group(kind), []).append(_described(spec, severity))
    return [
        dg.AssetCheckSpec(
            name,
            asset=key,
            description=f"{len(specs)} rules: {', '.join(spec.name for spec in specs)}",
            blocking=any(spec.blocking for spec in specs),
            metadata={"rules": dg.MetadataValue.table(shown[name])},
        )
        for name, specs in members.items()
    ]


def check_results(
    table: ResolvedTable, results: Iterable[RuleResult]
) -> Sequence[dg.AssetCheckResult]:
    """Return what Dagster stores of the rules' results; what could not be computed has failed."""
    key = asset_key(table.ref)
    if not _in_groups(table):
        return [check_result(key, result) for result in results]
    members: dict[str, list[RuleResult]] = {}
    for result in results:
        members.setdefault(_group(result.kind), []).append(result)
    return [_group_result(key, name, found) for name, found in members.items()]


def check_result(key: dg.AssetKey, result: RuleResult) -> dg.AssetCheckResult:
    """Return what Dagster stores of one rule's result."""
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
    # Dagster draws numbers of checks over time.
    figure = {"value": result.figure.value, "low": result.figure.low, "high": result.figure.high}
    metadata |= {name: rounded(number) for name, number in figure.items() if number is not None}
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=result.name,
        passed=result.status == "passed",
        severity=_severity([result]),
        description=result.message,
        metadata=metadata,
    )


def _in_groups(table: ResolvedTable) -> bool:
    return len(builtin_rules(table)) + len(table.rules) > MOST_CHECKS


def _group(kind: str) -> str:
    return f"rules_{GROUP_OF.get(kind, kind)}"


def _described(spec: dg.AssetCheckSpec, severity: Severity) -> dg.TableRecord:
    """Return what the YAML says about a rule that has no check of its own."""
    tags = {name: str(value) for name, value in (spec.metadata or {}).items()}
    owner = tags.pop("owner", "")
    record: dict[str, str | int | float] = {
        "name": spec.name,
        "description": spec.description or "",
        "severity": severity.value,
        "owner": owner,
        "tags": ", ".join(f"{name.partition('/')[2]}: {value}" for name, value in tags.items()),
    }
    return dg.TableRecord(record)


def _group_result(
    key: dg.AssetKey, name: str, results: Sequence[RuleResult]
) -> dg.AssetCheckResult:
    failing = [result for result in results if result.status != "passed"]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not failing,
        severity=_severity(failing or results),
        description="; ".join(result.message for result in failing)
        or f"all {len(results)} rules pass",
        metadata={
            "rules": dg.MetadataValue.table([_record(result) for result in results]),
            "failed_rules": len(failing),
        },
    )


def _record(result: RuleResult) -> dg.TableRecord:
    record: dict[str, str | int | float] = {
        "name": result.name,
        "status": result.status,
        "severity": result.severity.value,
        "failed_rows": "" if result.failed_rows is None else result.failed_rows,
        "rows": result.rows,
        "rule": result.text,
        "message": result.message,
    }
    return dg.TableRecord(record)


def _severity(results: Iterable[RuleResult]) -> dg.AssetCheckSeverity:
    grave = any(result.refuses or result.severity.rank >= Severity.ERROR.rank for result in results)
    return dg.AssetCheckSeverity.ERROR if grave else dg.AssetCheckSeverity.WARN


def _owned(owner: str | None, tags: Mapping[str, str]) -> dict[str, str]:
    found = {} if owner is None else {"owner": owner}
    return found | {f"tag/{name}": value for name, value in tags.items()}


def _sentence(rule: str, on_fail: OnFail) -> str:
    consequence = {
        OnFail.RECORD: "failing rows are counted",
        OnFail.DROP: "failing rows are dropped",
        OnFail.QUARANTINE: "failing rows go to quarantine",
        OnFail.STOP: "a failure refuses the batch",
    }[on_fail]
    return f"`{rule}`; {consequence}"
