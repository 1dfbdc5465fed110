"""Rules as flags on rows, and the route that these give a row.

A flag is true where a row fails; it is never null. Flags cost one expression each; what a
quarantined row says about itself is built for those rows only, afterwards.
"""

from collections.abc import Collection

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.data import builtin
from mlops_dagster.data.batch import Batch
from mlops_dagster.data.builtin import RuleFacts
from mlops_dagster.data.delivery import IS_UNREADABLE, PREFIX
from mlops_dagster.data.keys import fails_by_key, with_bad_keys
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.spec.rule_checks import Condition, KeyCheck
from mlops_dagster.spec.tables import OnFail, UnknownPolicy
from mlops_dagster.spec.workspace import ResolvedRule
from mlops_dagster.tables.folding import any_of
from mlops_dagster.tables.instants import instant

VALID, QUARANTINE, DROP = "valid", "quarantine", "drop"
ROUTE = f"{PREFIX}route"


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
