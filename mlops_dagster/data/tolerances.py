"""Numbers that agree within a tolerance, as Spark columns; `Tolerance.allows` says the same."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from mlops_dagster.spec.rule_values import Tolerance


def within(mine: Column, other: Column, tolerance: Tolerance) -> Column:
    """Return whether two numbers agree; false where one is null or NaN, never null."""
    mine, other = mine.cast("double"), other.cast("double")
    bound = F.lit(tolerance.value) * (F.abs(other) if tolerance.relative else F.lit(1.0))
    difference = F.abs(mine - other)
    return F.coalesce(~F.isnan(difference) & (difference <= bound), F.lit(False))


def same(mine: Column, other: Column, tolerance: Tolerance | None) -> Column:
    """Return whether two values are equal or agree within a tolerance; two nulls are equal."""
    equal = mine.eqNullSafe(other)
    return equal if tolerance is None else equal | within(mine, other, tolerance)
