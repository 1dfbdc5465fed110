"""How the values of inputs are spread: bins and shares that a table's own values are held to."""

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.data.batch import Batch
from mlops_dagster.data.bins import Bins, number_bins, text_bins
from mlops_dagster.engine.transfer import few_rows, one_row
from mlops_dagster.rules.columns import QUANTILE_ACCURACY, quoted, to_column
from mlops_dagster.rules.kinds import Kind, kind_of_type
from mlops_dagster.spec.rule_checks import SpreadAsIn

DEFAULT_BINS = 10


def spreads_of_inputs(batch: Batch) -> Mapping[str, Bins]:
    """Return for each rule about it how an input's column is spread.

    Bins of numbers begin at quantiles of the input, those of texts are its most frequent values.

    Cost: for each rule two queries over one column of the input: one that finds the bins (for texts
    with a shuffle by value), one that counts in them.
    """
    found = {}
    for rule in batch.declared:
        if isinstance(rule.check, SpreadAsIn):
            rows = batch.delivery.references[rule.check.input]
            found[rule.name] = _spread(rows, rule.check, batch.delivery.contract.types)
    return found


def _spread(rows: DataFrame, check: SpreadAsIn, types: Mapping[str, str]) -> Bins:
    demand = check.demand
    number = demand.bins or DEFAULT_BINS
    column = quoted(check.other)
    what = f"the spread of {check.input}.{check.other}"
    is_number = kind_of_type(types[demand.column]) is Kind.NUMBER
    if is_number:
        edges = _edges(rows, column.cast("double"), number, what=what)
        bins, theirs = number_bins(demand.column, edges), number_bins(check.other, edges)
    else:
        values = _values(rows, column, number - 1, what=what)
        bins, theirs = text_bins(demand.column, values), text_bins(check.other, values)
    shares = one_row(
        rows.agg(*(to_column(one).alias(f"s{n}") for n, one in enumerate(theirs.shares))), what=what
    )
    if any(share is None for share in shares):
        return bins
    return replace(bins, expected=tuple(float(share) for share in shares))


def _edges(rows: DataFrame, column: Column, number: int, *, what: str) -> list[float]:
    wanted = [place / number for place in range(1, number)]
    known = F.when(~F.isnan(column), column)
    quantiles = F.percentile_approx(known, wanted, QUANTILE_ACCURACY)
    found = one_row(
        rows.agg(*(F.get(quantiles, place).alias(f"q{place}") for place in range(len(wanted)))),
        what=what,
    )
    # Frequent values are several quantiles at once. Of no values there is one bin for all.
    return sorted({float(edge) for edge in found if edge is not None}) or [0.0]


def _values(rows: DataFrame, column: Column, number: int, *, what: str) -> list[str]:
    counted = rows.where(column.isNotNull()).groupBy(column.alias("value")).count()
    most = counted.orderBy(F.col("count").desc(), F.col("value")).limit(number)
    return [str(row["value"]) for row in few_rows(most, what=what, at_most=number)]
