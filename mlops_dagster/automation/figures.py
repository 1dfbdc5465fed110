"""Metrics with their intervals, as assets reported them in a table."""

import dagster as dg
from pydantic import BaseModel, ConfigDict


class Figure(BaseModel):
    """A metric with its interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def figures_of(table: object) -> tuple[Figure, ...]:
    """Return the metrics of a metadata table: metric, value, low, high; empty when it is none."""
    if not isinstance(table, dg.TableMetadataValue):
        return ()
    return tuple(
        Figure(
            name=str(row.data["metric"]),
            value=float(row.data["value"]),
            low=None if row.data["low"] is None else float(row.data["low"]),
            high=None if row.data["high"] is None else float(row.data["high"]),
        )
        for row in table.records
        if row.data["value"] is not None
    )
