"""Columns of a table held against columns of its inputs: whether their types can be compared."""

from collections.abc import Iterator

from mlops_dagster.data.delivery import Delivery
from mlops_dagster.rules.kinds import Kind, comparable, kind_of_type
from mlops_dagster.spec.rule_checks import (
    Check,
    Covers,
    GroupsAgree,
    Reference,
    SameRow,
    SpreadAsIn,
)
from mlops_dagster.spec.rule_values import Distance


def pairing_problems(check: Check, delivery: Delivery) -> list[str]:
    """Return why columns of the table and of an input cannot be held against each other.

    The loader tells the same where contracts say the types; here they are those of the rows.
    """
    types = delivery.contract.types
    problems: list[str] = []
    for name, source, other in _pairs(check):
        theirs = {
            field.name: field.dataType.simpleString()
            for field in delivery.references[source].schema.fields
        }
        if other not in theirs:
            problems.append(f"{source} has no column {other}")
        elif name in types:
            kinds = kind_of_type(types[name]), kind_of_type(theirs[other])
            if not comparable(*kinds):
                shown = f"{name}, {types[name]}, cannot be compared with {source}.{other}"
                problems.append(f"{shown}, {theirs[other]}")
    if isinstance(check, SpreadAsIn) and not problems:
        problems += _spread_problems(check, types.get(check.demand.column))
    return problems


def _pairs(check: Check) -> Iterator[tuple[str, str, str]]:
    """Yield a column of the table, an input and its column, for each that are compared."""
    match check:
        case Reference(columns, source, others) | Covers(columns, source, others):
            for name, other in zip(columns, others, strict=True):
                yield name, source, other
        case SameRow(demand):
            for name, other in {**demand.key, **demand.columns}.items():
                yield name, demand.input, other
        case GroupsAgree(demand=agreement, by=by):
            for name in by:
                yield name, agreement.input, name
        case SpreadAsIn(spread, source, other):
            yield spread.column, source, other


def _spread_problems(check: SpreadAsIn, spark_type: str | None) -> list[str]:
    ordered = check.demand.distance is Distance.KS
    wanted = (Kind.NUMBER,) if ordered else (Kind.NUMBER, Kind.TEXT)
    if spark_type is None or kind_of_type(spark_type) in wanted:
        return []
    compared = "numbers" if ordered else "numbers or texts"
    shown = f"{check.demand.column} is of type {spark_type}"
    return [f"{shown}, {check.demand.distance.value} compares {compared}"]
