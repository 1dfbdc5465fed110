"""Rows of feature tables that were known before the time they are about."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.features.inputs import OWN_EVENT_TIME, OWN_KNOWN_AT, ModelInputs, known_rows
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


def early_rows(inputs: ModelInputs) -> tuple[EarlyRows, ...]:
    """Return the joined tables that have early rows and do not declare them as forecasts.

    Cost: one query, over two columns of the tables that name a `known_at`; none without any.
    """
    tables = [
        table
        for ref in dict.fromkeys(feature.table for feature in inputs.features)
        for table in [inputs.tables[ref]]
        if ref != inputs.rows.ref and table.spec.known_at and not table.spec.forecast
    ]
    if not tables:
        return ()
    early = F.count_if(F.col(OWN_KNOWN_AT) < F.col(OWN_EVENT_TIME)).alias("early")
    counts = [
        known_rows(inputs, table).agg(
            F.lit(place).alias(_PLACE), F.count(F.lit(1)).alias("rows"), early
        )
        for place, table in enumerate(tables)
    ]
    found = rows_to_client(reduce(DataFrame.unionByName, counts), what="counts of early rows")
    return tuple(
        EarlyRows(tables[int(row[_PLACE])].ref, rows=int(row["rows"]), early=int(row["early"]))
        for row in found.sort_values(_PLACE).to_dict("records")
        if row["early"]
    )
