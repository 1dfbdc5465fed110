"""Values that fall in the order of others, among distinct pairs of the two."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def with_falls(
    pairs: DataFrame, flag: str, *, value: Column, order: Column, by: Sequence[Column]
) -> DataFrame:
    """Add whether a value is below the largest of the instant before it; never null.

    Instants are the distinct values of `order` among rows that share `by` and have both values. So
    several rows of one instant need no order among themselves.

    Cost: one shuffle by `by`; without it all pairs are sorted in one task.

    Args:
        pairs: Rows with a value and what it is ordered by, each pair once.
        flag: The column to add.
        value: What should not fall.
        order: In the order of what.
        by: What rows share whose values are compared.
    """
    whole, instant = f"{flag}_whole", f"{flag}_instant"
    # A column of its own: else Spark shuffles again for the second window.
    known = pairs.withColumn(whole, value.isNotNull() & order.isNotNull())
    among = Window.partitionBy(*by, F.col(whole))
    numbered = known.withColumn(instant, F.dense_rank().over(among.orderBy(order)))
    before = F.max(value).over(among.orderBy(F.col(instant)).rangeBetween(-1, -1))
    falls = F.col(whole) & F.coalesce(value < before, F.lit(False))
    return numbered.withColumn(flag, falls).drop(whole, instant)
