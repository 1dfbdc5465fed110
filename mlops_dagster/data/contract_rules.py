"""Rules about columns alone: answered from the contract, before any row is read."""

from collections.abc import Mapping, Sequence

from mlops_dagster.data.batch import Batch
from mlops_dagster.rules.oracle import evaluate_aggregates
from mlops_dagster.rules.patterns import compiled_regex
from mlops_dagster.spec.rule_checks import ColumnsMatch, Condition
from mlops_dagster.spec.rule_kinds import ColumnsDemand


def contract_answers(batch: Batch) -> Mapping[str, tuple[bool | None, str]]:
    """Return for each rule about columns its truth and what was found instead, in words."""
    columns = batch.delivery.columns
    found: dict[str, tuple[bool | None, str]] = {}
    for rule in batch.declared:
        match rule.check:
            case ColumnsMatch(demand):
                faults = faults_of(demand, columns)
                found[rule.name] = (not faults, "; ".join(faults))
            case Condition(expression) if expression.aggregates and not expression.reads_rows:
                truth = evaluate_aggregates(expression, [], column_count=len(columns))
                answer = truth if isinstance(truth, bool) else None
                found[rule.name] = (answer, f"column_count is {len(columns)}")
    return found


def faults_of(demand: ColumnsDemand, columns: Sequence[str]) -> list[str]:
    """Return one sentence for each column that a demand does not allow, or misses."""
    faults = [f"'{name}' is missing" for name in demand.have if name not in columns]
    faults += [f"'{name}' is there" for name in demand.lack if name in columns]
    if demand.match is not None:
        pattern = compiled_regex(demand.match)
        faults += [f"'{name}' does not match" for name in columns if not pattern.search(name)]
    if demand.in_order:
        faults += [f"'{name}' is not expected" for name in columns if name not in demand.have]
        if not faults and list(columns) != demand.have:
            faults.append(f"the order is {', '.join(columns)}")
    return faults
