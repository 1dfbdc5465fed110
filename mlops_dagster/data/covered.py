"""What a table's rules say already, so that it is not proposed again. Pure."""

from mlops_dagster.data.builtin import required_columns, unique_columns
from mlops_dagster.data.proposals import Proposal
from mlops_dagster.rules import Expression
from mlops_dagster.rules.nodes import Aggregate, IsNull, Not
from mlops_dagster.spec.rule_checks import Condition, History, Unique
from mlops_dagster.spec.workspace import ResolvedRule, ResolvedTable

_PRESENCE = ("not_null", "not_blank")


def is_covered(one: Proposal, table: ResolvedTable) -> bool:
    """Tell whether a rule of the table, a built-in one among them, is about the same already."""
    if one.kind == "not_null" and one.columns[0] in _never_null(table):
        return True
    if one.kind == "unique" and set(unique_columns(table)) <= set(one.columns) and table.spec.key:
        return True
    return any(_says(rule, one) for rule in table.rules)


def _never_null(table: ResolvedTable) -> frozenset[str]:
    """Return the columns whose nulls a built-in rule finds, or which no row was delivered in."""
    spec = table.spec
    times = (spec.event_time, spec.known_at) if table.windowed else ()
    made = (spec.row_number, *times)
    return frozenset({*required_columns(table), *spec.key, *filter(None, made)})


def _says(rule: ResolvedRule, one: Proposal) -> bool:
    match rule.check:
        case Unique(columns=columns):
            return one.kind == "unique" and set(columns) == set(one.columns)
        case History(statistic=statistic):
            return not one.columns and _counts_rows(statistic)
        case Condition(expression) if expression.aggregates:
            same = rule.kind == one.kind == "distribution"
            of_rows = not one.columns and _counts_rows(expression)
            return of_rows or (same and expression.columns == set(one.columns))
        case Condition(expression) if rule.when is None or rule.when.columns <= set(one.columns):
            return _says_of_rows(rule, expression, one)
    return False


def _says_of_rows(rule: ResolvedRule, expression: Expression, one: Proposal) -> bool:
    """Tell whether a condition on rows is about a proposal's columns, and in the same respect."""
    if not one.columns or one.kind in ("unique", "distribution"):
        return False
    presence = rule.kind in _PRESENCE or _asks_for_presence(expression)
    if presence != (one.kind in _PRESENCE):
        return False
    named = set(one.columns)
    return named <= expression.columns if presence else named == expression.columns


def _counts_rows(expression: Expression) -> bool:
    nodes = (expression.root, *expression.root.children)
    return any(isinstance(node, Aggregate) and node.name == "row_count" for node in nodes)


def _asks_for_presence(expression: Expression) -> bool:
    root = expression.root
    return isinstance(root, Not) and isinstance(root.value, IsNull)
