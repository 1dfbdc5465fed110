"""Rules as flags on rows, and the one query that counts, routes and digests a batch.

A flag is true where a row fails; it is never null. Flags cost one expression each; what a
quarantined row says about itself is built for those rows only, afterwards.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import Window as Over
from pyspark.sql import functions as F

from mlops_dagster.data import builtin
from mlops_dagster.data.builtin import RuleFacts
from mlops_dagster.data.delivery import IS_UNREADABLE, PREFIX, ROW_ID, Delivery
from mlops_dagster.data.verdict import Counts
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.rules import check_columns
from mlops_dagster.rules.columns import to_column
from mlops_dagster.rules.oracle import evaluate_aggregates
from mlops_dagster.spec.tables import OnFail, UnknownPolicy
from mlops_dagster.spec.workspace import ResolvedRule, ResolvedTable
from mlops_dagster.tables.folding import any_of
from mlops_dagster.tables.instants import instant
from mlops_dagster.tables.measure import Measure, digest, row_hash, sum_of_hashes

VALID, QUARANTINE, DROP = "valid", "quarantine", "drop"
ROUTE = f"{PREFIX}route"
_HASH = f"{PREFIX}hash"
_COPIES = f"{PREFIX}copies"
_ROWS = f"{PREFIX}rows"


@dataclass(frozen=True)
class Batch:
    """A delivery with the rules it is held against.

    Attributes:
        table: The table.
        window: The key of its window; `static` for a static table.
        as_of: The instant at which the slice is built.
        delivery: The rows.
        rules: All rules, as facts.
        errors: Rules that cannot be computed on these columns, with the reason.
    """

    table: ResolvedTable
    window: str
    as_of: datetime
    delivery: Delivery
    rules: tuple[RuleFacts, ...]
    errors: Mapping[str, str]

    @property
    def row_rules(self) -> tuple[RuleFacts, ...]:
        """Rules about rows that can be computed."""
        return tuple(r for r in self.rules if r.about == "rows" and r.name not in self.errors)


@dataclass(frozen=True)
class Measured:
    """The counts of a batch, the measure of its valid rows, the followed rows by their route."""

    counts: Counts
    valid: Measure
    followed: Mapping[str, frozenset[str]]


def batch_of(table: ResolvedTable, *, window: str, as_of: datetime, delivery: Delivery) -> Batch:
    """Return a delivery with its rules; those that do not fit the columns are named as errors."""
    types = delivery.contract.types
    problems = {rule.name: _problems(rule, types) for rule in table.rules}
    return Batch(
        table=table,
        window=window,
        as_of=as_of,
        delivery=delivery,
        rules=builtin.rules_of(table),
        errors={name: "; ".join(found) for name, found in problems.items() if found},
    )


def measure_batch(batch: Batch) -> Measured:
    """Count rows, failing rows and routes, compute rules about the data set, and digest valid rows.

    Cost: one query over the delivered rows. Without a key only a few rows are shuffled; with one, a
    shuffle of the key and the columns that rules name. Rules about the data set see valid rows
    only.
    """
    columns = batch.delivery.columns
    content = batch.delivery.frame.select(*(quote(name) for name in columns)).schema
    rows = batch.delivery.frame.select(
        *(quote(name) for name in _needed(batch)), row_hash(content).alias(_HASH)
    )
    statistics = {
        rule.name: to_column(rule.expression, column_count=len(columns))
        for rule in _data_set_rules(batch)
    }
    names = [rule.name for rule in batch.row_rules]
    routed = few_rows(
        flagged(rows, batch, names)
        .groupBy(ROUTE)
        .agg(
            F.count(F.lit(1)).alias(_ROWS),
            sum_of_hashes(F.col(_HASH)).alias(_HASH),
            *(F.count_if(F.col(quote(_flag(name)))).alias(_flag(name)) for name in names),
            *(column.alias(_statistic(name)) for name, column in statistics.items()),
            *((F.collect_set(ROW_ID).alias(ROW_ID),) if batch.delivery.has_followed else ()),
        ),
        what=f"the counts of {batch.table.ref}",
    )
    by_route = {row[ROUTE]: row for row in routed}
    valid = by_route.get(VALID)
    valid_rows = 0 if valid is None else int(valid[_ROWS])
    counts = Counts(
        rows_in=sum(int(row[_ROWS]) for row in routed),
        valid=valid_rows,
        quarantined=int(by_route[QUARANTINE][_ROWS]) if QUARANTINE in by_route else 0,
        dropped=int(by_route[DROP][_ROWS]) if DROP in by_route else 0,
        failed={name: sum(int(row[_flag(name)]) for row in routed) for name in names},
        truths=_builtin_truths(batch)
        | {
            rule.name: (
                _truth_of_nothing(rule, len(columns))
                if valid is None
                else valid[_statistic(rule.name)]
            )
            for rule in _data_set_rules(batch)
        },
        errors=batch.errors,
    )
    hashes = None if valid is None else valid[_HASH]
    return Measured(
        counts,
        Measure(valid_rows, digest(content, valid_rows, hashes), {}),
        {
            route: frozenset(row[ROW_ID]) if batch.delivery.has_followed else frozenset()
            for route, row in by_route.items()
        },
    )


def flagged(rows: DataFrame, batch: Batch, names: Collection[str]) -> DataFrame:
    """Add a boolean column for each of these rules, true where a row fails it, and the row's route.

    A row whose record is unreadable fails nothing else.
    """
    rules = [rule for rule in batch.row_rules if rule.name in names]
    if builtin.KEY_UNIQUE in names:
        rows = rows.withColumn(_COPIES, _copies(batch))
    flags = {rule.name: _failed(rule, batch, rows) for rule in rules}
    marked = rows.select("*", *(flag.alias(_flag(name)) for name, flag in flags.items()))
    route = F.lit(VALID)
    for fate, value in ((OnFail.DROP, DROP), (OnFail.QUARANTINE, QUARANTINE)):
        failing = [F.col(quote(_flag(rule.name))) for rule in rules if rule.on_fail is fate]
        if failing:
            route = F.when(any_of(failing), F.lit(value)).otherwise(route)
    return marked.withColumn(ROUTE, route)


def reasons(batch: Batch, names: Collection[str]) -> Column:
    """Return the reasons (array of strings) for which a flagged row goes to quarantine."""
    told = [
        F.when(F.col(quote(_flag(rule.name))), F.lit(rule.reason))
        for rule in batch.row_rules
        if rule.name in names and rule.on_fail is OnFail.QUARANTINE
    ]
    return F.array_compact(F.array(*told))


def _problems(rule: ResolvedRule, types: Mapping[str, str]) -> tuple[str, ...]:
    found = check_columns(rule.expression, types)
    return found if rule.when is None else (*found, *check_columns(rule.when, types))


def _data_set_rules(batch: Batch) -> list[ResolvedRule]:
    return [
        rule
        for rule in batch.table.rules
        if rule.about == "data_set" and rule.name not in batch.errors
    ]


def _builtin_truths(batch: Batch) -> dict[str, bool | None]:
    if builtin.LINES_END not in [rule.name for rule in batch.rules]:
        return {}
    return {builtin.LINES_END: not batch.delivery.unfinished}


def _truth_of_nothing(rule: ResolvedRule, column_count: int) -> bool | None:
    truth = evaluate_aggregates(rule.expression, [], column_count=column_count)
    return None if truth is None else bool(truth)


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
    for rule in table.rules:
        if rule.name not in batch.errors:
            wanted |= rule.expression.columns
            wanted |= rule.when.columns if rule.when is not None else frozenset()
    return [name for name in batch.delivery.frame.columns if name in wanted]


def _failed(rule: RuleFacts, batch: Batch, rows: DataFrame) -> Column:
    if rule.name == builtin.READABLE:
        return F.col(IS_UNREADABLE)
    declared = {resolved.name: resolved for resolved in batch.table.rules}
    if rule.name in declared:
        failed = _declared(declared[rule.name])
    else:
        failed = _builtin(rule.name, batch, rows)
    return ~F.col(IS_UNREADABLE) & failed if batch.delivery.has_records else failed


def _declared(rule: ResolvedRule) -> Column:
    unknown = F.lit(rule.spec.unknown is UnknownPolicy.FAIL)
    failed = F.coalesce(~to_column(rule.expression), unknown)
    if rule.when is None:
        return failed
    return F.coalesce(to_column(rule.when), F.lit(False)) & failed


def _builtin(name: str, batch: Batch, rows: DataFrame) -> Column:
    table = batch.table
    if name == builtin.NOT_NULL_IN_CONTRACT:
        return _any_null(builtin.required_columns(table))
    if name == builtin.KEY_NOT_NULL:
        return _any_null(table.spec.key)
    if name == builtin.KEY_UNIQUE:
        return (F.col(_COPIES) > 1) & ~_any_null(builtin.unique_columns(table))
    if table.calendar is None or table.event_time is None:
        raise ValueError(f"{name} needs windows and an event time: {table.ref}")
    zone = table.calendar.time_zone
    if name == builtin.KNOWN_AT_NOT_AFTER_AS_OF:
        known_at = instant(rows, table.spec.known_at or table.event_time, zone)
        return F.coalesce(known_at > F.lit(batch.as_of), F.lit(True))
    bounds = table.calendar.window(batch.window)
    event_time = instant(rows, table.event_time, zone)
    inside = (event_time >= F.lit(bounds.start)) & (event_time < F.lit(bounds.end))
    return ~F.coalesce(inside, F.lit(False))


def _any_null(columns: Collection[str]) -> Column:
    return any_of([F.col(quote(name)).isNull() for name in columns])


def _copies(batch: Batch) -> Column:
    """Return how many readable rows share a row's key and event time."""
    key = [F.col(quote(name)) for name in builtin.unique_columns(batch.table)]
    counted = ~F.col(IS_UNREADABLE) if batch.delivery.has_records else F.lit(True)
    return F.count_if(counted).over(Over.partitionBy(*key))


def _flag(name: str) -> str:
    return f"{PREFIX}failed_{name}"


def _statistic(name: str) -> str:
    return f"{PREFIX}statistic_{name}"
