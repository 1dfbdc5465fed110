"""The statistics of data-set rules in plain Python, with Spark's results."""

import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import cmp_to_key

from mlops_dagster.rules.arithmetic import calculate
from mlops_dagster.rules.nodes import AggregateName, Operator
from mlops_dagster.rules.values import Value, as_float, order


def statistic(  # noqa: PLR0911 - one return a statistic
    name: AggregateName, values: Sequence[Value], *, share: float | None = None
) -> Value:
    """Return a statistic of the values of all rows; of no values it is null.

    Nulls count only in `null_rate`.
    """
    present = [value for value in values if value is not None]
    if name == "count":
        return len(present)
    if name == "null_rate":
        return (len(values) - len(present)) / len(values) if values else None
    if name == "count_if":
        return sum(value is True for value in present)
    if name == "share":
        return sum(value is True for value in present) / len(values) if values else None
    if name in ("distinct_count", "approx_distinct_count"):
        return _distinct(present)
    if not present:
        return None
    if name == "mode":
        return _mode(present)
    if name == "min":
        return min(present, key=cmp_to_key(order))
    if name == "max":
        return max(present, key=cmp_to_key(order))
    if name == "quantile":
        return _quantile(present, share or 0.0)
    return _moment(name, present)


def _distinct(present: Sequence[Value]) -> int:
    ordered = sorted(present, key=cmp_to_key(order))
    return sum(
        1
        for index, value in enumerate(ordered)
        if index == 0 or order(ordered[index - 1], value) != 0
    )


def _mode(present: Sequence[Value]) -> Value:
    """Return the value that is there most often, the lowest of several; -0.0 is not 0.0 here."""
    counts = Counter(map(repr, present))
    most = max(counts.values())
    often = [value for value in present if counts[repr(value)] == most]
    return min(often, key=cmp_to_key(order))


def correlation(values: Sequence[Value], others: Sequence[Value]) -> float | None:
    """Return Pearson's correlation of rows with both values; null where one does not vary."""
    pairs = [
        (as_float(value), as_float(other))
        for value, other in zip(values, others, strict=True)
        if value is not None and other is not None
    ]
    if not pairs:
        return None
    if not all(math.isfinite(value) for pair in pairs for value in pair):
        return math.nan
    means = [math.fsum(side) / len(pairs) for side in zip(*pairs, strict=True)]
    left, right = ([pair[side] - means[side] for pair in pairs] for side in (0, 1))
    spread = math.sqrt(sum(one**2 for one in left)) * math.sqrt(sum(one**2 for one in right))
    if spread == 0:
        return None
    return sum(one * other for one, other in zip(left, right, strict=True)) / spread


def _quantile(present: Sequence[Value], share: float) -> Value:
    """Return the smallest value not exceeded by at least `share` of the values; NaN is left out."""
    numbers = [value for value in present if not math.isnan(as_float(value))]
    if not numbers:
        return None
    ordered = sorted(numbers, key=cmp_to_key(order))
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _moment(name: AggregateName, present: Sequence[Value]) -> Value:
    if name == "sum":
        total: Value = present[0]
        for value in present[1:]:
            total = calculate(Operator.ADD, total, value)
        return total
    if name == "mean" and all(isinstance(value, Decimal) for value in present):
        return calculate(Operator.DIVIDE, _moment("sum", present), Decimal(len(present)))
    numbers = [as_float(value) for value in present]
    if not all(map(math.isfinite, numbers)):
        mean = sum(numbers) / len(numbers)
    else:
        mean = math.fsum(numbers) / len(numbers)
    if name == "mean":
        return mean
    if name in ("skewness", "kurtosis"):
        return _shape(name, [number - mean for number in numbers])
    if len(numbers) < 2:
        return None
    variance = sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)
    return variance if name == "variance" else math.sqrt(variance)


def _shape(name: AggregateName, distances: Sequence[float]) -> float | None:
    """Return the skewness or excess kurtosis of a whole population from distances to its mean."""
    spread = sum(distance**2 for distance in distances)
    if spread == 0:
        return None
    if name == "skewness":
        cubes = sum(distance**3 for distance in distances)
        return math.sqrt(len(distances)) * cubes / math.sqrt(spread**3)
    return len(distances) * sum(distance**4 for distance in distances) / spread**2 - 3
