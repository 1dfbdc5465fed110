"""The version of a table's rules: what a quarantined row was judged by."""

from mlops_dagster.data.builtin import builtin_rules
from mlops_dagster.spec.fingerprint import fingerprint
from mlops_dagster.spec.workspace import ResolvedTable


def rule_set(table: ResolvedTable) -> str:
    """Return 16 hexadecimal digits that change when any rule of the table does.

    Unlike the table's code version they stay when its SQL changes; descriptions do not count.
    """
    declared = [
        rule.spec.model_dump(
            mode="json", exclude={"description", "owner", "tags"}, exclude_none=True
        )
        | {"name": rule.name}
        for rule in table.rules
    ]
    return fingerprint([[rule.name, rule.text] for rule in builtin_rules(table)] + declared)
