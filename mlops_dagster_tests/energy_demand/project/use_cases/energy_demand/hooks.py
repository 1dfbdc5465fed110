"""Code of the energy_demand use case: its feature table and the price of a wrong peak."""

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.hooks import metric, transform

# Days before the asked one that a row looks at; a day less than the table reads, so that a change
# of clocks never cuts the oldest off.
LOOK_BACK_DAYS = 14
SHORT_EUROS_PER_KW = 2.0
SPARE_EUROS_PER_KW = 0.5
# Meters tell hundredths of a kWh.
METER = "decimal(10,2)"


@transform
def household_days(readings: DataFrame, calendar: DataFrame) -> DataFrame:
    """One row a household and day of the two weeks after a reading, from the 14 days before it.

    A reading counts for each of the 14 days after it; the days that are not asked for are dropped
    before anything is computed for them.
    """
    age = F.col("age")
    lags = (
        readings.select(
            "household",
            "kwh",
            "peak_kw",
            F.col("day").alias("read_day"),
            F.explode(F.sequence(F.lit(1), F.lit(LOOK_BACK_DAYS))).alias("age"),
        )
        .withColumn("day", F.date_add("read_day", age))
        .groupBy("household", "day")
        .agg(
            F.max(F.when(age == 1, F.col("kwh"))).alias("kwh_yesterday"),
            F.max(F.when(age == 7, F.col("kwh"))).alias("kwh_last_week"),
            _mean(F.when(age <= 7, F.col("kwh"))).alias("kwh_mean_7"),
            _mean(F.col("kwh")).alias("kwh_mean_14"),
            F.max(F.when(age == 1, F.col("peak_kw"))).alias("peak_yesterday"),
            F.max(F.when(age <= 7, F.col("peak_kw"))).alias("peak_max_7"),
        )
    )
    return lags.join(calendar, on="day", how="left").select(
        *lags.columns,
        F.weekday("day").alias("weekday"),
        "is_holiday",
        "daylight_hours",
    )


def _mean(kwh: Column) -> Column:
    """Return a mean that is the same in whatever order the readings come: decimals add exactly."""
    return F.avg(kwh.cast(METER)).cast("double")


@metric(lower_is_better=True)
def peak_cost(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Euros a household and day: 2 for each kW short, 0.5 for each kW too much."""
    short = np.maximum(actual - predicted, 0.0)
    spare = np.maximum(predicted - actual, 0.0)
    return float(np.mean(SHORT_EUROS_PER_KW * short + SPARE_EUROS_PER_KW * spare))
