"""Rules about columns alone: answered from the contract, before any row is read."""

from collections.abc import Mapping

from mlops_dagster.data.batch import Batch
from mlops_dagster.rules.oracle import evaluate_aggregates
from mlops_dagster.rules.patterns import compiled_regex
from mlops_dagster.spec.rule_checks import ColumnsMatch, Condition
from mlops_dagster.spec.rule_demands import ColumnsDemand
from mlops_dagster.spec.widening import widens


def contract_answers(batch: Batch) -> Mapping[str, tuple[bool | None, str]]:
    """Return for each rule about columns its truth and what was found instead, in words."""
    columns, types = batch.delivery.columns, batch.delivery.contract.types
    found: dict[str, tuple[bool | None, str]] = {}
    for rule in batch.declared:
        match rule.check:
            case ColumnsMatch(demand):
                faults = faults_of(demand, types)
                found[rule.name] = (not faults, "; ".join(faults))
            case Condition(expression) if expression.aggregates and not expression.reads_rows:
                truth = evaluate_aggregates(expression, [], column_count=len(columns))
                answer = truth if isinstance(truth, bool) else None
                found[rule.name] = (answer, f"column_count is {len(columns)}")
    return found


def faults_of(demand: ColumnsDemand, types: Mapping[str, str]) -> list[str]:
    """Return one sentence for each column that a demand does not allow, or misses.

    Args:
        demand: What is demanded.
        types: The table's columns with their types, in their order.
    """
    columns = list(types)
    faults = [f"'{name}' is missing" for name in demand.have if name not in columns]
    faults += [f"'{name}' is there" for name in demand.lack if name in columns]
    if demand.match is not None:
        pattern = compiled_regex(demand.match)
        faults += [f"'{name}' does not match" for name in columns if not pattern.search(name)]
    if demand.are is not None:
        faults += [f"'{name}' is missing" for name in demand.are if name not in columns]
        faults += [f"'{name}' is not expected" for name in columns if name not in demand.are]
    faults += _type_faults(demand, types)
    if demand.in_order:
        faults += [f"'{name}' is not expected" for name in columns if name not in demand.have]
        if not faults and list(columns) != demand.have:
            faults.append(f"the order is {', '.join(columns)}")
    return faults


def _type_faults(demand: ColumnsDemand, types: Mapping[str, str]) -> list[str]:
    faults = []
    for name, wanted in {**(demand.types or {}), **(demand.fits or {})}.items():
        exact = name in (demand.types or {})
        if name not in types:
            faults.append(f"'{name}' is missing")
        elif types[name] != wanted and (exact or not widens(types[name], wanted)):
            relation = "not" if exact else "which does not fit into"
            faults.append(f"'{name}' is {types[name]}, {relation} {wanted}")
    return faults
