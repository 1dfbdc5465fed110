"""How many rows of a model can be predicted, and which feature rows wait for their time."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.features.inputs import (
    OWN_EVENT_TIME,
    OWN_KNOWN_AT,
    ModelInputs,
    known_rows,
    with_times,
)
from mlops_dagster.features.model_rows import is_knowable
from mlops_dagster.spec.refs import TableRef

_PLACE = "place"


@dataclass(frozen=True)
class EarlyRows:
    """Of a feature table's rows, those that are about a time after they became known."""

    table: TableRef
    rows: int
    early: int

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.early:,} of {self.rows:,} rows were known before their "
            "event_time and are joined from then on. If they say what is to come, declare "
            "`forecast: true`"
        )


@dataclass(frozen=True)
class RowCounts:
    """Counts of what a model's rows are made from.

    Attributes:
        rows: Rows of the rows' table.
        unknowable: Of them, those not known at their own prediction time, or by as_of.
        early: The joined tables that have early rows and do not declare them as forecasts.
    """

    rows: int
    unknowable: int
    early: tuple[EarlyRows, ...]


def count_rows(inputs: ModelInputs) -> RowCounts:
    """Count the rows, and the early ones of feature tables, as far as they are read.

    Cost: one query over the times of the rows; it also reads two columns of each feature table that
    names a `known_at` and is no table of forecasts.
    """
    unknowable = F.lit(False) if inputs.rows.event_time is None else ~is_knowable(inputs)
    tables = [
        table
        for ref in dict.fromkeys(feature.table for feature in inputs.features)
        for table in [inputs.tables[ref]]
        if ref != inputs.rows.ref and table.spec.known_at and not table.spec.forecast
    ]
    early = F.col(OWN_KNOWN_AT) < F.col(OWN_EVENT_TIME)
    counts = [
        _counted(0, with_times(inputs, inputs.rows), unknowable),
        *(_counted(n, known_rows(inputs, table), early) for n, table in enumerate(tables, start=1)),
    ]
    found = {
        row[_PLACE]: row
        for row in few_rows(
            reduce(DataFrame.unionByName, counts), what="counts of rows", at_most=len(counts)
        )
    }
    return RowCounts(
        rows=found[0]["rows"],
        unknowable=found[0]["marked"],
        early=tuple(
            EarlyRows(table.ref, rows=found[n]["rows"], early=found[n]["marked"])
            for n, table in enumerate(tables, start=1)
            if found[n]["marked"]
        ),
    )


def _counted(place: int, rows: DataFrame, marked: Column) -> DataFrame:
    return rows.agg(
        F.lit(place).alias(_PLACE),
        F.count(F.lit(1)).alias("rows"),
        F.count_if(marked).alias("marked"),
    )
