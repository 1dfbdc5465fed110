"""Stands in until every import names mlops_dagster.tables.instants."""

from mlops_dagster.tables.instants import earlier, instant, later, local_date

__all__ = ["earlier", "instant", "later", "local_date"]
