"""What must be known before rows can be judged: bad keys, statistics, numbers of inputs."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from pyspark.sql import Column, SparkSession

from mlops_dagster.data.batch import Batch, Known
from mlops_dagster.data.keys import find_bad_keys
from mlops_dagster.engine.transfer import one_row
from mlops_dagster.rules import Expression
from mlops_dagster.rules.columns import to_column
from mlops_dagster.rules.expression import replaced, walk
from mlops_dagster.rules.nodes import Aggregate, Literal, Node
from mlops_dagster.spec.rule_checks import Agrees, Relative
from mlops_dagster.spec.workspace import ResolvedRule


def learnt(session: SparkSession, batch: Batch) -> Batch:
    """Return the batch with what its rules need of other rows and other tables.

    Cost: a query for each group of keys, one for all statistics that rows are held against, and one
    for each input that statistics are compared with. None for a table without such rules.
    """
    known = Known(
        bad_keys=find_bad_keys(session, batch), against=_against(batch), theirs=_theirs(batch)
    )
    return replace(batch, known=known)


def _against(batch: Batch) -> Mapping[str, Expression]:
    rules = {
        rule.name: (rule, rule.check.expression)
        for rule in batch.declared
        if isinstance(rule.check, Relative)
    }
    columns: dict[tuple[str | None, str], Column] = {}
    for rule, expression in rules.values():
        chosen = batch.chosen(rule)
        for node in walk(expression.root):
            if isinstance(node, Aggregate):
                part = Expression(text=expression.source(node), root=node)
                columns[_when(rule), part.text] = batch.column(part, where=chosen)
    if not columns:
        return {}
    named = [column.alias(f"s{place}") for place, column in enumerate(columns.values())]
    row = one_row(
        batch.delivery.frame.where(batch.readable).agg(*named), what="statistics of the batch"
    )
    values = dict(zip(columns, row, strict=True))

    def against(rule: ResolvedRule, expression: Expression) -> Expression:
        def known(node: Node) -> Node | None:
            if not isinstance(node, Aggregate):
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
