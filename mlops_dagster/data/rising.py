"""Values that fall in the order of others, among distinct pairs of the two."""

from collections.abc import Sequence

from pyspark.sql import Column, Window
from pyspark.sql import functions as F


def falls(value: Column, order: Column, by: Sequence[Column]) -> Column:
    """Return whether a value is below the largest of the instant before it; never null.

    Instants are the distinct values of `order` among rows that share `by` and have both values. So
    several rows of one instant need no order among themselves.

    Cost: one shuffle by `by`; without it all pairs are sorted in one task.
    """
    whole = value.isNotNull() & order.isNotNull()
    among = Window.partitionBy(*by, whole)
    instant = F.dense_rank().over(among.orderBy(order))
    before = F.max(value).over(among.orderBy(instant).rangeBetween(-1, -1))
    return whole & F.coalesce(value < before, F.lit(False))
