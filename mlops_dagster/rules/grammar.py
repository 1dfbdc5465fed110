"""The grammar of rules and gates."""

from mlops_dagster.rules.nodes import Expression


def parse_rule(text: str, *, table: str | None = None) -> Expression:
    """Parse a rule; columns may be qualified by `table`."""
    raise NotImplementedError


def parse_gate(text: str) -> Expression:
    """Parse a gate; its names are metrics."""
    raise NotImplementedError
