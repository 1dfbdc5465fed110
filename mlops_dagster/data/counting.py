"""Counting a batch: failing rows, routes, statistics, digest, by a query or by its write.

A batch that its rules may refuse is counted first and written afterwards. Any other is counted by
the write itself, so its rows are computed once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from mlops_dagster.data import builtin
from mlops_dagster.data.batch import Batch, columns_of, expressions_of
from mlops_dagster.data.checks import DROP, QUARANTINE, ROUTE, VALID, flag, flagged
from mlops_dagster.data.delivery import IS_UNREADABLE, PREFIX, ROW_ID
from mlops_dagster.data.statistics import are_tallied, found_statistics, statistics_of
from mlops_dagster.data.verdict import Counts, Found
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.tables.measure import Measure, digest, hash_sums, row_hash
from mlops_dagster.tables.tally import Tally, whole

_HASH = f"{PREFIX}hash"
_STATISTIC = f"{PREFIX}statistic_"
_ROWS = f"{PREFIX}rows"


@dataclass(frozen=True)
class Measured:
    """The counts of a batch, the measure of its valid rows, the followed rows by their route."""

    counts: Counts
    valid: Measure
    followed: Mapping[str, frozenset[str]]


def measure_batch(batch: Batch) -> Measured:
    """Count rows, failing rows and routes, compute rules about the data set, and digest valid rows.

    Cost: one query over the delivered rows, in which only a few rows are shuffled; more where bad
    keys are too many to be sent along. Rules about the data set see valid rows only.
    """
    names = [rule.name for rule in batch.row_rules]
    routed = few_rows(counted_rows(batch), what=f"the counts of {batch.table.ref}")
    by_route = {row[ROUTE]: row.asDict() for row in routed}
    valid = by_route.get(VALID, {})
    statistics = [
        valid[f"{_STATISTIC}{n}"] if valid else one.of_nothing(batch)
        for n, one in enumerate(statistics_of(batch))
    ]
    return _measured(
        batch,
        {route: int(row[_ROWS]) for route, row in by_route.items()},
        failed={name: sum(int(row[flag(name)]) for row in routed) for name in names},
        sums=valid,
        statistics=statistics,
        followed={
            route: frozenset(row[ROW_ID]) if batch.delivery.has_followed else frozenset()
            for route, row in by_route.items()
        },
    )


def counted_rows(batch: Batch) -> DataFrame:
    """Return one row a route: rows, their hashes, failing rows by rule, statistics; lazy."""
    rows = batch.delivery.frame.select(
        *(quote(name) for name in _needed(batch)), row_hash(_content(batch)).alias(_HASH)
    )
    names = [rule.name for rule in batch.row_rules]
    return (
        flagged(rows, batch, names)
        .groupBy(ROUTE)
        .agg(
            F.count(F.lit(1)).alias(_ROWS),
            *hash_sums(F.col(_HASH)),
            *_failing(names),
            *_statistics(batch),
            *((F.collect_set(ROW_ID).alias(ROW_ID),) if batch.delivery.has_followed else ()),
        )
    )


def is_counted_by_its_write(batch: Batch, *, answered: Collection[str]) -> bool:
    """Tell whether a batch may be counted while it is written.

    Not where a count may refuse it: what a rule refuses is never written. Nor where records were
    counted apart, where single rows are followed, or where statistics need a query.

    Args:
        batch: The batch, with what was learnt.
        answered: Rules that have let the batch pass already.
    """
    may_refuse = any(
        rule.on_fail is OnFail.STOP or rule.fail_if is not None
        for rule in batch.rules
        if rule.name not in answered
    )
    return (
        not may_refuse
        and not batch.errors
        and batch.delivery.records is None
        and not batch.delivery.has_followed
        and are_tallied(batch)
    )


class CountedWrite:
    """The valid rows of a batch, counted by the write that they go into."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._names = [rule.name for rule in batch.row_rules]
        self._delivered, self._valid = Tally(), Tally()

    def frame(self) -> DataFrame:
        """Return the rows for one write."""
        batch = self._batch
        rows = flagged(batch.delivery.frame, batch, self._names)
        valid = F.col(ROUTE) == VALID
        rows = self._delivered.over(
            rows.withColumn(_HASH, F.when(valid, row_hash(_content(batch)))),
            F.count(F.lit(1)).alias(_ROWS),
            *(F.count_if(F.col(ROUTE) == route).alias(route) for route in (QUARANTINE, DROP)),
            *hash_sums(F.col(_HASH)),
            *_failing(self._names),
        ).where(valid)
        statistics = _statistics(batch)
        if statistics:
            rows = self._valid.over(rows, *statistics)
        return rows.select(*(F.col(quote(name)) for name in batch.delivery.columns))

    def measured(self) -> Measured | None:
        """Return what the last write counted; None where its engine did not say."""
        batch, statistics = self._batch, statistics_of(self._batch)
        delivered, valid = self._delivered.found(), self._valid.found()
        if delivered is None or (statistics and valid is None):
            return None
        apart = {route: whole(delivered[route]) for route in (QUARANTINE, DROP)}
        return _measured(
            batch,
            {VALID: whole(delivered[_ROWS]) - sum(apart.values()), **apart},
            failed={name: whole(delivered[flag(name)]) for name in self._names},
            sums=delivered,
            statistics=[(valid or {})[f"{_STATISTIC}{n}"] for n in range(len(statistics))],
            followed={},
        )


def _measured(
    batch: Batch,
    rows: Mapping[str, int],
    *,
    failed: Mapping[str, int],
    sums: Mapping[str, object],
    statistics: Sequence[object],
    followed: Mapping[str, frozenset[str]],
) -> Measured:
    valid = rows.get(VALID, 0)
    counts = Counts(
        rows_in=sum(rows.values()),
        valid=valid,
        quarantined=rows.get(QUARANTINE, 0),
        dropped=rows.get(DROP, 0),
        failed=failed,
        found=_builtin_answers(batch) | found_statistics(batch, statistics),
        errors=batch.errors,
        theirs=batch.known.theirs,
        surveyed=batch.known.surveyed,
    )
    return Measured(counts, Measure(valid, digest(_content(batch), valid, sums), {}), followed)


def _content(batch: Batch) -> StructType:
    """Return the delivered columns, without those of our own."""
    columns = set(batch.delivery.columns)
    return StructType([field for field in batch.delivery.frame.schema if field.name in columns])


def _failing(names: Sequence[str]) -> list[Column]:
    return [F.count_if(F.col(quote(flag(name)))).alias(flag(name)) for name in names]


def _statistics(batch: Batch) -> list[Column]:
    return [
        one.column(batch).alias(f"{_STATISTIC}{place}")
        for place, one in enumerate(statistics_of(batch))
    ]


def _builtin_answers(batch: Batch) -> dict[str, Found]:
    if builtin.LINES_END not in [rule.name for rule in batch.rules]:
        return {}
    return {builtin.LINES_END: Found(not batch.delivery.unfinished)}


def _needed(batch: Batch) -> list[str]:
    """Return the columns that rules name, in the delivery's order."""
    table = batch.table
    wanted = {
        *builtin.unique_columns(table),
        *builtin.required_columns(table),
        IS_UNREADABLE,
        ROW_ID,
    }
    wanted |= {name for name in (table.event_time, table.spec.known_at) if name is not None}
    for rule in batch.declared:
        wanted |= set(columns_of(rule, batch.delivery))
        for expression in expressions_of(rule):
            wanted |= expression.columns
    return [name for name in batch.delivery.frame.columns if name in wanted]
