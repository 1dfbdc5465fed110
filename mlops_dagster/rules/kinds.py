"""Kinds of values: what may be compared and computed with what."""

from collections.abc import Mapping

from mlops_dagster.rules.nodes import Expression


def check_columns(expression: Expression, types: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with an expression over columns of these Spark types; empty when nothing is."""
    raise NotImplementedError
