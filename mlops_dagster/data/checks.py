"""Rules as flags on rows, and the one query that counts, routes and digests a batch.

A flag is true where a row fails; it is never null. Flags cost one expression each; what a
quarantined row says about itself is built for those rows only, afterwards.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.data import builtin
from mlops_dagster.data.batch import Batch, columns_of, expressions_of
from mlops_dagster.data.builtin import RuleFacts
from mlops_dagster.data.delivery import IS_UNREADABLE, PREFIX, ROW_ID
from mlops_dagster.data.keys import fails_by_key, with_bad_keys
from mlops_dagster.data.statistics import found_statistics, statistics_of
from mlops_dagster.data.verdict import Counts, Found
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.spec.rule_checks import Condition, KeyCheck
from mlops_dagster.spec.tables import OnFail, UnknownPolicy
from mlops_dagster.spec.workspace import ResolvedRule
from mlops_dagster.tables.folding import any_of
from mlops_dagster.tables.instants import instant
from mlops_dagster.tables.measure import Measure, digest, row_hash, sum_of_hashes

VALID, QUARANTINE, DROP = "valid", "quarantine", "drop"
ROUTE = f"{PREFIX}route"
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
    content = batch.delivery.frame.select(*(quote(name) for name in batch.delivery.columns)).schema
    statistics = statistics_of(batch)
    names = [rule.name for rule in batch.row_rules]
    routed = few_rows(counted_rows(batch), what=f"the counts of {batch.table.ref}")
    by_route = {row[ROUTE]: row for row in routed}
    valid = by_route.get(VALID)
    valid_rows = 0 if valid is None else int(valid[_ROWS])
    counts = Counts(
        rows_in=sum(int(row[_ROWS]) for row in routed),
        valid=valid_rows,
        quarantined=int(by_route[QUARANTINE][_ROWS]) if QUARANTINE in by_route else 0,
        dropped=int(by_route[DROP][_ROWS]) if DROP in by_route else 0,
        failed={name: sum(int(row[flag(name)]) for row in routed) for name in names},
        found=_builtin_answers(batch)
        | found_statistics(
            batch,
            [
                one.of_nothing(batch) if valid is None else valid[f"{_STATISTIC}{n}"]
                for n, one in enumerate(statistics)
            ],
        ),
        errors=batch.errors,
        theirs=batch.known.theirs,
        surveyed=batch.known.surveyed,
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


def counted_rows(batch: Batch) -> DataFrame:
    """Return one row a route: rows, their hashes, failing rows by rule, statistics; lazy."""
    content = batch.delivery.frame.select(*(quote(name) for name in batch.delivery.columns)).schema
    rows = batch.delivery.frame.select(
        *(quote(name) for name in _needed(batch)), row_hash(content).alias(_HASH)
    )
    names = [rule.name for rule in batch.row_rules]
    return (
        flagged(rows, batch, names)
        .groupBy(ROUTE)
        .agg(
            F.count(F.lit(1)).alias(_ROWS),
            sum_of_hashes(F.col(_HASH)).alias(_HASH),
            *(F.count_if(F.col(quote(flag(name)))).alias(flag(name)) for name in names),
            *(
                one.column(batch).alias(f"{_STATISTIC}{place}")
                for place, one in enumerate(statistics_of(batch))
            ),
            *((F.collect_set(ROW_ID).alias(ROW_ID),) if batch.delivery.has_followed else ()),
        )
    )


def flagged(rows: DataFrame, batch: Batch, names: Collection[str]) -> DataFrame:
    """Add a boolean column for each of these rules, true where a row fails it, and the row's route.

    A row whose record is unreadable fails nothing else.
    """
    rules = [rule for rule in batch.row_rules if rule.name in names]
    rows = with_bad_keys(rows, batch, names)
    flags = {rule.name: _failed(rule, batch, rows) for rule in rules}
    marked = rows.select("*", *(column.alias(flag(name)) for name, column in flags.items()))
    route = F.lit(VALID)
    for fate, value in ((OnFail.DROP, DROP), (OnFail.QUARANTINE, QUARANTINE)):
        failing = [F.col(quote(flag(rule.name))) for rule in rules if rule.on_fail is fate]
        if failing:
            route = F.when(any_of(failing), F.lit(value)).otherwise(route)
    return marked.withColumn(ROUTE, route)


def reasons(batch: Batch, names: Collection[str]) -> Column:
    """Return the reasons (array of strings) for which a flagged row goes to quarantine."""
    told = [
        F.when(F.col(quote(flag(rule.name))), F.lit(rule.reason))
        for rule in batch.row_rules
        if rule.name in names and rule.on_fail is OnFail.QUARANTINE
    ]
    return F.array_compact(F.array(*told))


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


def _failed(rule: RuleFacts, batch: Batch, rows: DataFrame) -> Column:
    if rule.name == builtin.READABLE:
        # A folder may turn out to hold Parquet, whose rows have their types.
        return F.col(IS_UNREADABLE) if batch.delivery.has_records else F.lit(False)
    declared = {resolved.name: resolved for resolved in batch.declared}
    if rule.name in declared:
        failed = _declared(declared[rule.name], batch)
    else:
        failed = _builtin(rule.name, batch, rows)
    return batch.readable & failed if batch.delivery.has_records else failed


def _declared(rule: ResolvedRule, batch: Batch) -> Column:
    if isinstance(rule.check, KeyCheck):
        return fails_by_key(batch, rule.name)
    if isinstance(rule.check, Condition):
        expression = rule.check.expression
    else:
        expression = batch.known.against[rule.name]
    unknown = F.lit(rule.spec.unknown is UnknownPolicy.FAIL)
    failed = F.coalesce(~batch.column(expression), unknown)
    chosen = batch.chosen(rule)
    return failed if chosen is None else chosen & failed


def _builtin(name: str, batch: Batch, rows: DataFrame) -> Column:
    table = batch.table
    if name == builtin.NOT_NULL_IN_CONTRACT:
        return _any_null(builtin.required_columns(table))
    if name == builtin.KEY_NOT_NULL:
        return _any_null(table.spec.key)
    if name == builtin.KEY_UNIQUE:
        return fails_by_key(batch, name)
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


def flag(name: str) -> str:
    """Return the column of `flagged` that tells whether a row fails a rule."""
    return f"{PREFIX}failed_{name}"
