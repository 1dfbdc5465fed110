"""The statistics of valid rows that rules need, computed where the rows are counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql.types import BooleanType, DoubleType, IntegerType, LongType, StringType

from mlops_dagster.data.batch import Batch
from mlops_dagster.data.bins import distance_of
from mlops_dagster.data.figures import finite
from mlops_dagster.data.verdict import Found
from mlops_dagster.rules import Expression
from mlops_dagster.rules.expression import walk
from mlops_dagster.rules.kinds import Kind
from mlops_dagster.rules.nodes import Aggregate
from mlops_dagster.rules.oracle import evaluate_aggregates
from mlops_dagster.spec.rule_checks import Agrees, Condition, History, SpreadAsIn
from mlops_dagster.spec.workspace import ResolvedRule

# A message shows this many numbers of a rule.
_SHOWN = 4
_APART = ("distinct_count", "mode")
_PLAIN = (BooleanType, IntegerType, LongType, DoubleType, StringType)


@dataclass(frozen=True)
class Statistic:
    """A condition or number about the valid rows; `part` marks what only explains an answer."""

    rule: ResolvedRule
    expression: Expression
    part: bool = False

    def column(self, batch: Batch) -> Column:
        """Return its aggregate."""
        found = batch.column(self.expression, where=batch.chosen(self.rule))
        return found.cast("double") if self.expression.kind is Kind.NUMBER else found

    def of_nothing(self, batch: Batch) -> object:
        """Return its value when no row is valid."""
        return evaluate_aggregates(
            self.expression, [], column_count=len(batch.delivery.columns), moments=batch.moments
        )


def statistics_of(batch: Batch) -> tuple[Statistic, ...]:
    """Return what is computed of the valid rows, for every rule about the data set."""
    found: list[Statistic] = []
    for rule in batch.declared:
        match rule.check:
            case Condition(expression) if expression.aggregates and expression.reads_rows:
                found.append(Statistic(rule, expression))
                parts = {
                    expression.source(node): node
                    for node in walk(expression.root)
                    if isinstance(node, Aggregate)
                }
                if len(parts) <= _SHOWN:
                    found += [
                        Statistic(
                            rule, Expression(text=text, root=node, kind=Kind.OTHER), part=True
                        )
                        for text, node in parts.items()
                    ]
            case History(statistic) | Agrees(statistic):
                found.append(Statistic(rule, statistic))
            case SpreadAsIn():
                bins = batch.known.spreads[rule.name].shares
                found += [Statistic(rule, share) for share in bins]
    return tuple(found)


def are_tallied(batch: Batch) -> bool:
    """Tell whether a write can compute the statistics of a batch while rows pass.

    DISTINCT needs a shuffle of its own, and only plain values come back from a write as they do
    from a query.
    """
    statistics = statistics_of(batch)
    if not statistics:
        return True
    if any(
        isinstance(node, Aggregate) and node.name in _APART
        for one in statistics
        for node in walk(one.expression.root)
    ):
        return False
    columns = (one.column(batch).alias(f"s{place}") for place, one in enumerate(statistics))
    schema = batch.delivery.frame.agg(*columns).schema
    return all(isinstance(field.dataType, _PLAIN) for field in schema)


def found_statistics(batch: Batch, values: Sequence[object]) -> dict[str, Found]:
    """Return what was found by rule, from the values of `statistics_of` in their order."""
    answers: dict[str, bool | float | None] = {}
    shares: dict[str, list[float | None]] = {}
    parts: dict[str, dict[str, str]] = {}
    numbers: dict[str, dict[str, float]] = {}
    for one, value in zip(statistics_of(batch), values, strict=True):
        if one.part:
            parts.setdefault(one.rule.name, {})[one.expression.text] = _shown(value)
            number = _number(value)
            if number is not None:
                numbers.setdefault(one.rule.name, {})[one.expression.text] = number
        elif isinstance(one.rule.check, SpreadAsIn):
            share = float(value) if isinstance(value, int | float) else None
            shares.setdefault(one.rule.name, []).append(share)
        elif value is None or isinstance(value, bool):
            answers[one.rule.name] = value
        elif isinstance(value, int | float):
            answers[one.rule.name] = float(value)
        else:
            raise TypeError(f"{one.rule.name} gave a {type(value).__name__}")
    spreads = {name: Found(_distance(batch, name, found)) for name, found in shares.items()}
    return spreads | {
        name: Found(value, parts.get(name, {}), numbers.get(name, {}))
        for name, value in answers.items()
    }


def _number(value: object) -> float | None:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return finite(float(value))
    return None


def _distance(batch: Batch, name: str, shares: Sequence[float | None]) -> float | None:
    """Return how far the shares of a table are from those of an input; None without rows."""
    expected = batch.known.spreads[name].expected
    known = [share for share in shares if share is not None]
    check = next(rule.check for rule in batch.declared if rule.name == name)
    if not isinstance(check, SpreadAsIn) or expected is None or len(known) < len(shares):
        return None
    return distance_of(check.demand.distance, known, expected)


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if isinstance(value, int | str | date | timedelta) else f"{value}"
