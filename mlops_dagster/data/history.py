"""Statistics of earlier batches: read from the events of batches, no table is scanned."""

import math
from collections.abc import Iterator, Mapping

from mlops_dagster.data.batch import Batch
from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.data.verdict import Counts
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.rule_checks import FailsAsUsual, History
from mlops_dagster.spec.rule_demands import Change, Forecast, Usual, UsualFailures
from mlops_dagster.spec.workspace import ResolvedRule
from mlops_dagster.state.fence import published
from mlops_dagster.state.store import EventStore


def statistic_name(rule: ResolvedRule) -> str:
    """Return the name of a history rule's statistic in events: its text and its condition."""
    if isinstance(rule.check, FailsAsUsual):
        return f"failing {rule.check.demand.rule}"
    if not isinstance(rule.check, History):
        raise TypeError(f"{rule.name} is not about history")
    when = "" if rule.when is None else f" when {rule.when.text}"
    return f"{rule.check.statistic.text}{when}"


def earlier_values(store: EventStore, batch: Batch) -> Mapping[str, tuple[float, ...]]:
    """Return the statistics of earlier published batches for each rule about history, newest first.

    Earlier batches of a table with windows are those of the windows before; of a static table, what
    was published of it before. Rows were always counted; another statistic only since its rule is
    there.
    """
    rules = [rule for rule in batch.declared if isinstance(rule.check, History | FailsAsUsual)]
    if not rules:
        return {}
    wanted = {rule.name: _reach(rule) for rule in rules}
    found: dict[str, list[float]] = {rule.name: [] for rule in rules}
    for steps, judged in enumerate(_earlier(store, batch, most=max(wanted.values())), start=1):
        for rule in rules:
            value = None if judged is None else _value(rule, judged)
            fits = steps <= wanted[rule.name] and steps % _apart(rule) == 0
            # A forecast needs every value up to the newest: it ends at the first that is missing.
            whole = not isinstance(_demand(rule), Forecast) or len(found[rule.name]) == steps - 1
            if fits and whole and value is not None:
                found[rule.name].append(value)
    return {name: tuple(values) for name, values in found.items()}


def measured_statistics(batch: Batch, counts: Counts) -> dict[str, float]:
    """Return the numbers that later batches are held against, by their names in events."""
    numbers = {}
    for rule in batch.declared:
        if isinstance(rule.check, FailsAsUsual):
            numbers[statistic_name(rule)] = counts.failing_share(rule.check.demand.rule)
        elif isinstance(rule.check, History) and rule.name in counts.found:
            # Of a batch that was refused for its columns nothing was computed.
            numbers[statistic_name(rule)] = counts.found[rule.name].value
    return {
        name: float(value)
        for name, value in numbers.items()
        if value is not None and math.isfinite(value)
    }


def _reach(rule: ResolvedRule) -> int:
    """Return how many batches back a rule looks at most."""
    demand = _demand(rule)
    return 1 if demand is None or isinstance(demand, Change) else demand.last.count * _apart(rule)


def _demand(rule: ResolvedRule) -> Change | Usual | Forecast | UsualFailures | None:
    return rule.check.demand if isinstance(rule.check, History | FailsAsUsual) else None


def _apart(rule: ResolvedRule) -> int:
    demand = _demand(rule)
    every = demand.every if isinstance(demand, Usual) else None
    return 1 if every is None else every.count


def _value(rule: ResolvedRule, judged: BatchJudged) -> float | None:
    name = statistic_name(rule)
    return float(judged.valid) if name == "row_count" else judged.statistics.get(name)


def _earlier(store: EventStore, batch: Batch, *, most: int) -> Iterator[BatchJudged | None]:
    """Yield the published batches before this one, newest first; None for a window without."""
    ref, calendar = batch.table.ref, batch.table.calendar
    if calendar is None or not batch.table.windowed:
        accepted = [one for one in _judged(store, ref, batch.window) if not one.refused]
        yield from reversed(accepted[-most:])
        return
    for steps in range(1, most + 1):
        window = calendar.shift(batch.window, -steps)
        if window is None:
            return
        publication = published(store, ref, window)
        batches = [] if publication is None else _judged(store, ref, window)
        token = None if publication is None else publication.batch
        yield next((one for one in reversed(batches) if one.token == token), None)


def _judged(store: EventStore, ref: TableRef, window: str) -> list[BatchJudged]:
    found = store.read(batch_stream(ref, window))
    return [one.event for one in found if isinstance(one.event, BatchJudged)]
