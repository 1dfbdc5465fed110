"""The versions of a table's rules: what a row or a batch was judged by."""

from collections.abc import Mapping

from mlops_dagster.data.builtin import builtin_rules
from mlops_dagster.spec.fingerprint import fingerprint
from mlops_dagster.spec.workspace import ResolvedRule, ResolvedTable


def rule_set(table: ResolvedTable) -> str:
    """Return 16 hexadecimal digits that change when any rule of the table does.

    Unlike the table's code version they stay when its SQL changes; descriptions do not count.
    """
    declared = [_meaning(rule) for rule in table.rules]
    return fingerprint([[rule.name, rule.text] for rule in builtin_rules(table)] + declared)


def rule_versions(table: ResolvedTable) -> Mapping[str, str]:
    """Return 16 hexadecimal digits for each rule by name, which change when the rule does."""
    built_in = {rule.name: fingerprint([rule.name, rule.text]) for rule in builtin_rules(table)}
    return built_in | {rule.name: fingerprint(_meaning(rule)) for rule in table.rules}


def _meaning(rule: ResolvedRule) -> dict[str, object]:
    """Return what a rule says; descriptions do not count."""
    silent = {"description", "owner", "tags"}
    spec = rule.spec.model_dump(mode="json", exclude=silent, exclude_none=True)
    return spec | {"name": rule.name}
