"""What must be known before rows can be judged: bad keys, statistics, numbers of inputs."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from pyspark.sql import Column, SparkSession

from mlops_dagster.data.batch import Batch, Known
from mlops_dagster.data.keys import find_bad_keys
from mlops_dagster.data.spreads import spreads_of_inputs
from mlops_dagster.data.surveys import survey
from mlops_dagster.engine.transfer import one_row
from mlops_dagster.rules import Expression
from mlops_dagster.rules.columns import to_column
from mlops_dagster.rules.expression import is_innermost, replaced, walk
from mlops_dagster.rules.nodes import Literal, Node
from mlops_dagster.spec.rule_checks import Agrees, Relative
from mlops_dagster.spec.workspace import ResolvedRule


def learnt(session: SparkSession, batch: Batch) -> Batch:
    """Return the batch with what its rules need of other rows and other tables.

    Cost: a query for each group of keys, one for all statistics that rows are held against (one
    more for statistics of these), one for each input that statistics are compared with, two for
    each rule about how an input is spread, and one for each rule that takes its own. None for a
    table without such rules.
    """
    known = Known(
        bad_keys=find_bad_keys(session, batch),
        against=_against(batch),
        theirs=_theirs(batch),
        spreads=spreads_of_inputs(batch),
        surveyed=survey(batch),
    )
    return replace(batch, known=known)


def _against(batch: Batch) -> Mapping[str, Expression]:
    """Return rules that hold rows against statistics with the numbers in their place.

    Statistics of statistics are found in a second round.
    """
    known: dict[str, Expression] = {}
    waiting = {
        rule.name: (rule, rule.check.expression)
        for rule in batch.declared
        if isinstance(rule.check, Relative)
    }
    while waiting:
        found = _with_statistics(batch, waiting)
        known |= {name: one for name, one in found.items() if not one.aggregates}
        waiting = {name: (waiting[name][0], one) for name, one in found.items() if one.aggregates}
    return known


def _with_statistics(
    batch: Batch, rules: Mapping[str, tuple[ResolvedRule, Expression]]
) -> dict[str, Expression]:
    columns: dict[tuple[str | None, str], Column] = {}
    for rule, expression in rules.values():
        chosen = batch.chosen(rule)
        for node in walk(expression.root):
            if is_innermost(node):
                part = Expression(text=expression.source(node), root=node)
                columns[_when(rule), part.text] = batch.column(part, where=chosen)
    named = [column.alias(f"s{place}") for place, column in enumerate(columns.values())]
    row = one_row(
        batch.delivery.frame.where(batch.readable).agg(*named), what="statistics of the batch"
    )
    values = dict(zip(columns, row, strict=True))

    def against(rule: ResolvedRule, expression: Expression) -> Expression:
        def known(node: Node) -> Node | None:
            if not is_innermost(node):
                return None
            value = values[_when(rule), expression.source(node)]
            if value is not None and not isinstance(value, int | float | Decimal):
                raise TypeError(f"{rule.name} holds rows against a {type(value).__name__}")
            return Literal(span=node.span, value=value)

        return replace(expression, root=replaced(expression.root, known))

    return {name: against(rule, expression) for name, (rule, expression) in rules.items()}


def _theirs(batch: Batch) -> Mapping[str, float | None]:
    by_input: dict[str, list[tuple[str, Agrees]]] = {}
    for rule in batch.declared:
        if isinstance(rule.check, Agrees):
            by_input.setdefault(rule.check.demand.input, []).append((rule.name, rule.check))
    found: dict[str, float | None] = {}
    for name, rules in by_input.items():
        rows = batch.delivery.references[name]
        columns = [
            to_column(check.its, column_count=len(rows.columns), moments=batch.moments)
            .cast("double")
            .alias(f"s{place}")
            for place, (_, check) in enumerate(rules)
        ]
        row = one_row(rows.agg(*columns), what=f"statistics of {name}")
        found |= {rule: row[f"s{place}"] for place, (rule, _) in enumerate(rules)}
    return found


def _when(rule: ResolvedRule) -> str | None:
    return None if rule.when is None else rule.when.text
